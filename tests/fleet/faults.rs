//! What a bad wire does to the picture: it stays, says how old it is, and mends itself.

use std::time::Duration;

use anyhow::Result;
use kube::api::{Api, DeleteParams};
use v9s::cluster::{ConnectOptions, KubeconfigSource};
use v9s::fleet::model::Link;
use v9s::fleet::state::State;
use v9s::fleet::{FleetOptions, HostTarget, LiveFleet};
use v9s_sandbox::faults::{Effect, Faults, Matcher};
use v9s_sandbox::status::Status;
use v9s_sandbox::store::Gr;
use v9s_testkit::both_hosts;
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::proxy::{Proxy, Wire};

use crate::watching::{live_and_whole, put, retry_until, row, target, tenant, until, watch};

both_hosts! {
    async fn a_cut_leaves_the_rows_with_their_age_and_what_the_gap_held_is_found(host: Host) -> Result<()> {
        put(&host, &[tenant(&host, "stays"), tenant(&host, "goes")]).await?;
        let (stays, goes, comes) = (host.named("stays"), host.named("goes"), host.named("comes"));
        let (proxy, through) = Proxy::before(&host.kubeconfig).await?;
        let live = watch(&through, FleetOptions::default())?;
        let before = until(&live, "both are seen", |fleet| {
            let runs = |name| row(fleet, name).is_some_and(|row| row.state == State::Running);
            live_and_whole(fleet) && runs(&stays) && runs(&goes)
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
            // Of what has just come the parts are told one after the other.
            let runs = |name| row(fleet, name).is_some_and(|row| row.state == State::Running);
            live_and_whole(fleet) && row(fleet, &goes).is_none() && runs(&comes) && runs(&stays)
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

/// A host with a switch for faults inside of the server.
async fn embedded() -> Result<Host> {
    Host::embedded(Needs::NONE).await
}

fn faults(host: &Host) -> &Faults {
    host.sandbox().expect("it is the embedded host").faults()
}

fn refused(code: u16) -> Effect {
    match code {
        429 => Effect::Answer(Status::too_many_requests("the server sheds load", 1)),
        _ => Effect::Answer(Status::internal("the server has a bad day")),
    }
}

#[tokio::test]
async fn a_revision_that_the_server_has_forgotten_costs_nothing_but_a_list() -> Result<()> {
    let host = embedded().await?;
    put(&host, &[tenant(&host, "stays"), tenant(&host, "goes")]).await?;
    let (stays, goes, comes) = (host.named("stays"), host.named("goes"), host.named("comes"));
    let live = watch(&host.kubeconfig, FleetOptions::default())?;
    until(&live, "it is live", live_and_whole).await?;

    faults(&host).add(Matcher::verbs(["watch"]), Effect::Drop);
    faults(&host).cut_watches(Matcher::everything());
    until(&live, "it is stale", |fleet| matches!(fleet.hosts[0].link, Link::Stale { .. })).await?;
    let statefulsets: Api<k8s_openapi::api::apps::v1::StatefulSet> = Api::namespaced(host.client(), &goes);
    statefulsets.delete(&goes, &DeleteParams::background()).await?;
    put(&host, &[tenant(&host, "comes")]).await?;
    host.sandbox().expect("it is the embedded host").store().compact();

    faults(&host).clear();
    let after = retry_until(&live, |fleet| {
        live_and_whole(fleet) && row(fleet, &goes).is_none() && row(fleet, &comes).is_some()
    })
    .await?;
    assert_eq!(row(&after, &stays).map(|row| (row.state, row.stale_since)), Some((State::Running, None)));
    Ok(())
}

#[tokio::test]
async fn a_server_that_sheds_load_is_asked_again_until_the_picture_is_whole() -> Result<()> {
    let host = embedded().await?;
    put(&host, &[tenant(&host, "patient")]).await?;
    faults(&host).add_times(Matcher::verbs(["list", "watch"]), refused(429), 12);
    let live = watch(&host.kubeconfig, FleetOptions::default())?;
    let fleet = retry_until(&live, live_and_whole).await?;
    assert_eq!(row(&fleet, &host.named("patient")).map(|row| row.state), Some(State::Running));
    Ok(())
}

#[tokio::test]
async fn one_kind_that_fails_leaves_the_others_and_says_why() -> Result<()> {
    let host = embedded().await?;
    put(&host, &[tenant(&host, "partial")]).await?;
    let rule = faults(&host).add(Matcher::verbs(["list"]).resource(Gr::new("", "secrets")), refused(500));
    let live = watch(&host.kubeconfig, FleetOptions::default())?;
    let name = host.named("partial");
    let fleet = until(&live, "the rest is there", |fleet| {
        matches!(fleet.hosts[0].link, Link::Stale { .. })
            && row(fleet, &name).is_some_and(|row| row.state == State::Running && row.synced.is_known())
    })
    .await?;
    let why = row(&fleet, &name).and_then(|row| row.store.why().map(str::to_owned)).unwrap_or_default();
    assert!(why.starts_with("server error") && why.contains("the server has a bad day"), "{why}");
    faults(&host).remove(rule);
    let fleet = retry_until(&live, live_and_whole).await?;
    assert!(row(&fleet, &name).is_some_and(|row| row.store.is_known()));
    Ok(())
}

#[tokio::test]
async fn a_server_that_never_answers_is_unreachable_and_can_be_left() -> Result<()> {
    let host = embedded().await?;
    faults(&host).add(Matcher::everything(), Effect::Freeze);
    let options = ConnectOptions { request_timeout: Duration::from_millis(300), ..ConnectOptions::default() };
    let source = KubeconfigSource::Text(host.kubeconfig.as_str().into());
    let context = v9s::cluster::contexts(&source)?.remove(0).name;
    let target = HostTarget::of_context(context, source, options);
    let live = LiveFleet::start(vec![target], FleetOptions::default());
    let fleet =
        until(&live, "it is unreachable", |fleet| matches!(fleet.hosts[0].link, Link::Unreachable { .. }))
            .await?;
    let Link::Unreachable { error, .. } = &fleet.hosts[0].link else { unreachable!() };
    assert!(error.starts_with("timeout: no answer within 0.3 s"), "{error}");
    drop(live);
    Ok(())
}
