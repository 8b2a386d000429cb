//! What an operator with few rights sees: less, and why.

use anyhow::Result;
use v9s::fleet::model::Scope;
use v9s::fleet::state::State;
use v9s::fleet::{Fleet, FleetOptions};
use v9s_testkit::both_hosts;
use v9s_testkit::users::Grant;

use crate::watching::{live_and_whole, put, retry_until, row, tenant, until, watch};

/// What the fleet reads, as `kubectl auth can-i` spells it.
const ALL: [&str; 7] = [
    "statefulsets.apps",
    "deployments.apps",
    "pods",
    "secrets",
    "resourcequotas",
    "networkpolicies.networking.k8s.io",
    "configmaps",
];
const READ: [&str; 3] = ["get", "list", "watch"];

both_hosts! {
    async fn rights_in_some_namespaces_give_those_and_one_line(host: Host) -> Result<()> {
        let stems = ["own", "shared", "foreign"];
        let tenants: Vec<_> = stems.iter().map(|stem| tenant(&host, stem)).collect();
        put(&host, &tenants).await?;
        let (own, shared) = (host.named("own"), host.named("shared"));
        let grants = [
            Grant::within(&own).may(&READ, &ALL),
            Grant::within(&shared).may(&READ, &ALL),
            Grant::everywhere().may(&["list", "watch"], &["namespaces"]),
        ];
        let user = host.user("few", &grants).await?;
        let live = watch(&user, FleetOptions::default())?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        let seen = &fleet.hosts[0];
        assert_eq!(seen.scope, Scope::Namespaces(vec![own.as_str().into(), shared.as_str().into()]));
        let expected = format!(
            "forbidden: cannot list statefulsets, deployments, pods, secrets, resourcequotas, networkpolicies, \
             configmaps in all namespaces; watching {own}, {shared}"
        );
        assert_eq!(seen.notes, [expected.as_str()]);
        for name in [&own, &shared] {
            let row = row(&fleet, name).expect("a row in each permitted namespace");
            assert_eq!((row.state, &row.store.why()), (State::Running, &None), "{}", row.reason);
        }
        assert!(row(&fleet, &host.named("foreign")).is_none());
        Ok(())
    }

    async fn without_the_right_to_list_namespaces_the_named_ones_are_seen(host: Host) -> Result<()> {
        let tenants = [tenant(&host, "named"), tenant(&host, "unnamed")];
        put(&host, &tenants).await?;
        let named = host.named("named");
        let grants = [Grant::within(&named).may(&READ, &ALL), Grant::within(&host.named("unnamed")).may(&READ, &ALL)];
        let user = host.user("blind", &grants).await?;
        let options = FleetOptions { fallback_namespaces: vec![named.as_str().into()], ..FleetOptions::default() };
        let live = watch(&user, options)?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        assert_eq!(fleet.hosts[0].scope, Scope::Namespaces(vec![named.as_str().into()]));
        assert_eq!(fleet.vclusters.len(), 1);
        assert_eq!(row(&fleet, &named).map(|row| row.state), Some(State::Running));
        Ok(())
    }

    async fn a_lookup_that_is_forbidden_is_a_row_with_its_reason(host: Host) -> Result<()> {
        let name = host.named("partly");
        put(&host, &[tenant(&host, "partly")]).await?;
        let grants = [Grant::within(&name).may(&READ, &["statefulsets.apps", "deployments.apps"])];
        let user = host.user("partial", &grants).await?;
        let options = FleetOptions { namespaces: vec![name.as_str().into()], ..FleetOptions::default() };
        let live = watch(&user, options)?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        let row = row(&fleet, &name).expect("the row is there");
        assert_eq!(row.state, State::Unknown);
        assert_eq!(row.reason, format!("forbidden: needs list pods in {name}"));
        assert_eq!(row.store.why(), Some(format!("forbidden: needs list secrets in {name}").as_str()));
        assert_eq!(row.quota.why(), Some(format!("forbidden: needs list resourcequotas in {name}").as_str()));
        assert_eq!(row.lag.why(), Some(format!("forbidden: needs list configmaps in {name}").as_str()));
        assert_eq!(row.policies.why(), Some(format!("forbidden: needs list networkpolicies in {name}").as_str()));
        assert_eq!(row.synced.get(), None, "unknown is not zero");
        assert!(row.version.is_known(), "what can be seen is shown");
        Ok(())
    }

    async fn secrets_alone_forbidden_leave_the_rest_cluster_wide(host: Host) -> Result<()> {
        let (open, closed) = (tenant(&host, "open"), tenant(&host, "closed"));
        put(&host, &[open, closed]).await?;
        let everything_else: Vec<&str> = ALL.into_iter().filter(|kind| *kind != "secrets").collect();
        let grants = [
            Grant::everywhere().may(&READ, &everything_else),
            Grant::everywhere().may(&READ, &["namespaces"]),
            Grant::within(&host.named("open")).may(&READ, &["secrets"]),
        ];
        let user = host.user("viewer", &grants).await?;
        let live = watch(&user, FleetOptions::default())?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        assert_eq!(fleet.hosts[0].scope, Scope::All);
        let (open, closed) = (host.named("open"), host.named("closed"));
        let note = format!("forbidden: cannot list secrets in all namespaces; watching {open}");
        assert_eq!(fleet.hosts[0].notes, [note.as_str()]);
        assert!(row(&fleet, &open).expect("seen").store.is_known());
        let row = row(&fleet, &closed).expect("seen");
        assert_eq!(row.store.why(), Some(format!("forbidden: needs list secrets in {closed}").as_str()));
        assert_eq!(row.state, State::Running, "{}", row.reason);
        Ok(())
    }

    async fn nobody_sees_nothing_and_is_told_so(host: Host) -> Result<()> {
        let user = host.user("nobody", &[]).await?;
        let live = watch(&user, FleetOptions::default())?;
        let fleet = until(&live, "it is live", live_and_whole).await?;
        assert!(fleet.vclusters.is_empty());
        assert_eq!(fleet.hosts[0].scope, Scope::Namespaces(vec![]));
        assert!(fleet.hosts[0].notes[0].ends_with("no namespace is known where it is allowed"), "{:?}", fleet.hosts[0].notes);
        assert!(fleet.hosts[0].version.is_known());
        Ok(())
    }

    async fn rights_that_are_granted_later_are_found_by_a_retry(host: Host) -> Result<()> {
        let name = host.named("late");
        put(&host, &[tenant(&host, "late")]).await?;
        let user = host.user("waiting", &[Grant::everywhere().may(&["list"], &["namespaces"])]).await?;
        let live = watch(&user, FleetOptions::default())?;
        until(&live, "it is live", live_and_whole).await?;
        host.user("waiting", &[Grant::within(&name).may(&READ, &ALL)]).await?;
        let fleet = retry_until(&live, |fleet| {
            live_and_whole(fleet) && row(fleet, &name).is_some_and(|row| row.state == State::Running)
        })
        .await?;
        assert_eq!(fleet.hosts[0].scope, Scope::Namespaces(vec![name.as_str().into()]));
        let may_list = "forbidden: cannot watch namespaces; listed every 30 s instead";
        assert!(fleet.hosts[0].notes.iter().any(|note| note == may_list), "{:?}", fleet.hosts[0].notes);
        Ok(())
    }

    async fn a_namespace_that_comes_later_is_found_without_asking(host: Host) -> Result<()> {
        let user = host.user("curious", &[Grant::everywhere().may(&["list", "watch"], &["namespaces"])]).await?;
        let live = watch(&user, FleetOptions::default())?;
        until(&live, "it is live", live_and_whole).await?;
        let name = host.named("newborn");
        put(&host, &[tenant(&host, "newborn")]).await?;
        host.user("curious", &[Grant::within(&name).may(&READ, &ALL)]).await?;
        let seen = |fleet: &Fleet| row(fleet, &name).is_some_and(|row| row.state == State::Running);
        let fleet = until(&live, "the newborn is seen", seen).await?;
        assert_eq!(fleet.hosts[0].scope, Scope::Namespaces(vec![name.as_str().into()]));
        Ok(())
    }
}
