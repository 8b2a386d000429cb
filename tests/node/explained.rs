//! What a real scheduler and real kubelets do to pods is explained by its cause.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use v9s::cluster::Cluster;
use v9s::explain::{Verdict, Wish, explain, gather};
use v9s::gc::ByConnect;
use v9s_testkit::objects;

use crate::seat::{Seat, on_nodes};

/// Nothing here takes that long, but this machine may compile beside it.
const PATIENCE: Duration = Duration::from_secs(240);

/// A pod that is not what it should be, and the code of the cause.
struct Case {
    name: &'static str,
    code: &'static str,
    script: &'static str,
    spec: Value,
    container: Value,
}

const IDLE: &str = "sleep 100000";

fn idle(name: &'static str, code: &'static str, spec: Value, container: Value) -> Case {
    Case { name, code, script: IDLE, spec, container }
}

fn probe(command: &str) -> Value {
    json!({"exec": {"command": ["sh", "-c", command]}, "periodSeconds": 1, "failureThreshold": 1})
}

fn volume(source: Value) -> (Value, Value) {
    let mut volume = json!({"name": "it"});
    if let (Some(volume), Some(source)) = (volume.as_object_mut(), source.as_object()) {
        volume.extend(source.clone());
    }
    (json!({"volumes": [volume]}), json!({"volumeMounts": [{"name": "it", "mountPath": "/it"}]}))
}

fn with_volume(name: &'static str, code: &'static str, source: Value) -> Case {
    let (spec, container) = volume(source);
    idle(name, code, spec, container)
}

fn affinity(kind: &str, labels: Value) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}]}}})
}

/// A port that no other test takes.
fn port() -> Value {
    json!({"ports": [{"containerPort": 8080, "hostPort": 18999}]})
}

fn scheduling() -> Vec<Case> {
    let asks = |what: &str, much: &str| json!({"resources": {"requests": {what: much}}});
    vec![
        idle("cpu", "insufficient-cpu", json!({}), asks("cpu", "4000")),
        idle("memory", "insufficient-memory", json!({}), asks("memory", "40Ti")),
        idle("storage", "insufficient-storage", json!({}), asks("ephemeral-storage", "4000Ti")),
        idle(
            "device",
            "insufficient-resource",
            json!({}),
            json!({"resources": {"limits": {"example.com/device": "1"}}}),
        ),
        idle("selector", "node-selector", json!({"nodeSelector": {"example.com/disk": "none"}}), json!({})),
        idle("beside", "pod-affinity", affinity("podAffinity", json!({"app": "nobody"})), json!({})),
        idle(
            "apart",
            "pod-anti-affinity",
            affinity("podAntiAffinity", json!({"is": "everywhere"})),
            json!({}),
        ),
        idle(
            "spread",
            "topology-spread",
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "example.com/rack",
                "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "spread"}}}]}),
            json!({}),
        ),
        idle("port", "host-port-taken", json!({}), port()),
        idle(
            "gated",
            "scheduling-gated",
            json!({"schedulingGates": [{"name": "example.com/wait"}]}),
            json!({}),
        ),
        idle("other", "scheduler-silent", json!({"schedulerName": "nobody"}), json!({})),
        with_volume("claim", "claim-missing", json!({"persistentVolumeClaim": {"claimName": "nothing"}})),
        with_volume(
            "class",
            "storage-class-missing",
            json!({"persistentVolumeClaim": {"claimName": "classless"}}),
        ),
        with_volume("unbound", "volume-missing", json!({"persistentVolumeClaim": {"claimName": "plain"}})),
    ]
}

fn starting() -> Vec<Case> {
    let from = |kind: &str, name: &str, key: &str| json!({"env": [{"name": "A", "valueFrom": {kind: {"name": name, "key": key}}}]});
    let pull = |image: &str, policy: &str| json!({"image": image, "imagePullPolicy": policy});
    vec![
        with_volume("secret", "secret-missing", json!({"secret": {"secretName": "nothing"}})),
        with_volume("map", "config-map-missing", json!({"configMap": {"name": "nothing"}})),
        with_volume(
            "mount",
            "mount-failed",
            json!({"hostPath": {"path": "/etc/hostname", "type": "Directory"}}),
        ),
        idle("env", "config-map-missing", json!({}), from("configMapKeyRef", "nothing", "a")),
        idle("key", "key-missing", json!({}), from("configMapKeyRef", "some", "b")),
        idle("root", "runs-as-root", json!({"securityContext": {"runAsNonRoot": true}}), json!({})),
        idle("command", "command-missing", json!({}), json!({"command": ["/no/such/program"]})),
        idle("never", "image-never-pulled", json!({}), pull("example.invalid/none:1", "Never")),
        idle("name", "image-name-invalid", json!({}), pull("Not::an/image", "Always")),
        idle("registry", "registry-unreachable", json!({}), pull("127.0.0.1:1/none:1", "Always")),
    ]
}

fn running() -> Vec<Case> {
    let once = json!({"restartPolicy": "Never"});
    let script = |name, code, script, spec, container| Case { name, code, script, spec, container };
    let init = |script: &str| json!({"initContainers": [{"name": "first", "image": v9s_testkit::node::images::BUSYBOX, "command": ["sh", "-c", script]}]});
    vec![
        script("crash", "crash-loop", "echo no >&2; exit 3", json!({}), json!({})),
        script("ends", "crash-loop", "exit 0", json!({}), json!({})),
        script("init-crash", "crash-loop", IDLE, init("exit 4"), json!({})),
        script("init-runs", "init-running", IDLE, init(IDLE), json!({})),
        script("once", "failed", "exit 5", once.clone(), json!({})),
        script(
            "late",
            "deadline",
            IDLE,
            json!({"restartPolicy": "Never", "activeDeadlineSeconds": 3}),
            json!({}),
        ),
        script(
            "hungry",
            "out-of-memory",
            "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done",
            json!({}),
            json!({"resources": {"limits": {"memory": "32Mi", "cpu": "200m"}}}),
        ),
        script(
            "unready",
            "readiness-failing",
            IDLE,
            json!({}),
            json!({"readinessProbe": probe("echo closed; exit 1")}),
        ),
        script(
            "unborn",
            "startup-failing",
            IDLE,
            json!({}),
            json!({"startupProbe": {
            "exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1000}}),
        ),
        script(
            "dies",
            "liveness-failing",
            "trap '' TERM; sleep 100000",
            json!({}),
            json!({"livenessProbe": probe("exit 1")}),
        ),
        script(
            "gate",
            "readiness-gate",
            IDLE,
            json!({"readinessGates": [{"conditionType": "example.com/attached"}]}),
            json!({}),
        ),
    ]
}

/// Waits until the explanation is this one, twice in a row.
async fn settles(host: &Cluster, namespace: &str, name: &str, code: &str) -> Result<Verdict> {
    let wish = Wish::Host { namespace: namespace.into(), pod: name.into() };
    let began = tokio::time::Instant::now();
    let (mut before, mut last) = (false, String::new());
    while began.elapsed() < PATIENCE {
        match gather(host, &ByConnect::default(), &wish).await {
            Ok(facts) => {
                let verdict = explain(&facts);
                let now = verdict.code == code;
                if now && before {
                    return Ok(verdict);
                }
                before = now;
                last = format!("{}: {verdict:#?}", verdict.sentence);
            }
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    bail!("{name} is never explained by {code}; at last it was {last}")
}

/// Every case gets its explanation, with what shows it and what to do.
async fn all(seat: &Seat, cases: Vec<Case>) -> Result<()> {
    for case in &cases {
        seat.script(case.name, case.script, case.spec.clone(), case.container.clone()).await?;
    }
    let host = Cluster::from_client("host", "https://host", "default", seat.client.clone());
    for case in &cases {
        let verdict = settles(&host, &seat.namespace, case.name, case.code).await?;
        let Some(cause) = verdict.cause() else { bail!("{}: {}", case.name, verdict.sentence) };
        anyhow::ensure!(!cause.evidence.is_empty() && !cause.fixes.is_empty(), "{}: {cause:?}", case.name);
        anyhow::ensure!(verdict.unread.is_empty(), "{}: {:?}", case.name, verdict.unread);
    }
    Ok(())
}

fn claim(name: &str, class: Option<&str>) -> Value {
    let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    if let Some(class) = class {
        claim["spec"]["storageClassName"] = json!(class);
    }
    claim
}

on_nodes! {
    async fn explained_what_a_scheduler_says(seat: Seat) -> Result<()> {
        seat.create(claim("classless", Some("no-such-class"))).await?;
        seat.create(claim("plain", None)).await?;
        // One on each node takes the port there, and keeps the one away that wants to be apart.
        for node in 0..seat.cluster.nodes().len() {
            let name = format!("there-{node}");
            seat.idle(&name, seat.on(node), port()).await?;
            let labels = json!([{"op": "add", "path": "/metadata/labels/is", "value": "everywhere"}]);
            let patch = kube::api::Patch::Json::<()>(serde_json::from_value(labels)?);
            seat.api::<k8s_openapi::api::core::v1::Pod>().patch(&name, &kube::api::PatchParams::default(), &patch).await?;
        }
        all(&seat, scheduling()).await
    }

    async fn explained_what_keeps_a_pod_from_starting(seat: Seat) -> Result<()> {
        seat.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "some"}, "data": {"a": "1"}})).await?;
        let class = json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "explained-no-handler"}, "handler": "no-such-handler"});
        objects::create(&seat.client, &class).await?;
        let mut cases = starting();
        cases.push(idle("handler", "runtime-handler-missing", json!({"runtimeClassName": "explained-no-handler"}), json!({})));
        all(&seat, cases).await
    }

    async fn explained_what_runs_and_ends(seat: Seat) -> Result<()> {
        all(&seat, running()).await
    }

    async fn explained_what_a_kubelet_does_not_take(seat: Seat) -> Result<()> {
        let node = seat.cluster.nodes()[0].name().to_owned();
        let taken = json!({"nodeName": node});
        all(&seat, vec![idle("full", "node-refused", taken, json!({"resources": {"requests": {"cpu": "4000"}}}))]).await
    }
}
