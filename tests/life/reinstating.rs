//! Objects of a backup come back into a virtual cluster that runs, on both hosts, which stand for the tenant's API server. On the real
//! one the backup holds what its etcd holds.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use kube::api::{DeleteParams, DynamicObject};
use serde_json::{Value, json};
use smol_str::SmolStr;
use tempfile::TempDir;
use v9s::audit::AuditLog;
use v9s::backup::archive::{Identities, Tenant};
use v9s::backup::destination::{Destination, Environment, Place as At};
use v9s::cluster::Cluster;
use v9s::gc::{Inside, Place, Ways};
use v9s::lifecycle::reinstate::{self, Difference, Done, Plan, Request, Step, Wanted};
use v9s::target::Target;
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;

use crate::archived::{Stored, archive};
use crate::seat::{self, api, change, until};

/// Leads to the host itself.
struct Itself(Cluster);

impl Ways for Itself {
    fn open<'a>(&'a self, _: &'a Cluster, _: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>> {
        Box::pin(async move { Ok(Inside { cluster: self.0.clone(), way: None }) })
    }
}

/// What a tenant has in a namespace, and its group of custom resources.
struct Room {
    host: Host,
    namespace: String,
    group: String,
    target: Target,
    cluster: Cluster,
    folder: TempDir,
}

/// An object of the tenant: group, kind, plural in keys, name.
type Object = (&'static str, &'static str, &'static str, &'static str);
const SETTINGS: Object = ("", "ConfigMap", "configmaps", "settings");
const SECRET: Object = ("", "Secret", "secrets", "password");
const SERVICE: Object = ("", "Service", "services/specs", "web");
const WEB: Object = ("apps", "Deployment", "deployments", "web");

impl Room {
    async fn make(host: Host, stem: &str) -> Result<Room> {
        let tenant = seat::tenant(&host, "plane");
        seat::put(&host, &tenant).await?;
        let cluster = seat::cluster(&host.kubeconfig).await?;
        let target = seat::look(&cluster, &tenant).await?;
        let folder = tempfile::tempdir()?;
        let cluster = cluster.with_audit(AuditLog::at(folder.path().join("audit")));
        let (namespace, group) = (host.namespace(stem).await?, format!("{}.example.org", host.named(stem)));
        let room = Room { host, namespace, group, target, cluster, folder };
        room.fill().await?;
        Ok(room)
    }

    fn meta(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace, "labels": {"app.kubernetes.io/name": name}, "annotations": {"note": "two\nlines"}})
    }

    fn definition(&self) -> Value {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("widgets.{}", self.group)},
            "spec": {"group": self.group, "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]}})
    }

    async fn fill(&self) -> Result<()> {
        let labels = json!({"app": "web"});
        self.host
            .seed(&[
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": self.meta("settings"), "data": {"colour": "red"},
                    "binaryData": {"b": STANDARD.encode([0, 255, 7])}}),
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": self.meta("password"), "data": {"word": STANDARD.encode("hunter2")}}),
                json!({"apiVersion": "v1", "kind": "Service", "metadata": self.meta("web"), "spec": {"selector": labels,
                    "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}),
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": self.meta("web"), "spec": {"replicas": 3,
                    "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                        "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {"limits": {"memory": "64Mi"}}}]}}}}),
                self.definition(),
            ])
            .await?;
        until("the definition is served", || async {
            Ok(self.widgets().list(&Default::default()).await.is_ok())
        })
        .await?;
        let widget = json!({"apiVersion": format!("{}/v1", self.group), "kind": "Widget", "metadata": self.meta("one"), "spec": {"size": 3}});
        let widget: DynamicObject = serde_json::from_value(widget)?;
        until("a widget is there", || async {
            Ok(self.widgets().create(&Default::default(), &widget).await.is_ok())
        })
        .await
    }

    fn widgets(&self) -> kube::Api<DynamicObject> {
        api(&self.host, &self.group, "Widget", Some(&self.namespace))
    }

    fn of(&self, object: Object) -> kube::Api<DynamicObject> {
        api(&self.host, object.0, object.1, Some(&self.namespace))
    }

    async fn now(&self, object: Object) -> Result<Option<Value>> {
        let found = self.of(object).get_opt(object.3).await?;
        Ok(found.map(|found| serde_json::to_value(found).map(content)).transpose()?)
    }

    async fn delete(&self, object: Object) -> Result<()> {
        self.of(object).delete(object.3, &DeleteParams::default()).await?;
        until(&format!("{} is gone", object.3), || async { Ok(self.now(object).await?.is_none()) }).await
    }

    /// What the store holds of an object: on the real host from its etcd, elsewhere in JSON.
    async fn stored(&self, key: String, live: Option<DynamicObject>) -> Result<Stored> {
        let value = match self.host.store_url() {
            Some(store) => from_etcd(store, &key).await?,
            None => serde_json::to_vec(&live.with_context(|| format!("{key} is not there"))?)?,
        };
        Ok((key, value))
    }

    /// All that there is in the namespace.
    async fn all(&self) -> Result<Vec<Stored>> {
        let mut all = Vec::new();
        for object in [SETTINGS, SECRET, SERVICE, WEB] {
            let key = format!("/registry/{}/{}/{}", object.2, self.namespace, object.3);
            all.push(self.stored(key, self.of(object).get_opt(object.3).await?).await?);
        }
        let key = format!("/registry/{}/widgets/{}/one", self.group, self.namespace);
        all.push(self.stored(key, self.widgets().get_opt("one").await?).await?);
        let name = format!("widgets.{}", self.group);
        let key = format!("/registry/apiextensions.k8s.io/customresourcedefinitions/{name}");
        let definitions = api(&self.host, "apiextensions.k8s.io", "CustomResourceDefinition", None);
        all.push(self.stored(key, definitions.get_opt(&name).await?).await?);
        Ok(all)
    }

    fn file(&self, bytes: &[u8]) -> Result<()> {
        Ok(std::fs::write(self.folder.path().join("backup"), bytes)?)
    }

    fn backup(&self, stored: Vec<Stored>) -> Result<()> {
        self.file(&archive(self.tenant(), stored)?)
    }

    fn tenant(&self) -> Tenant {
        Tenant {
            host: "https://host".into(),
            namespace: self.target.namespace.clone(),
            name: self.target.name.clone(),
        }
    }

    async fn look(&self, only: &[String]) -> Result<Plan> {
        let at = At::parse_file(self.folder.path().join("backup").to_str().context("a path")?)?;
        let request = Request {
            at: Destination::open(at.0, &Environment::of_process())?,
            name: at.1,
            identities: Identities::default(),
            expected: self.tenant(),
            wanted: only.iter().map(|one| one.parse::<Wanted>()).collect::<Result<_, _>>()?,
        };
        let ways = Arc::new(Itself(self.cluster.clone()));
        Ok(reinstate::look(self.cluster.clone(), self.target.clone(), ways, request).result().await?)
    }

    fn mine(&self) -> Vec<String> {
        vec![format!("ns={}", self.namespace)]
    }
}

async fn from_etcd(store: &str, key: &str) -> Result<Vec<u8>> {
    let client = kube::Client::try_from(kube::Config::new(store.parse()?))?;
    let body = json!({"key": STANDARD.encode(key)}).to_string().into_bytes();
    let answer: Value = client.request(http::Request::post("/v3/kv/range").body(body)?).await?;
    let value = answer["kvs"][0]["value"].as_str().with_context(|| format!("{key} is not in etcd"))?;
    Ok(STANDARD.decode(value)?)
}

/// What of an object is its owner's wish.
fn content(mut object: Value) -> Value {
    let own: [(&str, &[&str]); 3] = [
        ("/metadata", &["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"]),
        ("/spec", &["clusterIP", "clusterIPs"]),
        ("", &["status"]),
    ];
    for (place, keys) in own {
        if let Some(fields) = object.pointer_mut(place).and_then(Value::as_object_mut) {
            fields.retain(|key, _| !keys.contains(&key.as_str()));
        }
    }
    object
}

/// What is planned for each, by kind.
fn steps(plan: &Plan) -> Vec<(&str, &'static str)> {
    let word = |step: &Step| match step {
        Step::Create { differences: Some(_) } => "create",
        Step::Create { differences: None } => "create later",
        Step::Change { .. } => "change",
        Step::Same => "same",
        Step::Cannot { .. } => "cannot",
    };
    let mut steps: Vec<_> =
        plan.items.iter().map(|it| (it.object.resource.kind.as_str(), word(&it.step))).collect();
    steps.sort_unstable();
    steps
}

fn differences<'a>(plan: &'a Plan, kind: &str) -> &'a [Difference] {
    let item = plan.items.iter().find(|it| it.object.resource.kind == kind);
    match item.map(|it| &it.step) {
        Some(Step::Change { differences } | Step::Create { differences: Some(differences) }) => differences,
        other => panic!("{kind}: {other:?}"),
    }
}

async fn done(plan: Plan) -> Result<Vec<(String, Done)>> {
    let told = reinstate::start(plan).result().await?;
    Ok(told.into_iter().map(|it| (it.object.resource.kind.to_string(), it.done)).collect())
}

fn of<'a>(done: &'a [(String, Done)], kind: &str) -> &'a Done {
    let found = done.iter().find(|(of, _)| of == kind).map(|(_, done)| done);
    found.unwrap_or_else(|| panic!("{kind} in {done:?}"))
}

both_hosts! {
    async fn what_was_deleted_or_changed_comes_back_as_it_was(host: Host) -> Result<()> {
        let room = Room::make(host, "back").await?;
        room.backup(room.all().await?)?;
        let before = [SETTINGS, SECRET, SERVICE, WEB];
        let before = futures::future::try_join_all(before.map(|it| room.now(it))).await?;
        let widget = content(serde_json::to_value(room.widgets().get("one").await?)?);
        assert_eq!(room.look(&room.mine()).await?.writes(), 0, "nothing is to be done where nothing has changed");

        room.delete(SETTINGS).await?;
        room.delete(WEB).await?;
        room.widgets().delete("one", &DeleteParams::default()).await?;
        let place = |name| (Some(room.namespace.as_str()), name);
        let broken = json!({"metadata": {"labels": {"app.kubernetes.io/name": "other"}}, "spec": {"selector": {"app": "gone"}}});
        change(&room.host, "", "Service", place("web"), broken).await?;
        change(&room.host, "", "Secret", place("password"), json!({"data": {"word": STANDARD.encode("hunter3")}})).await?;

        let plan = room.look(&room.mine()).await?;
        assert_eq!(
            steps(&plan),
            [("ConfigMap", "create"), ("Deployment", "create"), ("Secret", "change"), ("Service", "change"), ("Widget", "create")]
        );
        let paths: Vec<&str> = differences(&plan, "Service").iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, ["metadata.labels[app.kubernetes.io/name]", "spec.selector.app"]);
        let [word] = differences(&plan, "Secret") else { panic!("{plan:?}") };
        assert_eq!((word.path.as_str(), word.now.as_deref()), ("data.word", Some("\"(hidden, 12 bytes)\"")));
        assert!(room.now(SETTINGS).await?.is_none() && room.now(WEB).await?.is_none(), "a look leaves nothing");

        let told = done(plan).await?;
        for (kind, expected) in [("ConfigMap", Done::Created), ("Service", Done::Changed), ("Deployment", Done::Created), ("Widget", Done::Created)] {
            assert_eq!(of(&told, kind), &expected);
        }
        let after = futures::future::try_join_all([SETTINGS, SECRET, SERVICE, WEB].map(|it| room.now(it))).await?;
        assert_eq!(after, before);
        assert_eq!(content(serde_json::to_value(room.widgets().get("one").await?)?), widget);
        assert_eq!(room.look(&room.mine()).await?.writes(), 0, "a second run has nothing to do");
        let records = std::fs::read_to_string(room.folder.path().join("audit"))?;
        assert_eq!(records.lines().filter(|line| line.contains("\"reinstate\"")).count(), 5, "{records}");
        Ok(())
    }

    async fn what_somebody_changed_meanwhile_is_left_alone(host: Host) -> Result<()> {
        let room = Room::make(host, "meanwhile").await?;
        room.backup(room.all().await?)?;
        let place = |name| (Some(room.namespace.as_str()), name);
        room.delete(SETTINGS).await?;
        room.delete(WEB).await?;
        change(&room.host, "", "Service", place("web"), json!({"spec": {"selector": {"app": "gone"}}})).await?;
        let plan = room.look(&room.mine()).await?;
        // The tenant mends by itself while the operator reads.
        change(&room.host, "", "Service", place("web"), json!({"spec": {"selector": {"app": "mended"}}})).await?;
        room.host.seed(&[json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": room.meta("settings"), "data": {"colour": "blue"}})]).await?;
        let (service, settings) = (room.now(SERVICE).await?, room.now(SETTINGS).await?);

        let told = done(plan).await?;
        let Done::Meanwhile { differences } = of(&told, "Service") else { panic!("{told:?}") };
        assert!(differences.iter().any(|it| it.now.as_deref() == Some("\"mended\"")), "{differences:?}");
        assert!(matches!(of(&told, "ConfigMap"), Done::Meanwhile { .. }), "{told:?}");
        assert_eq!(of(&told, "Deployment"), &Done::Created, "one does not keep the others from it");
        assert_eq!((room.now(SERVICE).await?, room.now(SETTINGS).await?), (service, settings));
        Ok(())
    }

    async fn a_hostile_backup_changes_nothing(host: Host) -> Result<()> {
        let room = Room::make(host, "hostile").await?;
        let good = room.all().await?;
        let (_, service) = good.iter().find(|(key, _)| key.contains("services")).context("a Service")?.clone();
        let key = |plural: &str, name: &str| format!("/registry/{plural}/{}/{name}", room.namespace);
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "x", "namespace": room.namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}});
        let map = |name: &str, namespace: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}});
        room.backup(vec![
            (key("configmaps", "rubbish"), vec![0xff; 300]),
            (key("configmaps", "cut"), service[..service.len() / 2].to_vec()),
            (key("configmaps", "service"), service),
            (key("configmaps", "elsewhere"), map("elsewhere", "kube-system").to_string().into_bytes()),
            (key("configmaps", "x"), role.to_string().into_bytes()),
            (key("configmaps", "a?b"), map("a?b", &room.namespace).to_string().into_bytes()),
            (key("configmaps", "Not_A_Name"), map("Not_A_Name", &room.namespace).to_string().into_bytes()),
        ])?;
        let plan = room.look(&room.mine()).await?;
        assert_eq!(steps(&plan), [("ClusterRoleBinding", "cannot"), ("ConfigMap", "cannot")], "{plan:?}");
        assert_eq!(plan.left.len(), 5, "{:?}", plan.left);
        let told = done(plan).await?;
        assert!(told.iter().all(|(_, done)| matches!(done, Done::Failed { .. })), "{told:?}");
        let maps = room.of(SETTINGS).list(&Default::default()).await?;
        let names: Vec<_> = maps.items.into_iter().filter_map(|map| map.metadata.name).collect();
        assert_eq!(names.iter().filter(|name| *name != "kube-root-ca.crt").collect::<Vec<_>>(), ["settings"]);

        let mut flipped = archive(room.tenant(), good)?;
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x10;
        room.file(&flipped)?;
        let error = room.look(&room.mine()).await.err().context("it was believed")?.to_string();
        assert!(error.contains("the backup cannot be used"), "{error}");
        Ok(())
    }
}

both_hosts! {
    #![needs(controllers)]

    async fn definitions_and_namespaces_come_before_what_needs_them(host: Host) -> Result<()> {
        let room = Room::make(host, "first").await?;
        let mut all = room.all().await?;
        let namespaces = api(&room.host, "", "Namespace", None);
        let home = namespaces.get_opt(&room.namespace).await?;
        all.push(room.stored(format!("/registry/namespaces/{}", room.namespace), home).await?);
        room.backup(all)?;
        let definitions = api(&room.host, "apiextensions.k8s.io", "CustomResourceDefinition", None);
        let definition = format!("widgets.{}", room.group);
        definitions.delete(&definition, &DeleteParams::default()).await?;
        namespaces.delete(&room.namespace, &DeleteParams::default()).await?;
        until("both are gone", || async {
            Ok(definitions.get_opt(&definition).await?.is_none() && namespaces.get_opt(&room.namespace).await?.is_none())
        })
        .await?;

        let one = vec![format!("ns={},kind=widgets.{},name=one", room.namespace, room.group)];
        let plan = room.look(&one).await?;
        assert_eq!(steps(&plan), [("Widget", "cannot")], "neither is there, and neither is wanted: {plan:?}");

        let wanted = [room.mine(), vec![format!("kind=crd,name={definition}")]].concat();
        let plan = room.look(&wanted).await?;
        let first: Vec<_> = plan.items.iter().take(2).map(|it| it.object.resource.kind.as_str()).collect();
        assert_eq!(first, ["CustomResourceDefinition", "Namespace"]);
        let told = done(plan).await?;
        assert!(told.iter().all(|(_, done)| *done == Done::Created), "{told:?}");
        assert_eq!(room.widgets().get("one").await?.data["spec"]["size"], 3);
        let missed = room.look(&["ns=nowhere".to_owned()]).await.err().context("it was found")?.to_string();
        assert!(missed.contains("ns=nowhere"), "{missed}");
        Ok(())
    }
}
