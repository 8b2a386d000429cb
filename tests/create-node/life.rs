//! From the first day of a virtual cluster to its last, by the verbs of v9s alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::Utc;
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenRequest, TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount};
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::discovery::{Discovery, verbs};
use kube::{Client, ResourceExt as _};
use serde_json::json;
use v9s::connect::issue::{self, Holder, IssueError, Issued, Wanted};
use v9s::connect::kubeconfig::Entry;
use v9s::connect::secret::Access;
use v9s::connect::{self, Asked, Connected};
use v9s::lifecycle::certs;
use v9s::lifecycle::certs::rotate::{self, RotateOptions};
use v9s::lifecycle::delete::{self, DeleteOptions, Deleted, Home, Wish, decide, survey};
use v9s::lifecycle::pause::{self, PauseOptions};
use v9s::lifecycle::resume::{self, ResumeOptions};
use v9s::lifecycle::{Decision, memory};
use v9s::operation::Operation;
use v9s::target::{Target, find};
use v9s_testkit::pods::Room;
use v9s_testkit::{kubeconfig, served};

use crate::made::{Made, config, makes, volume};

/// A machine that compiles beside it takes its time.
const PATIENCE: Duration = Duration::from_secs(300);

async fn target(made: &Made) -> Result<Target> {
    Ok(find(&made.host, Some(&made.request.namespace), &made.request.name).await?)
}

/// Opens a tunnel; a client through it lives as long as that.
async fn through(made: &Made) -> Result<Connected> {
    let (host, target) = (made.host.clone(), target(made).await?);
    let asked = Asked { straight: false, patience: PATIENCE, ..Asked::default() };
    let operation = Operation::start("connect", connect::STEPS, move |progress| async move {
        connect::connect(&host, &target, &asked, &progress).await
    });
    Ok(operation.result().await?)
}

pub async fn paused(made: &Made) -> Result<()> {
    let (host, target) = (made.host.clone(), target(made).await?);
    let options = PauseOptions { anyway: false, lose: false, patience: PATIENCE };
    let found = pause::look(&host, &target).await?;
    let Decision::Do(plan) = pause::plan(&target, found, &options) else {
        anyhow::bail!("there is nothing to do")
    };
    Ok(pause::start(host, target, plan, options).result().await?)
}

pub async fn resumed(made: &Made) -> Result<()> {
    let (host, target) = (made.host.clone(), target(made).await?);
    let options = ResumeOptions { patience: PATIENCE, ..ResumeOptions::default() };
    let Decision::Do(plan) = resume::plan(&target, &options) else { anyhow::bail!("there is nothing to do") };
    Ok(resume::start(host, target, plan, options).result().await?)
}

/// Makes its certificates anew; what the Secret with them holds then.
pub async fn rotated(made: &Made) -> Result<BTreeMap<String, ByteString>> {
    let (host, target) = (made.host.clone(), target(made).await?);
    let seen = certs::look(&host, &target).await?;
    let options = RotateOptions { patience: PATIENCE, ..RotateOptions::default() };
    let Decision::Do(plan) = rotate::plan(&target, &seen, memory(&host, &target).await, Utc::now(), &options)
    else {
        anyhow::bail!("there is nothing to do")
    };
    rotate::start(host, target, seen, plan, options).result().await?;
    certificates(made).await
}

pub async fn certificates(made: &Made) -> Result<BTreeMap<String, ByteString>> {
    let (namespace, name) = (&made.request.namespace, &made.request.name);
    let secrets = Api::<Secret>::namespaced(made.outside.clone(), namespace);
    secrets.get(&format!("{name}-certs")).await?.data.context("the Secret is empty")
}

/// `host:port` of the Service of its API server.
pub async fn address(made: &Made) -> Result<String> {
    let services = Api::<Service>::namespaced(made.outside.clone(), &made.request.namespace);
    let service = services.get(&made.request.name).await?;
    Ok(format!(
        "{}:443",
        service.spec.and_then(|spec| spec.cluster_ip).context("the Service has no address")?
    ))
}

/// A token of a service account of the tenant.
async fn token(room: &Room) -> Result<String> {
    let accounts = room.api::<ServiceAccount>();
    let wanted: TokenRequest =
        serde_json::from_value(json!({"spec": {"audiences": [], "expirationSeconds": 3600}}))?;
    let made = accounts.create_token_request("default", &PostParams::default(), &wanted).await?;
    made.status.and_then(|status| status.token).context("no token")
}

/// Whether the tenant's API server takes a token.
async fn takes(inside: &Client, token: &str) -> Result<bool> {
    let spec = TokenReviewSpec { token: token.to_owned(), ..TokenReviewSpec::default() };
    let review = TokenReview { spec, ..TokenReview::default() };
    let answer = Api::<TokenReview>::all(inside.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.authenticated == Some(true)))
}

pub async fn deleted(made: &Made) -> Result<Deleted> {
    let (host, target) = (made.host.clone(), target(made).await?);
    let found = survey(&host, &target.namespace, &target.name).await?;
    let Decision::Do(plan) = decide(&target, found, Wish::default(), false) else {
        anyhow::bail!("there is nothing to do")
    };
    ensure!(plan.left.is_empty(), "{:?}", plan.left);
    let options = DeleteOptions { wish: Wish::default(), patience: PATIENCE };
    Ok(delete::start(host, plan, options).result().await?)
}

/// Every object of the host that has to do with a name, but for events and the volumes that a test has made.
pub async fn traces(client: &Client, name: &str) -> Result<BTreeSet<String>> {
    let mut traces = BTreeSet::new();
    let found = Discovery::new(client.clone()).run().await?;
    for (resource, capabilities) in found.groups().flat_map(|group| group.recommended_resources()) {
        if !capabilities.supports_operation(verbs::LIST)
            || ["Event", "PersistentVolume"].contains(&resource.kind.as_str())
        {
            continue;
        }
        let all: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        for object in all.list(&ListParams::default()).await.with_context(|| resource.kind.clone())? {
            let place =
                format!("{} {}/{}", resource.kind, object.namespace().unwrap_or_default(), object.name_any());
            if place.contains(name) {
                traces.insert(place);
            }
        }
    }
    Ok(traces)
}

/// A kubeconfig for a person, which the tenant's own controller manager signs.
async fn person(connected: &Connected) -> Result<Entry> {
    let tenant = v9s::cluster::open(
        &v9s::cluster::KubeconfigSource::Text(connected.entry.to_yaml().into()),
        None,
        &v9s::cluster::ConnectOptions::default(),
    )
    .await?;
    let holder = Holder::User { name: "jane".into(), group: Some("shoppers".into()) };
    let lifetime = Duration::from_secs(3600);
    let wanted = Wanted { holder, role: Some("view".into()), within: None, lifetime };
    let operation = Operation::start("issue", issue::STEPS, move |progress| async move {
        issue::issue(&tenant, &wanted, &progress).await
    });
    let issued: Result<Issued, IssueError> = operation.result().await;
    let issued = issued?;
    ensure!((issued.expires - Utc::now()).num_minutes() <= 60, "it ends when it was asked to");
    let access = Access { identity: issued.identity, ..connected.entry.access.clone() };
    Ok(Entry { access, ..connected.entry.clone() })
}

makes! {
    async fn a_virtual_cluster_lives_from_create_to_delete_and_leaves_nothing() -> Result<()> {
        volume("mortal", ("team-mortal", "data-mortal-0")).await?;
        let made = Made::make("mortal", &config("")?).await?;
        let connected = through(&made).await?;
        let inside = kubeconfig::client(&connected.entry.to_yaml()).await?;
        let room = Room::take(inside, "shop").await?;
        room.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}})).await?;
        room.create(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
                    "name": "main", "image": v9s_testkit::node::images::BUSYBOX, "command": ["sleep", "100000"]}]}}}}))
            .await?;
        let runs = |deployment: Option<&k8s_openapi::api::apps::v1::Deployment>| {
            deployment.is_some_and(|it| it.status.as_ref().is_some_and(|status| status.ready_replicas == Some(1)))
        };
        room.wait("web", "ready", runs).await?;

        let jane = kubeconfig::client(&person(&connected).await?.to_yaml()).await?;
        let reviews: Api<SelfSubjectReview> = Api::all(jane);
        let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
        let who = review.status.and_then(|status| status.user_info).and_then(|user| user.username);
        assert_eq!(who.as_deref(), Some("jane"));

        let infos = certs::check(&made.host, &made.request.namespace, &made.request.name).await?;
        let server = infos.iter().find(|info| info.file == "apiserver.crt").context("its own certificate")?;
        assert!(server.days_left(Utc::now()).is_some_and(|days| (300..400).contains(&days)), "{server:?}");
        assert!(infos.iter().all(|info| info.ends.is_some()), "{infos:?}");

        let (before, token) = (certificates(&made).await?, token(&room).await?);
        let old = made.inside().await?;
        ensure!(takes(&old, &token).await?);
        let after = rotated(&made).await?;
        assert_ne!(after["apiserver.crt"], before["apiserver.crt"]);
        assert_eq!((&after["ca.crt"], &after["sa.key"]), (&before["ca.crt"], &before["sa.key"]));
        assert_eq!(served::certificate(&address(&made).await?).await?, served::der(&after["apiserver.crt"].0)?);
        let new = made.inside().await?;
        for client in [&old, &new] {
            ensure!(takes(client, &token).await?, "who got in before gets in afterwards, and tokens stay good");
        }
        let room = Room { client: new, namespace: "shop".to_owned() };
        // The syncer goes on, and kubelets still let its API server in.
        room.idle("late", json!({}), json!({})).await?;
        room.sh_until("late", "hostname", |said| said == "late").await?;

        paused(&made).await?;
        assert!(made.pods().await?.is_empty());
        let outside = Api::<Pod>::namespaced(made.outside.clone(), &made.request.namespace);
        let tenants = ListParams::default().labels("vcluster.loft.sh/managed-by=mortal");
        assert!(outside.list(&tenants).await?.items.is_empty());
        resumed(&made).await?;
        assert!(room.api::<ConfigMap>().get_opt("kept").await?.is_some(), "what is stored stays");
        room.wait("web", "ready again", runs).await?;

        let deleted = deleted(&made).await?;
        assert_eq!(deleted, Deleted { left: Vec::new(), home: Home::Gone });
        assert_eq!(traces(&made.outside, "mortal").await?, BTreeSet::new());
        Ok(())
    }
}
