//! Deleting, on both hosts.

use anyhow::{Result, bail};
use serde_json::json;
use v9s::lifecycle::delete::{
    self, DeleteOptions, DeletePlan, Deleted, Home, Role, Wish, decide, remains, survey,
};
use v9s::lifecycle::{Decision, LifeError, Refusal};
use v9s::operation::{Operation, StepState};
use v9s::target::refresh;
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_testkit::proxy::{Proxy, Wire};
use v9s_testkit::users::Grant;
use v9s_ui::demo::spec::{Manager, Tenant};

use crate::seat::{STEP, api, cluster, made_for_it, object, put, tenant, until, until_pods};

const OPTIONS: DeleteOptions =
    DeleteOptions { wish: Wish { keep_data: false, keep_namespace: false }, patience: STEP };

/// A tenant that v9s would have made, with its pods.
async fn started(host: &Host, stem: &str) -> Result<Tenant> {
    let tenant = Tenant { manager: Manager::V9s, replicas: 2, ..tenant(host, stem) };
    put(host, &tenant).await?;
    until_pods(host, &tenant.namespace, &format!("release={}", tenant.name), 2).await?;
    Ok(tenant)
}

async fn planned(kubeconfig: &str, tenant: &Tenant, wish: Wish) -> Result<Option<DeletePlan>> {
    let cluster = cluster(kubeconfig).await?;
    let target = refresh(&cluster, &tenant.namespace, &tenant.name).await?;
    let found = survey(&cluster, &tenant.namespace, &tenant.name).await?;
    match decide(&target, found, wish, false) {
        Decision::Do(plan) => Ok(Some(plan)),
        Decision::Nothing(_) => Ok(None),
        Decision::Refused(refusal) => bail!("{refusal}"),
    }
}

async fn start(kubeconfig: &str, plan: DeletePlan) -> Result<Operation<Deleted, LifeError>> {
    let cluster = cluster(kubeconfig).await?;
    Ok(Operation::start("delete", delete::STEPS, move |progress| async move {
        delete::carry_out(&cluster, &plan, &OPTIONS, &progress).await
    }))
}

/// One run, as the command does it.
async fn run(host: &Host, tenant: &Tenant) -> Result<Option<Deleted>> {
    match planned(&host.kubeconfig, tenant, Wish::default()).await? {
        Some(plan) => Ok(Some(start(&host.kubeconfig, plan).await?.result().await?)),
        None => Ok(None),
    }
}

async fn namespace_is_there(host: &Host, tenant: &Tenant) -> Result<bool> {
    Ok(api(host, "", "Namespace", None).get_opt(&tenant.namespace).await?.is_some())
}

both_hosts! {
    #![needs(controllers)]

    async fn everything_goes_and_the_namespace_that_was_made_for_it(host: Host) -> Result<()> {
        let tenant = started(&host, "all").await?;
        made_for_it(&host, &tenant.namespace).await?;
        // What a tenant has on its host beside its namespace.
        let class = format!("vcluster-high-x-{}-x-{}", tenant.namespace, tenant.name);
        let marker = format!("{}-x-{}", tenant.namespace, tenant.name);
        host.seed(&[json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 5, "metadata":
            {"name": class, "labels": {"vcluster.loft.sh/managed-by": marker}}})]).await?;
        let plan = planned(&host.kubeconfig, &tenant, Wish::default()).await?.expect("there is something to do");
        assert!(matches!(plan.home, Home::Goes { .. }), "{:?}", plan.home);
        assert_eq!(plan.of(&[Role::Data]).len(), 2, "claims of every ordinal: {plan:#?}");
        assert!(plan.left.is_empty(), "{:?}", plan.left);

        let deleted = start(&host.kubeconfig, plan).await?.result().await?;
        assert_eq!(deleted, Deleted { left: Vec::new(), home: Home::Gone });
        assert!(!namespace_is_there(&host, &tenant).await?);
        assert!(api(&host, "scheduling.k8s.io", "PriorityClass", None).get_opt(&class).await?.is_none());
        assert!(run(&host, &tenant).await?.is_none(), "nothing is left to delete");
        Ok(())
    }

    async fn what_others_have_in_the_namespace_stays_with_it(host: Host) -> Result<()> {
        let tenant = started(&host, "shared").await?;
        made_for_it(&host, &tenant.namespace).await?;
        host.seed(&[json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "mine", "namespace": tenant.namespace}})]).await?;
        let deleted = run(&host, &tenant).await?.expect("there is something to do");
        assert!(matches!(&deleted.home, Home::Stays(why) if why.contains("mine")), "{:?}", deleted.home);
        assert_eq!(deleted.left, []);
        assert!(object(&host, "", "ConfigMap", &tenant.namespace, "mine").await?.is_some());
        for (group, kind) in [("apps", "StatefulSet"), ("", "Pod"), ("", "PersistentVolumeClaim"), ("", "Service")] {
            let left = api(&host, group, kind, Some(&tenant.namespace)).list_metadata(&Default::default()).await?;
            assert!(left.items.is_empty(), "{kind}: {:?}", left.items);
        }
        Ok(())
    }

    async fn data_that_is_to_be_kept_is_kept(host: Host) -> Result<()> {
        let tenant = started(&host, "kept").await?;
        made_for_it(&host, &tenant.namespace).await?;
        let wish = Wish { keep_data: true, ..Wish::default() };
        let plan = planned(&host.kubeconfig, &tenant, wish).await?.expect("there is something to do");
        let cluster = cluster(&host.kubeconfig).await?;
        let options = DeleteOptions { wish, ..OPTIONS };
        let operation = Operation::start("delete", delete::STEPS, move |progress| async move {
            delete::carry_out(&cluster, &plan, &options, &progress).await
        });
        let deleted = operation.result().await?;
        assert_eq!(deleted.left.len(), 2, "{:?}", deleted.left);
        assert!(matches!(deleted.home, Home::Stays(_)), "{:?}", deleted.home);
        let claims = api(&host, "", "PersistentVolumeClaim", Some(&tenant.namespace));
        assert_eq!(claims.list_metadata(&Default::default()).await?.items.len(), 2);
        Ok(())
    }

    async fn the_api_server_may_be_lost_in_any_step_of_deleting(host: Host) -> Result<()> {
        for step in 0..delete::STEPS.len() {
            let tenant = started(&host, &format!("cut{step}")).await?;
            made_for_it(&host, &tenant.namespace).await?;
            let (proxy, through) = Proxy::before(&host.kubeconfig).await?;
            let plan = planned(&through, &tenant, Wish::default()).await?.expect("there is something to do");
            let operation = start(&through, plan).await?;
            operation
                .follow()
                .wait_for(|state| !matches!(state.steps[step].state, StepState::Waiting) || state.end.is_some())
                .await?;
            proxy.set(Wire::Cut);
            // A step may be over before the wire is cut; what counts is where the next run arrives.
            let _ = operation.result().await;
            if let Some(deleted) = run(&host, &tenant).await? {
                assert_eq!(deleted.left, [], "step {step}");
            }
            assert!(!namespace_is_there(&host, &tenant).await?, "step {step}");
        }
        Ok(())
    }

    async fn what_is_left_of_one_is_found_by_its_name(host: Host) -> Result<()> {
        let tenant = started(&host, "remains").await?;
        let sets = api(&host, "apps", "StatefulSet", Some(&tenant.namespace));
        sets.delete(&tenant.name, &Default::default()).await?;
        until("its pods are gone", || async {
            Ok(crate::seat::pods(&host, &tenant.namespace, &format!("release={}", tenant.name)).await?.is_empty())
        })
        .await?;
        let cluster = cluster(&host.kubeconfig).await?;
        assert_eq!(remains(&cluster, &tenant.name).await?, [tenant.namespace.as_str()]);
        let deleted = run(&host, &tenant).await?.expect("there is something to do");
        assert_eq!(deleted.left, []);
        assert!(remains(&cluster, &tenant.name).await?.is_empty());
        assert!(namespace_is_there(&host, &tenant).await?, "it was not made for it");
        Ok(())
    }

    async fn what_helm_deploys_is_for_helm_to_delete(host: Host) -> Result<()> {
        let tenant = tenant(&host, "helm");
        put(&host, &tenant).await?;
        let cluster = cluster(&host.kubeconfig).await?;
        let target = refresh(&cluster, &tenant.namespace, &tenant.name).await?;
        let found = survey(&cluster, &tenant.namespace, &tenant.name).await?;
        let Decision::Refused(Refusal::Managed { instead, .. }) = decide(&target, found.clone(), Wish::default(), false)
        else {
            panic!("not refused")
        };
        assert!(instead[0].starts_with(&format!("helm uninstall {} ", tenant.name)), "{instead:?}");
        let Decision::Do(plan) = decide(&target, found, Wish::default(), true) else { panic!("refused") };
        assert_eq!(plan.of(&[Role::Helm]).len(), 1, "its records go with it");
        Ok(())
    }

    async fn what_may_not_be_looked_at_is_told_and_keeps_the_namespace(host: Host) -> Result<()> {
        let tenant = started(&host, "blind").await?;
        made_for_it(&host, &tenant.namespace).await?;
        let kinds = ["statefulsets.apps", "deployments.apps", "pods", "services", "configmaps"];
        let grants = [
            Grant::within(&tenant.namespace).may(&["get", "list", "delete"], &kinds),
            Grant::within(&tenant.namespace).may(&["get"], &["secrets"]),
            Grant::everywhere().may(&["get"], &["namespaces"]),
        ];
        let user = host.user("blind", &grants).await?;
        let plan = planned(&user, &tenant, Wish::default()).await?.expect("there is something to do");
        assert!(matches!(&plan.home, Home::Stays(why) if why.contains("not known")), "{:?}", plan.home);
        let secrets = plan.left.iter().find(|left| left.what.contains("kind Secret")).expect("it is told");
        assert!(secrets.why.contains("forbidden"), "{secrets:?}");
        Ok(())
    }
}
