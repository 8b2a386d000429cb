//! What a bad wire does to the picture: it stays, says how old it is, and mends itself.

use anyhow::Result;
use kube::api::{Api, DeleteParams};
use v9s::cluster::{ConnectOptions, KubeconfigSource};
use v9s::fleet::model::Link;
use v9s::fleet::state::State;
use v9s::fleet::{FleetOptions, HostTarget, LiveFleet};
use v9s_testkit::both_hosts;
use v9s_testkit::proxy::{Proxy, Wire};

use crate::watching::{live_and_whole, put, retry_until, row, target, tenant, until, watch};

both_hosts! {
    async fn a_cut_leaves_the_rows_with_their_age_and_what_the_gap_held_is_found(host: Host) -> Result<()> {
        put(&host, &[tenant(&host, "stays"), tenant(&host, "goes")]).await?;
        let (stays, goes, comes) = (host.named("stays"), host.named("goes"), host.named("comes"));
        let (proxy, through) = Proxy::before(&host.kubeconfig).await?;
        let live = watch(&through, FleetOptions::default())?;
        let before = until(&live, "both are seen", |fleet| {
            live_and_whole(fleet) && row(fleet, &stays).is_some() && row(fleet, &goes).is_some()
        })
        .await?;

        proxy.set(Wire::Cut);
        let stale = until(&live, "it is stale", |fleet| matches!(fleet.hosts[0].link, Link::Stale { .. })).await?;
        let Link::Stale { since, next_try, error } = &stale.hosts[0].link else { unreachable!() };
        assert!(since <= next_try && !error.is_empty(), "{:?}", stale.hosts[0].link);
        let kept = row(&stale, &goes).expect("rows stay");
        assert_eq!(kept.stale_since, Some(*since));
        assert_eq!(kept.state, row(&before, &goes).expect("it was there").state);

        // What happens in the gap reaches nobody.
        let statefulsets: Api<k8s_openapi::api::apps::v1::StatefulSet> = Api::namespaced(host.client(), &goes);
        statefulsets.delete(&goes, &DeleteParams::background()).await?;
        put(&host, &[tenant(&host, "comes")]).await?;

        proxy.set(Wire::Pass);
        let after = retry_until(&live, |fleet| {
            live_and_whole(fleet) && row(fleet, &goes).is_none() && row(fleet, &comes).is_some()
        })
        .await?;
        for name in [&stays, &comes] {
            let row = row(&after, name).expect("seen");
            assert_eq!((row.stale_since, row.state), (None, State::Running), "{}", row.reason);
        }
        Ok(())
    }

    async fn a_host_that_does_not_answer_holds_up_no_other(host: Host) -> Result<()> {
        let name = host.named("seen");
        put(&host, &[tenant(&host, "seen")]).await?;
        // A port where nobody listens.
        let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let dead = format!(
            "{{clusters: [{{name: dead, cluster: {{server: 'https://{nobody}'}}}}], users: [], \
             contexts: [{{name: dead, context: {{cluster: dead, user: nobody}}}}]}}"
        );
        let missing = HostTarget::of_context(
            "missing",
            KubeconfigSource::Text(dead.as_str().into()),
            ConnectOptions::default(),
        );
        let targets = vec![target(&dead)?, target(&host.kubeconfig)?, missing];
        let live = LiveFleet::start(targets, FleetOptions::default());
        let fleet = until(&live, "the other host is live", |fleet| {
            matches!(fleet.hosts[1].link, Link::Live { .. })
                && matches!(fleet.hosts[0].link, Link::Unreachable { .. })
                && matches!(fleet.hosts[2].link, Link::Unreachable { .. })
        })
        .await?;
        assert!(row(&fleet, &name).is_some());
        let error = |at: usize| match &fleet.hosts[at].link {
            Link::Unreachable { error, .. } => error.clone(),
            other => panic!("{other:?}"),
        };
        assert!(error(0).starts_with("connection refused"), "{}", error(0));
        assert!(error(2).contains("no context named `missing`; there are: dead"), "{}", error(2));
        Ok(())
    }

    async fn a_host_that_comes_up_later_is_found_by_a_retry(host: Host) -> Result<()> {
        let name = host.named("early");
        put(&host, &[tenant(&host, "early")]).await?;
        let (proxy, through) = Proxy::before(&host.kubeconfig).await?;
        proxy.set(Wire::Cut);
        let live = watch(&through, FleetOptions::default())?;
        until(&live, "it is unreachable", |fleet| matches!(fleet.hosts[0].link, Link::Unreachable { .. })).await?;
        proxy.set(Wire::Pass);
        retry_until(&live, |fleet| live_and_whole(fleet) && row(fleet, &name).is_some()).await?;
        Ok(())
    }
}
