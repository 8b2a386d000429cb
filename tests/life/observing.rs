//! A companion beside a virtual cluster of the official chart, on both hosts.

use anyhow::Result;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use v9s::lifecycle::observe::{self, INSTALL_STEPS, InstallPlan, REMOVE_STEPS, Wait, Wanted};
use v9s::lifecycle::{Decision, LifeError};
use v9s::operation::Operation;
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_ui::demo::spec::Tenant;

use crate::seat::{STEP, api, cluster, look, put, tenant, until};

/// The kinds of what is made.
const KINDS: [(&str, &str); 5] = [
    ("apps", "Deployment"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("", "ServiceAccount"),
    ("", "ConfigMap"),
];

/// What was made for it and is there.
async fn made(host: &Host, tenant: &Tenant) -> Result<Vec<String>> {
    let ours = ListParams::default().labels(&format!("v9s.io/observer-of={}", tenant.name));
    let mut all = Vec::new();
    for (group, kind) in KINDS {
        let found = api(host, group, kind, Some(&tenant.namespace)).list(&ours).await?;
        all.extend(found.items.into_iter().map(|object| format!("{kind} {}", object.name_any())));
    }
    Ok(all)
}

/// Everything of the chart's, in the state it is in.
async fn chart(host: &Host, tenant: &Tenant) -> Result<Vec<String>> {
    let theirs = ListParams::default().labels("app=vcluster,!v9s.io/observer-of");
    let mut all = Vec::new();
    for (group, kind) in KINDS.into_iter().chain([("", "Secret"), ("", "Service"), ("apps", "StatefulSet")]) {
        let found = api(host, group, kind, Some(&tenant.namespace)).list(&theirs).await?;
        // Its controllers write what has become of it.
        let state = |object: &kube::api::DynamicObject| {
            object.metadata.generation.map(|it| it.to_string()).or(object.resource_version())
        };
        all.extend(
            found.items.iter().map(|object| format!("{kind} {} {:?}", object.name_any(), state(object))),
        );
    }
    Ok(all)
}

async fn planned(host: &Host, tenant: &Tenant) -> Result<Decision<InstallPlan>> {
    let cluster = cluster(&host.kubeconfig).await?;
    let target = look(&cluster, tenant).await?;
    let found = observe::look(&cluster, &target).await?;
    Ok(observe::plan(&target, &found, &Wanted::default()))
}

async fn install(host: &Host, tenant: &Tenant) -> Result<()> {
    let Decision::Do(plan) = planned(host, tenant).await? else { panic!("it can be installed") };
    let cluster = cluster(&host.kubeconfig).await?;
    let target = look(&cluster, tenant).await?;
    let operation = Operation::start("observe", INSTALL_STEPS, move |progress| async move {
        observe::install(&cluster, &target, &plan, Wait::No, &progress).await
    });
    let done: Result<(), LifeError> = operation.result().await;
    Ok(done?)
}

async fn remove(host: &Host, tenant: &Tenant) -> Result<()> {
    let cluster = cluster(&host.kubeconfig).await?;
    let target = look(&cluster, tenant).await?;
    let found = observe::made(&cluster, &target).await?;
    let Decision::Do(plan) = observe::removal(&target, found) else { panic!("there is something") };
    let operation = Operation::start("observe", REMOVE_STEPS, move |progress| async move {
        observe::remove(&cluster, &target, &plan, STEP, &progress).await
    });
    let done: Result<(), LifeError> = operation.result().await;
    Ok(done?)
}

both_hosts! {
    #![needs(controllers)]

    async fn a_companion_comes_and_goes_and_the_chart_does_not_notice(host: Host) -> Result<()> {
        let tenant = tenant(&host, "watched");
        put(&host, &tenant).await?;
        let before = chart(&host, &tenant).await?;
        install(&host, &tenant).await?;
        let name = &tenant.name;
        assert_eq!(made(&host, &tenant).await?, [
            format!("Deployment {name}-observer"), format!("Role {name}-observer"),
            format!("RoleBinding {name}-observer"), format!("ServiceAccount {name}-observer"),
            format!("ConfigMap vc-status-{name}"),
        ]);
        assert_eq!(chart(&host, &tenant).await?, before);
        remove(&host, &tenant).await?;
        assert_eq!(made(&host, &tenant).await?, Vec::<String>::new());
        assert_eq!(chart(&host, &tenant).await?, before);
        Ok(())
    }

    async fn a_companion_goes_with_the_control_plane_whoever_deletes_that(host: Host) -> Result<()> {
        let tenant = tenant(&host, "left");
        put(&host, &tenant).await?;
        install(&host, &tenant).await?;
        assert_eq!(made(&host, &tenant).await?.len(), KINDS.len());
        let planes = api(&host, "apps", "StatefulSet", Some(&tenant.namespace));
        planes.delete(&tenant.name, &DeleteParams::background()).await?;
        until("nothing of it is left", || async { Ok(made(&host, &tenant).await?.is_empty()) }).await
    }

    async fn without_the_secret_by_which_it_gets_in_nothing_is_made(host: Host) -> Result<()> {
        let tenant = tenant(&host, "closed");
        put(&host, &tenant).await?;
        let secret = format!("vc-{}", tenant.name);
        api(&host, "", "Secret", Some(&tenant.namespace)).delete(&secret, &DeleteParams::default()).await?;
        let Decision::Refused(refusal) = planned(&host, &tenant).await? else { panic!("it is not to be done") };
        assert!(refusal.to_string().contains(&format!("{secret} with its kubeconfig is not there")), "{refusal}");
        Ok(())
    }
}
