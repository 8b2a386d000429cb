//! What really runs in pods: nested API servers, programs of the embedding one, and what can befall them. Only the embedded
//! host has these.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use kube::Client;
use serde_json::{Value, json};
use v9s_sandbox::controllers::{self, Controllers};
use v9s_sandbox::node::{Behaviour, ControlPlane, Exit, Images, Machines, Process, Program, Work};
use v9s_sandbox::store::Health;
use v9s_sandbox::{Options, Sandbox};

use crate::hosts::{Answer, client, get, name, post, send, with_token};

/// A host with one node and these images, and a client of it.
async fn host(images: Images) -> Result<(Sandbox, Client)> {
    let machines = Machines { count: 1, ..Machines::default() };
    let controllers = controllers::Options { machines, images, ..controllers::Options::default() };
    let sandbox = Sandbox::start(Options { controllers: Some(controllers), ..Options::default() }).await?;
    let client = client(&sandbox.kubeconfig()).await?;
    let class = json!({"metadata": {"name": "disks"}, "provisioner": "disks.example.org"});
    post(&client, "/apis/storage.k8s.io/v1/storageclasses", &class).await?.expect_code(201)?;
    hand(&sandbox).settled().await;
    Ok((sandbox, client))
}

fn hand(sandbox: &Sandbox) -> &Controllers {
    sandbox.controllers().expect("controllers")
}

fn control_planes() -> Images {
    let plane = |_: &v9s_sandbox::node::Container<'_>| Work::ControlPlane(ControlPlane::default());
    Images::default().run("*/vcluster*", |_| Behaviour::default(), plane)
}

fn program<F>(entry: impl Fn(Process) -> F + Clone + Send + Sync + 'static) -> Images
where
    F: Future<Output = i64> + Send + 'static,
{
    let program = Program::new(entry);
    // One container is ready when the program says so, others as soon as they run.
    let behaviour = |container: &v9s_sandbox::node::Container<'_>| match container.name {
        "says-so" => Behaviour { ready: None, ..Behaviour::default() },
        _ => Behaviour::default(),
    };
    Images::default().run("*/program*", behaviour, move |_| Work::Program(program.clone()))
}

const PODS: &str = "/api/v1/namespaces/default/pods";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn pod(name: &str, image: &str, volume: Option<Value>) -> Value {
    let mut pod = json!({"metadata": {"name": name}, "spec": {"terminationGracePeriodSeconds": 30, "containers": [
        {"name": "c", "image": image, "ports": [{"containerPort": 8443}]}]}});
    if let Some(mut volume) = volume {
        volume["name"] = json!("data");
        pod["spec"]["volumes"] = json!([volume]);
        pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    }
    pod
}

/// Reads again and again until it is as it should be.
async fn until(client: &Client, path: &str, like: impl Fn(&Answer) -> bool) -> Result<Value> {
    for _ in 0..1000 {
        let answer = get(client, path).await?;
        if like(&answer) {
            return Ok(answer.json());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    anyhow::bail!("{path} never came to be as it should: {}", get(client, path).await?.text)
}

fn is_ready(answer: &Answer) -> bool {
    answer.json()["status"]["containerStatuses"][0]["ready"] == true
}

/// Starts a pod with a control plane and waits until it answers.
async fn plane(sandbox: &Sandbox, client: &Client, volume: Option<Value>) -> Result<(Arc<Sandbox>, Client)> {
    post(client, PODS, &pod("vc", "ghcr.io/loft-sh/vcluster:0.30", volume)).await?.expect_code(201)?;
    reach(sandbox, client, 0).await
}

/// The control plane of the pod after so many restarts.
async fn reach(sandbox: &Sandbox, client: &Client, restarts: i64) -> Result<(Arc<Sandbox>, Client)> {
    let again = |answer: &Answer| answer.json()["status"]["containerStatuses"][0]["restartCount"] == restarts;
    until(client, &format!("{PODS}/vc"), |answer| is_ready(answer) && again(answer)).await?;
    let nested = sandbox.nested("default", "vc").context("a ready control plane answers")?;
    let inside = crate::hosts::client(&nested.kubeconfig()).await?;
    Ok((nested, inside))
}

async fn delete(client: &Client, path: &str) -> Result<()> {
    send(client, http::Method::DELETE, path, &[], Vec::new()).await?.expect_code(200)?;
    until(client, path, |answer| answer.code == 404).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_with_a_control_plane_is_an_api_of_its_own() -> Result<()> {
    let (sandbox, client) = host(control_planes()).await?;
    let (_nested, inside) = plane(&sandbox, &client, None).await?;
    let deployment = json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}});
    post(&inside, "/apis/apps/v1/namespaces/default/deployments", &deployment).await?.expect_code(201)?;
    let made = until(&inside, PODS, |answer| answer.names().len() == 2).await?;
    assert_eq!(made["items"][0]["status"]["phase"], "Pending", "pods wait for whoever syncs them");
    assert!(made["items"][0]["status"].get("conditions").is_none(), "no scheduler has looked at them");
    assert_eq!(get(&client, PODS).await?.names(), ["vc"], "the host knows nothing of it");
    let log = get(&client, &format!("{PODS}/vc/log")).await?.text;
    assert!(log.contains("a new store in /data") && log.contains("serving on port 8443"), "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_port_leads_to_it() -> Result<()> {
    let (sandbox, client) = host(control_planes()).await?;
    let (nested, inside) = plane(&sandbox, &client, None).await?;
    post(&inside, MAPS, &json!({"metadata": {"name": "inner"}})).await?.expect_code(201)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let through = nested
        .kubeconfig()
        .replace(nested.url(), &format!("https://localhost:{}", listener.local_addr()?.port()));
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> = kube::Api::default_namespaced(client.clone());
    let carrier = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        let mut forwarder = pods.portforward("vc", &[8443]).await?;
        let mut stream = forwarder.take_stream(8443).context("a stream")?;
        tokio::io::copy_bidirectional(&mut socket, &mut stream).await?;
        anyhow::Ok(())
    });
    let through = crate::hosts::client(&through).await?;
    assert!(get(&through, MAPS).await?.names().contains(&"inner".to_owned()));
    carrier.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_holds_lives_as_long_as_its_volume() -> Result<()> {
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = json!({"metadata": {"name": "data"}, "spec": {"storageClassName": "disks", "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}}}});
    let claimed = json!({"persistentVolumeClaim": {"claimName": "data"}});
    // Volume; whether it outlives a restart of the container, and the pod.
    let cases =
        [(None, false, false), (Some(json!({"emptyDir": {}})), true, false), (Some(claimed), true, true)];
    for (volume, over_restart, over_pod) in cases {
        let (sandbox, client) = host(control_planes()).await?;
        post(&client, claims, &claim).await?.expect_code(201)?;
        let (_, inside) = plane(&sandbox, &client, volume.clone()).await?;
        post(&inside, MAPS, &json!({"metadata": {"name": "kept"}})).await?.expect_code(201)?;

        hand(&sandbox).hand().exit("default", "vc", "c", Exit::killed());
        let (nested, inside) = reach(&sandbox, &client, 1).await?;
        assert_eq!(get(&inside, &format!("{MAPS}/kept")).await?.code == 200, over_restart, "{volume:?}");
        drop((nested, inside));

        delete(&client, &format!("{PODS}/vc")).await?;
        let (nested, inside) = plane(&sandbox, &client, volume.clone()).await?;
        assert_eq!(get(&inside, &format!("{MAPS}/kept")).await?.code == 200, over_pod, "{volume:?}");
        drop((nested, inside));

        delete(&client, &format!("{PODS}/vc")).await?;
        assert!(sandbox.nested("default", "vc").is_none());
        delete(&client, &format!("{claims}/data")).await?;
        post(&client, claims, &claim).await?.expect_code(201)?;
        let (_nested, inside) = plane(&sandbox, &client, volume.clone()).await?;
        assert_eq!(get(&inside, &format!("{MAPS}/kept")).await?.code, 404, "{volume:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_is_read_only_and_a_corrupt_one_answers_nothing() -> Result<()> {
    let (sandbox, client) = host(control_planes()).await?;
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = json!({"metadata": {"name": "data"}, "spec": {"storageClassName": "disks", "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}}}});
    post(&client, claims, &claim).await?.expect_code(201)?;
    let volume = json!({"persistentVolumeClaim": {"claimName": "data"}});
    let (nested, inside) = plane(&sandbox, &client, Some(volume)).await?;
    hand(&sandbox).hand().fill("default", "data", true);
    hand(&sandbox).settled().await;
    let refused = post(&inside, MAPS, &json!({"metadata": {"name": "late"}})).await?.refusal();
    assert_eq!(refused, (500, String::new(), "etcdserver: mvcc: database space exceeded".to_owned()));
    assert_eq!(get(&inside, MAPS).await?.code, 200);
    hand(&sandbox).hand().fill("default", "data", false);
    hand(&sandbox).settled().await;
    post(&inside, MAPS, &json!({"metadata": {"name": "late"}})).await?.expect_code(201)?;

    nested.store().set_health(Health::Corrupt);
    assert_eq!(get(&inside, MAPS).await?.refusal().2, "etcdserver: corrupt cluster");
    let ready = get(&inside, "/readyz").await?;
    assert_eq!((ready.code, ready.text.contains("[-]etcd failed")), (500, true), "{}", ready.text);
    until(&client, &format!("{PODS}/vc"), |answer| !is_ready(answer)).await?;
    nested.store().set_health(Health::Sound);
    until(&client, &format!("{PODS}/vc"), is_ready).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_acts_as_its_account_and_writes_a_log() -> Result<()> {
    let images = program(|process| async move {
        process.log(format!(
            "{} {} {}",
            process.pod_name(),
            process.arguments.join(" "),
            process.environment["COLOUR"]
        ));
        let access = process.access.clone().expect("a host with an API server");
        let client = crate::hosts::client(&access.kubeconfig).await.expect("a client");
        let made = post(&client, MAPS, &json!({"metadata": {"name": "mine"}})).await.expect("an answer");
        process.log(format!("answered {}", made.code));
        process.set_ready(true);
        process.stop.cancelled().await;
        process.log("stopping");
        0
    });
    let (_sandbox, client) = host(images).await?;
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    let binding = json!({"metadata": {"name": "edit"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"kind": "ServiceAccount", "name": "worker", "namespace": "default"}]});
    post(&client, rbac, &binding).await?.expect_code(201)?;
    post(&client, "/api/v1/namespaces/default/serviceaccounts", &json!({"metadata": {"name": "worker"}}))
        .await?
        .expect_code(201)?;
    for (name, account, code) in [("allowed", "worker", 201), ("refused", "default", 403)] {
        let mut object = pod(name, "example.org/program:1", None);
        object["spec"]["serviceAccountName"] = json!(account);
        object["spec"]["containers"][0]["name"] = json!("says-so");
        object["spec"]["containers"][0]["args"] = json!(["--verbose"]);
        object["spec"]["containers"][0]["env"] = json!([{"name": "COLOUR", "value": "blue"}]);
        post(&client, PODS, &object).await?.expect_code(201)?;
        let path = format!("{PODS}/{name}");
        until(&client, &path, is_ready).await?;
        let log = get(&client, &format!("{path}/log")).await?.text;
        assert_eq!(log, format!("{name} --verbose blue\nanswered {code}\n"));
        delete(&client, &path).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_ends_with_its_program_and_starts_again() -> Result<()> {
    let images = program(|process| async move {
        process.log(format!("run {}", process.restarts));
        if process.restarts == 0 { 3 } else { std::future::pending().await }
    });
    let (_sandbox, client) = host(images).await?;
    post(&client, PODS, &pod("p", "example.org/program:1", None)).await?.expect_code(201)?;
    let path = format!("{PODS}/p");
    let again = |answer: &Answer| answer.json()["status"]["containerStatuses"][0]["restartCount"] == 1;
    let pod = until(&client, &path, |answer| again(answer) && is_ready(answer)).await?;
    assert_eq!(pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(get(&client, &format!("{path}/log")).await?.text, "run 1\n");
    assert_eq!(get(&client, &format!("{path}/log?previous=true")).await?.text, "run 0\n");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_stop_is_killed_after_its_grace() -> Result<()> {
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    let images = program(move |process| {
        let told = told.clone();
        async move {
            told.send(()).ok();
            process.stop.cancelled().await;
            let never = std::future::pending().await;
            drop(told);
            never
        }
    });
    let (sandbox, client) = host(images).await?;
    let mut object = pod("p", "example.org/program:1", None);
    object["spec"]["terminationGracePeriodSeconds"] = json!(1);
    post(&client, PODS, &object).await?.expect_code(201)?;
    until(&client, &format!("{PODS}/p"), is_ready).await?;
    tell.recv().await.context("the program has begun")?;
    let mut watch = sandbox.store().cursor(&v9s_sandbox::store::Gr::core("pods"), sandbox.store().revision());
    delete(&client, &format!("{PODS}/p")).await?;
    let events = watch.take().map_err(|_| anyhow::anyhow!("the log is long enough"))?;
    let last = events.last().context("a deletion")?.object.value();
    assert_eq!(last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 137);
    assert_eq!(last["status"]["phase"], "Failed");
    drop((sandbox, client));
    // Nothing of it is left: all senders are gone.
    let none: Option<()> = tell.recv().await;
    assert!(none.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_killed_nodes_lose_power_and_volumes_fill_up() -> Result<()> {
    let (sandbox, client) = host(Images::default()).await?;
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = json!({"metadata": {"name": "data"}, "spec": {"storageClassName": "disks", "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}}}});
    post(&client, claims, &claim).await?.expect_code(201)?;
    let volume = json!({"persistentVolumeClaim": {"claimName": "data"}});
    post(&client, PODS, &pod("p", "app:1", Some(volume))).await?.expect_code(201)?;
    let path = format!("{PODS}/p");
    until(&client, &path, is_ready).await?;
    let last = |pod: &Value| pod["status"]["containerStatuses"][0]["lastState"]["terminated"].clone();

    hand(&sandbox).hand().kill("default", "p");
    let pod = until(&client, &path, |answer| is_ready(answer) && last(&answer.json()).is_object()).await?;
    assert_eq!(
        (&last(&pod)["exitCode"], &pod["status"]["containerStatuses"][0]["restartCount"]),
        (&json!(137), &json!(1))
    );

    hand(&sandbox).hand().crash("node-1");
    let unready = |answer: &Answer| {
        let conditions = answer.json()["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "False")
    };
    let lost = until(&client, &path, unready).await?;
    assert!(lost["status"]["containerStatuses"][0]["state"]["running"].is_object(), "nobody has seen it end");
    hand(&sandbox).hand().cut_off("node-1", false);
    let ended = |answer: &Answer| last(&answer.json())["exitCode"] == 255;
    let pod = until(&client, &path, ended).await?;
    assert_eq!(last(&pod)["reason"], "Unknown");

    let (sandbox, client) = host(Images::default()).await?;
    post(&client, claims, &claim).await?.expect_code(201)?;
    let volume = json!({"persistentVolumeClaim": {"claimName": "data"}});
    post(&client, PODS, &self::pod("p", "app:1", Some(volume))).await?.expect_code(201)?;
    until(&client, &path, is_ready).await?;
    hand(&sandbox).hand().fill("default", "data", true);
    let failed = |answer: &Answer| last(&answer.json())["message"] == "write failed: no space left on device";
    let pod = until(&client, &path, failed).await?;
    assert_eq!(last(&pod)["exitCode"], 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_server_needs_its_own_tokens() -> Result<()> {
    let (sandbox, client) = host(control_planes()).await?;
    let (nested, inside) = plane(&sandbox, &client, None).await?;
    assert_eq!(get(&inside, MAPS).await?.code, 200);
    let stranger = with_token(&nested.kubeconfig(), Some("of-the-host")).await?;
    assert_eq!(get(&stranger, MAPS).await?.code, 401);
    assert_eq!(name(&get(&inside, "/api/v1/namespaces/kube-system").await?.json()), "kube-system");
    Ok(())
}
