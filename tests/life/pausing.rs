//! Pausing, resuming, restarting and protecting, on both hosts.

use anyhow::Result;
use serde_json::{Value, json};
use v9s::fleet::model::Store;
use v9s::lifecycle::pause::{self, PauseOptions};
use v9s::lifecycle::restart::{self, What};
use v9s::lifecycle::resume::{self, ResumeOptions};
use v9s::lifecycle::{Decision, LifeError, Memory, protect};
use v9s::operation::{Operation, StepState};
use v9s::target::{Rest, Target};
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_testkit::proxy::{Proxy, Wire};
use v9s_ui::demo::spec::{Manager, Tenant};

use crate::seat::{self, STEP, change, cluster, look, object, put, tenant, until, until_pods};

const PAUSE: PauseOptions = PauseOptions { anyway: false, lose: false, patience: STEP };
/// Nobody makes pods of the control plane ready on these hosts.
const RESUME: ResumeOptions = ResumeOptions { anyway: false, replicas: None, wait: false, patience: STEP };

fn with_etcd(host: &Host, stem: &str) -> Tenant {
    Tenant { store: Store::DeployedEtcd, replicas: 2, ..tenant(host, stem) }
}

/// Puts it there and waits until its controllers have made its pods.
async fn started(host: &Host, tenant: &Tenant) -> Result<()> {
    put(host, tenant).await?;
    let release = format!("release={}", tenant.name);
    let etcd = if tenant.store == Store::DeployedEtcd { tenant.etcd_replicas() } else { 0 };
    until_pods(host, &tenant.namespace, &release, (tenant.replicas + etcd) as usize).await
}

/// Pods from inside, of one whose store stays.
fn of(synced: usize) -> pause::Found {
    pause::Found { synced, memory: Memory::Kept }
}

/// One run of pausing, as the command does it; None when there was nothing to do.
async fn run_pause(kubeconfig: &str, tenant: &Tenant) -> Result<Option<()>> {
    let cluster = cluster(kubeconfig).await?;
    let target = look(&cluster, tenant).await?;
    let found = pause::look(&cluster, &target).await?;
    match pause::plan(&target, found, &PAUSE) {
        Decision::Nothing(_) => Ok(None),
        Decision::Refused(refusal) => anyhow::bail!("{refusal}"),
        Decision::Do(plan) => Ok(Some(pause::start(cluster, target, plan, PAUSE).result().await?)),
    }
}

async fn run_resume(kubeconfig: &str, tenant: &Tenant) -> Result<Option<()>> {
    let cluster = cluster(kubeconfig).await?;
    let target = look(&cluster, tenant).await?;
    match resume::plan(&target, &RESUME) {
        Decision::Nothing(_) => Ok(None),
        Decision::Refused(refusal) => anyhow::bail!("{refusal}"),
        Decision::Do(plan) => Ok(Some(resume::start(cluster, target, plan, RESUME).result().await?)),
    }
}

fn marks(object: &Value) -> Value {
    let annotations = &object["metadata"]["annotations"];
    json!([annotations["loft.sh/paused"], annotations["loft.sh/paused-replicas"], object["spec"]["replicas"]])
}

/// Everything is stopped, and marked as the official CLI marks it.
async fn is_paused(host: &Host, tenant: &Tenant) -> Result<()> {
    let namespace = &tenant.namespace;
    let etcd = format!("{}-etcd", tenant.name);
    for (kind, name, replicas) in [("Deployment", &tenant.name, "2"), ("StatefulSet", &etcd, "3")] {
        let object = object(host, "apps", kind, namespace, name).await?.expect("it stays");
        assert_eq!(marks(&object), json!(["true", replicas, 0]), "{kind} {name}");
        let date = object["metadata"]["annotations"]["loft.sh/paused-date"].as_str().expect("a date");
        assert!(date.len() == 24 && date.ends_with('Z') && date.as_bytes()[19] == b'.', "{date}");
    }
    let labels = [format!("release={}", tenant.name), format!("vcluster.loft.sh/managed-by={}", tenant.name)];
    for labels in labels {
        assert_eq!(seat::pods(host, namespace, &labels).await?, Vec::<String>::new(), "{labels}");
    }
    Ok(())
}

async fn rest(host: &Host, tenant: &Tenant) -> Result<(Target, Option<Rest>)> {
    let target = look(&cluster(&host.kubeconfig).await?, tenant).await?;
    let rest = target.rest();
    Ok((target, rest))
}

both_hosts! {
    #![needs(controllers)]

    async fn paused_and_resumed_as_the_official_cli_does_it(host: Host) -> Result<()> {
        let tenant = with_etcd(&host, "life");
        started(&host, &tenant).await?;
        let config_maps = seat::api(&host, "", "ConfigMap", Some(&tenant.namespace));
        let before = config_maps.list_metadata(&Default::default()).await?.items.len();

        assert_eq!(run_pause(&host.kubeconfig, &tenant).await?, Some(()));
        is_paused(&host, &tenant).await?;
        assert!(matches!(rest(&host, &tenant).await?.1, Some(Rest::Paused(Some(_)))));
        assert_eq!(config_maps.list_metadata(&Default::default()).await?.items.len(), before, "only pods go");
        assert_eq!(run_pause(&host.kubeconfig, &tenant).await?, None, "it is paused already");

        // Only a store that is ready lets the API server stay.
        let _kubelet = seat::kubelet(&host, &tenant.namespace, &format!("app=vcluster-etcd,release={}", tenant.name));
        assert_eq!(run_resume(&host.kubeconfig, &tenant).await?, Some(()));
        let plane = object(&host, "apps", "Deployment", &tenant.namespace, &tenant.name).await?.expect("there");
        assert_eq!(marks(&plane), json!([null, null, 2]));
        assert!(plane["metadata"]["annotations"]["loft.sh/paused-date"].is_null());
        until_pods(&host, &tenant.namespace, &format!("app=vcluster,release={}", tenant.name), 2).await?;
        assert_eq!(run_resume(&host.kubeconfig, &tenant).await?, None, "it runs");
        Ok(())
    }

    async fn what_somebody_else_has_paused_is_resumed(host: Host) -> Result<()> {
        let tenant = tenant(&host, "theirs");
        started(&host, &tenant).await?;
        let marks = json!({"metadata": {"annotations": {"loft.sh/paused": "true", "loft.sh/paused-replicas": "3",
            "loft.sh/paused-date": "2026-01-02T15:04:05.000Z"}}, "spec": {"replicas": 0}});
        change(&host, "apps", "StatefulSet", (Some(&tenant.namespace), &tenant.name), marks).await?;
        let (_, rest) = rest(&host, &tenant).await?;
        assert_eq!(rest, Some(Rest::Paused(Some("2026-01-02T15:04:05.000Z".into()))));
        run_resume(&host.kubeconfig, &tenant).await?;
        until_pods(&host, &tenant.namespace, &format!("app=vcluster,release={}", tenant.name), 3).await
    }

    async fn the_api_server_may_be_lost_in_any_step_of_pausing(host: Host) -> Result<()> {
        for step in 0..pause::STEPS.len() {
            let tenant = with_etcd(&host, &format!("cut{step}"));
            started(&host, &tenant).await?;
            let (proxy, through) = Proxy::before(&host.kubeconfig).await?;
            let cluster = cluster(&through).await?;
            let target = look(&cluster, &tenant).await?;
            let Decision::Do(plan) = pause::plan(&target, of(1), &PAUSE) else { panic!("there is something to do") };
            let operation = pause::start(cluster, target, plan, PAUSE);
            operation
                .follow()
                .wait_for(|state| !matches!(state.steps[step].state, StepState::Waiting) || state.end.is_some())
                .await?;
            proxy.set(Wire::Cut);
            // A step may be over before the wire is cut; what counts is where the next run arrives.
            let done: Result<(), LifeError> = operation.result().await;
            if let Err(error) = done.map_err(|error| error.to_string()) {
                assert!(error.contains(" on ") && error.contains(';'), "what, where and what to do: {error}");
            }
            run_pause(&host.kubeconfig, &tenant).await?;
            is_paused(&host, &tenant).await?;
        }
        Ok(())
    }

    async fn a_lost_api_server_is_told_with_what_to_do(host: Host) -> Result<()> {
        let tenant = tenant(&host, "lost");
        put(&host, &tenant).await?;
        let (proxy, through) = Proxy::before(&host.kubeconfig).await?;
        let cluster = cluster(&through).await?;
        let target = look(&cluster, &tenant).await?;
        let Decision::Do(plan) = pause::plan(&target, of(0), &PAUSE) else { panic!("there is something to do") };
        proxy.set(Wire::Cut);
        let operation = pause::start(cluster, target, plan, PAUSE);
        let done: Result<(), LifeError> = operation.result().await;
        let error = done.expect_err("nobody answered").to_string();
        let what = format!("cannot change StatefulSet {}/{} on ", tenant.namespace, tenant.name);
        assert!(error.contains(&what) && error.contains("; "), "{error}");
        Ok(())
    }

    async fn a_workload_that_was_replaced_meanwhile_is_left_alone(host: Host) -> Result<()> {
        let tenant = tenant(&host, "replaced");
        started(&host, &tenant).await?;
        let cluster = cluster(&host.kubeconfig).await?;
        let target = look(&cluster, &tenant).await?;
        let Decision::Do(mut plan) = pause::plan(&target, of(0), &PAUSE) else { panic!("there is something to do") };
        plan.control_plane[0].uid = "of-another".into();
        let operation = pause::start(cluster, target, plan, PAUSE);
        let done: Result<(), LifeError> = operation.result().await;
        assert!(matches!(done, Err(LifeError::Changed(_))), "{done:?}");
        let plane = object(&host, "apps", "StatefulSet", &tenant.namespace, &tenant.name).await?.expect("there");
        assert_eq!(marks(&plane), json!([null, null, 1]));
        Ok(())
    }

    async fn a_restart_replaces_each_pod_once_it_may(host: Host) -> Result<()> {
        let tenant = tenant(&host, "restart");
        started(&host, &tenant).await?;
        let cluster = cluster(&host.kubeconfig).await?;
        let target = look(&cluster, &tenant).await?;
        let found = restart::look(&cluster, &target, What::ControlPlane).await?;
        let before = found.pods[0].1[0].clone();
        let Decision::Do(plan) = restart::plan(&target, found, false) else { panic!("there is something to do") };
        assert!(plan.gap);
        let steps = plan.steps();
        let operation = Operation::start("restart", steps, move |progress| async move {
            restart::carry_out(&cluster, &target, &plan, STEP, &progress).await
        });
        let pod = || object(&host, "", "Pod", &tenant.namespace, &before.name);
        until("another pod of that name", || async {
            Ok(pod().await?.is_some_and(|pod| pod["metadata"]["uid"] != before.uid.as_str()))
        })
        .await?;
        // Nobody makes it ready here: it is waited for, and said why.
        let told = operation.follow();
        until("the cause of waiting is told", || async {
            let state = told.borrow().clone();
            let cause = state.running().map(|(_, step)| step.state.clone());
            Ok(matches!(cause, Some(StepState::Running { cause: Some(cause), .. }) if cause.starts_with(before.name.as_str())))
        })
        .await?;
        operation.cancel();
        let done: Result<(), LifeError> = operation.result().await;
        assert!(matches!(done, Err(LifeError::Cancelled(_))), "{done:?}");
        Ok(())
    }

    async fn protection_is_a_mark_on_the_control_plane(host: Host) -> Result<()> {
        let tenant = Tenant { manager: Manager::V9s, ..tenant(&host, "guarded") };
        put(&host, &tenant).await?;
        let cluster = cluster(&host.kubeconfig).await?;
        for on in [true, false] {
            let target = look(&cluster, &tenant).await?;
            let Decision::Do(part) = protect::plan(&target, on, false) else { panic!("there is something to do") };
            let cluster = cluster.clone();
            let operation = Operation::start("protect", protect::STEPS, move |progress| async move {
                protect::carry_out(&cluster, &target, &part, on, &progress).await
            });
            let done: Result<(), LifeError> = operation.result().await;
            done?;
            let target = look(&crate::seat::cluster(&host.kubeconfig).await?, &tenant).await?;
            assert_eq!(target.is_protected(), on);
            assert_eq!(v9s::lifecycle::delete::refusal(&target, true).is_some(), on, "not even --anyway");
        }
        Ok(())
    }

    async fn what_argo_deploys_is_not_fought(host: Host) -> Result<()> {
        let tenant = Tenant { manager: Manager::ArgoCd, ..tenant(&host, "argo") };
        put(&host, &tenant).await?;
        let target = look(&cluster(&host.kubeconfig).await?, &tenant).await?;
        let Decision::Refused(refusal) = pause::plan(&target, of(0), &PAUSE) else { panic!("not refused") };
        assert!(refusal.to_string().contains("Argo CD"), "{refusal}");
        assert!(refusal.instead()[0].starts_with("argocd app set "), "{refusal:?}");
        Ok(())
    }
}
