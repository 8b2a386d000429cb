//! Pods and pod templates.

use serde_json::{Value, json};

use super::{fill, fill_with, items, section};

const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
/// rw-r--r--, as volumes made of API objects are mounted.
const MODE: i64 = 0o644;

/// A pod, which gets more than its template: requests from limits, host ports, service links.
pub(super) fn pod(object: &mut Value) {
    addresses(object);
    let Some(spec) = section(object, "spec") else { return };
    pod_spec(spec);
    for list in ["containers", "initContainers"] {
        for container in items(spec, list) {
            requests_from_limits(container);
        }
    }
    fill(spec, "enableServiceLinks", true);
    if spec["hostNetwork"] == true {
        for list in ["containers", "initContainers"] {
            for port in items(spec, list).flat_map(|container| items(container, "ports")) {
                let same = port["containerPort"].clone();
                fill(port, "hostPort", same);
            }
        }
    }
}

/// A pod template.
pub(super) fn template(template: &mut Value) {
    section(template, "metadata");
    if let Some(spec) = section(template, "spec") {
        pod_spec(spec);
    }
}

/// The address of a pod is the first of its addresses; where they disagree, the single one is meant.
fn addresses(object: &mut Value) {
    let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) else { return };
    let text = |value: Option<&Value>| {
        value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let first = status.get("podIPs").and_then(|all| all.pointer("/0/ip"));
    match (text(status.get("podIP")), text(first)) {
        (Some(one), first) if first.as_ref() != Some(&one) => {
            status.insert("podIPs".into(), json!([{"ip": one}]));
        }
        (None, Some(first)) => {
            status.insert("podIP".into(), json!(first));
        }
        _ => {}
    }
}

fn pod_spec(spec: &mut Value) {
    fill(spec, "dnsPolicy", "ClusterFirst");
    fill(spec, "restartPolicy", "Always");
    fill_with(spec, "securityContext", || json!({}));
    fill(spec, "terminationGracePeriodSeconds", 30);
    fill(spec, "schedulerName", "default-scheduler");
    same_account_twice(spec);
    for list in CONTAINER_LISTS {
        items(spec, list).for_each(container);
    }
    items(spec, "volumes").for_each(volume);
}

/// The deprecated `serviceAccount` always says the same as `serviceAccountName`.
fn same_account_twice(spec: &mut Value) {
    for (from, to) in [("serviceAccountName", "serviceAccount"), ("serviceAccount", "serviceAccountName")] {
        if let Some(name) = spec[from].as_str().filter(|name| !name.is_empty()).map(str::to_owned) {
            fill(spec, to, name);
        }
    }
}

fn container(container: &mut Value) {
    let policy = pull_policy(container["image"].as_str().unwrap_or_default());
    fill(container, "imagePullPolicy", policy);
    fill(container, "terminationMessagePath", "/dev/termination-log");
    fill(container, "terminationMessagePolicy", "File");
    fill_with(container, "resources", || json!({}));
    for port in items(container, "ports") {
        fill(port, "protocol", "TCP");
    }
    for variable in items(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            fill(field, "apiVersion", "v1");
        }
        if let Some(field) = variable.pointer_mut("/valueFrom/resourceFieldRef") {
            fill(field, "divisor", "0");
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(key) {
            self::probe(probe);
        }
    }
    for hook in ["/lifecycle/postStart/httpGet", "/lifecycle/preStop/httpGet"] {
        if let Some(get) = container.pointer_mut(hook) {
            http_get(get);
        }
    }
}

fn probe(probe: &mut Value) {
    for (key, default) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        if probe[key] == 0 {
            probe[key] = default.into();
        }
        fill(probe, key, default);
    }
    if let Some(get) = probe.get_mut("httpGet") {
        http_get(get);
    }
    if let Some(grpc) = probe.get_mut("grpc")
        && grpc.get("service").is_none_or(Value::is_null)
    {
        grpc["service"] = "".into();
    }
}

fn http_get(get: &mut Value) {
    fill(get, "path", "/");
    fill(get, "scheme", "HTTP");
}

/// `Always` for images whose tag is `latest` or absent.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or_default();
    let latest = match name.split_once('@') {
        Some(_) => false,
        None => name.split_once(':').is_none_or(|(_, tag)| tag == "latest"),
    };
    if latest { "Always" } else { "IfNotPresent" }
}

fn requests_from_limits(container: &mut Value) {
    let Some(limits) = container["resources"]["limits"].as_object().cloned() else { return };
    let Some(requests) = section(&mut container["resources"], "requests") else { return };
    for (name, amount) in limits {
        fill(requests, &name, amount);
    }
}

fn volume(volume: &mut Value) {
    let Some(fields) = volume.as_object_mut() else { return };
    if fields.len() <= 1 {
        fields.insert("emptyDir".to_owned(), json!({}));
    }
    for key in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = fields.get_mut(key) {
            fill(source, "defaultMode", MODE);
            for item in items(source, "items") {
                api_version_of(item);
            }
        }
    }
    if let Some(path) = fields.get_mut("hostPath")
        && path.get("type").is_none_or(Value::is_null)
    {
        path["type"] = "".into();
    }
    if let Some(projected) = fields.get_mut("projected") {
        for source in items(projected, "sources") {
            if let Some(token) = source.get_mut("serviceAccountToken") {
                fill(token, "expirationSeconds", 3600);
            }
            if let Some(downward) = source.get_mut("downwardAPI") {
                items(downward, "items").for_each(api_version_of);
            }
        }
    }
    if let Some(spec) = fields.get_mut("ephemeral").and_then(|e| e.pointer_mut("/volumeClaimTemplate/spec")) {
        fill(spec, "volumeMode", "Filesystem");
    }
    if let Some(image) = fields.get_mut("image") {
        let policy = pull_policy(image["reference"].as_str().unwrap_or_default());
        fill(image, "pullPolicy", policy);
    }
}

fn api_version_of(item: &mut Value) {
    if let Some(field) = item.get_mut("fieldRef") {
        fill(field, "apiVersion", "v1");
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;

    #[test]
    fn a_small_pod_reads_back_with_everything_filled_in() {
        let pod = created(
            "pods",
            json!({"metadata": {"name": "a"}, "spec": {
            "serviceAccountName": "robot",
            "containers": [{"name": "c", "image": "registry.example.org:5000/app",
                "resources": {"limits": {"cpu": "0.5"}},
                "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"port": 80}}}],
            "volumes": [{"name": "v"}, {"name": "s", "secret": {"secretName": "x"}}]}}),
        );
        let expected = json!({
            "serviceAccountName": "robot", "serviceAccount": "robot",
            "containers": [{"name": "c", "image": "registry.example.org:5000/app", "imagePullPolicy": "Always",
                "resources": {"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}},
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1,
                    "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "x", "defaultMode": 420}}],
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "securityContext": {},
            "terminationGracePeriodSeconds": 30, "schedulerName": "default-scheduler", "enableServiceLinks": true,
        });
        assert_eq!(pod["spec"], expected);
        assert_eq!(pod["status"], json!({"phase": "Pending", "qosClass": "Burstable"}));
    }

    #[test]
    fn images_are_pulled_always_only_when_their_tag_moves() {
        let cases = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("host:5000/nginx", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("host:5000/a/nginx:1", "IfNotPresent"),
            ("nginx@sha256:00", "IfNotPresent"),
            ("nginx:latest@sha256:00", "IfNotPresent"),
        ];
        for (image, expected) in cases {
            assert_eq!(pull_policy(image), expected, "{image}");
        }
    }

    #[test]
    fn templates_do_not_get_what_only_pods_get() {
        let mut object = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1"}}}]}});
        template(&mut object);
        assert!(object["spec"].get("enableServiceLinks").is_none());
        assert!(object["spec"]["containers"][0]["resources"].get("requests").is_none());
    }

    #[test]
    fn ports_in_the_host_network_are_host_ports() {
        let pod = created(
            "pods",
            json!({"spec": {"hostNetwork": true,
            "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}}),
        );
        assert_eq!(pod["spec"]["containers"][0]["ports"][0]["hostPort"], 80);
    }
}
