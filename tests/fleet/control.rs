//! What is read of a control plane while somebody looks at it. The host's own API server stands for the tenant's: its answers are real.

use anyhow::{Result, ensure};
use chrono::{SecondsFormat, TimeDelta, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};
use smol_str::SmolStr;
use v9s::cluster::{Cluster, ConnectOptions, KubeconfigSource, open};
use v9s::control::read;
use v9s::fleet::model::{Severity, Store};
use v9s::gc::{ByConnect, Inside, Place, Ways};
use v9s::health::Thresholds;
use v9s::health::control::{Duty, Reading, code, duty, judge};
use v9s::target::find;
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_ui::demo::spec::Standing;

use crate::watching::{put, tenant};

/// The way to a tenant whose API server is that of its host.
struct Itself;

impl Ways for Itself {
    fn open<'a>(&'a self, host: &'a Cluster, _: &'a Place) -> BoxFuture<'a, Result<Inside, SmolStr>> {
        async move { Ok(Inside { cluster: host.clone(), way: None }) }.boxed()
    }
}

async fn looked(host: &Host, name: &str, ways: &dyn Ways) -> Result<Reading> {
    let options = ConnectOptions::default();
    let cluster = open(&KubeconfigSource::Text(host.kubeconfig.as_str().into()), None, &options).await?;
    let target = find(&cluster, Some(name), name).await?;
    Ok(read(&cluster, &target, ways).await)
}

fn codes(reading: &Reading, before: Option<&Reading>) -> Vec<(Severity, &'static str)> {
    let (_, found) = judge(reading, before, &Thresholds::default());
    found.into_iter().map(|finding| (finding.severity, finding.code)).collect()
}

/// The Lease of the controller manager, renewed so many seconds ago.
async fn renewed(host: &Host, ago: i64) -> Result<()> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"));
    let api: Api<DynamicObject> = Api::namespaced_with(host.client(), "kube-system", &resource);
    let at = (Utc::now() - TimeDelta::seconds(ago)).to_rfc3339_opts(SecondsFormat::Micros, true);
    let lease: Value = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "kube-controller-manager"},
        "spec": {"holderIdentity": "one", "leaseDurationSeconds": 15, "renewTime": at},
    });
    let as_test = PatchParams::apply("test").force();
    let made = api.patch("kube-controller-manager", &as_test, &Patch::Apply(&lease)).await?;
    ensure!(made.name_any() == "kube-controller-manager");
    Ok(())
}

both_hosts! {
    #![needs(alone)]
    async fn an_api_server_its_lease_and_the_containers_tell_how_they_are(host: Host) -> Result<()> {
        let mut tenant = tenant(&host, "looked");
        tenant.store = Store::DeployedEtcd;
        tenant.standing = Standing::StoreCrashing { restarts: 4 };
        put(&host, &[tenant.clone()]).await?;
        renewed(&host, 1).await?;
        let fresh = looked(&host, &tenant.name, &Itself).await?;
        let api = fresh.api.get().expect("it answers");
        ensure!(api.ready && api.checks.iter().all(|check| check.well), "{api:?}");
        for name in ["ping", "etcd"] {
            ensure!(api.checks.iter().any(|check| check.name == name), "no {name} in {api:?}");
        }
        ensure!(matches!(duty(&fresh.controllers[0], None), Duty::Renews(_)), "{:?}", fresh.controllers);
        let etcd = fresh.containers.get().into_iter().flatten().find(|it| it.pod.contains("-etcd-"));
        let etcd = etcd.expect("its etcd has a pod");
        ensure!(!etcd.ready && etcd.restarts > 0, "{etcd:?}");
        ensure!(etcd.ended.as_ref().is_some_and(|end| end.reason == "OOMKilled"), "{etcd:?}");
        ensure!(codes(&fresh, None).contains(&(Severity::Critical, code::CONTAINER)), "{:?}", codes(&fresh, None));
        match host.is_real() {
            true => ensure!(fresh.requests.is_known(), "{:?}", fresh.requests.why()),
            // The embedded host counts nothing, and that is not zero.
            false => ensure!(fresh.requests.why().is_some()),
        }
        assert_eq!(fresh.usage.why(), Some("the host serves no metrics.k8s.io"));

        // The same Lease, and nobody renews it any more.
        renewed(&host, 300).await?;
        let silent = looked(&host, &tenant.name, &Itself).await?;
        let controllers = (Severity::Critical, code::CONTROLLERS);
        ensure!(codes(&silent, Some(&fresh)).contains(&controllers), "{:?}", silent.controllers);
        ensure!(!codes(&silent, None).contains(&controllers), "who looks for the first time cannot know");
        renewed(&host, 0).await?;
        let again = looked(&host, &tenant.name, &Itself).await?;
        ensure!(!codes(&again, Some(&silent)).contains(&controllers), "{:?}", again.controllers);
        Ok(())
    }
}

both_hosts! {
    async fn what_cannot_be_reached_is_not_known(host: Host) -> Result<()> {
        let tenant = tenant(&host, "closed");
        put(&host, std::slice::from_ref(&tenant)).await?;
        let ways = ByConnect { patience: std::time::Duration::from_secs(2) };
        let reading = looked(&host, &tenant.name, &ways).await?;
        ensure!(reading.api.why().is_some() && reading.dns.why().is_some(), "{reading:?}");
        ensure!(reading.containers.get().is_some_and(|all| !all.is_empty()), "its host tells: {reading:?}");
        let (state, _) = judge(&reading, None, &Thresholds::default());
        ensure!(state.why().is_some_and(|why| why.starts_with("its API server: ")), "{state:?}");
        Ok(())
    }
}
