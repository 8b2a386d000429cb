//! Stores of virtual clusters that v9s has made, reached through the host: read, and their space recovered.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use v9s::gc::ByConnect;
use v9s::health::Thresholds;
use v9s::health::store::{Reading, judge};
use v9s::lifecycle::Decision;
use v9s::lifecycle::space::{self, SpaceOptions};
use v9s::operation::Operation;
use v9s::store::{self, Engine, Kind, Range, Store};
use v9s::target::{Target, find};

use crate::made::Made;

/// A machine that compiles beside it takes its time.
const PATIENCE: Duration = Duration::from_secs(180);

async fn target(made: &Made) -> Result<Target> {
    Ok(find(&made.host, Some(&made.request.namespace), &made.request.name).await?)
}

/// Reads the store until that reading says what is wanted.
async fn read(made: &Made, wanted: impl Fn(&Reading) -> bool) -> Result<Reading> {
    let begun = tokio::time::Instant::now();
    loop {
        let reading = store::read(&made.host, &target(made).await?, &ByConnect::default()).await;
        if wanted(&reading) {
            return Ok(reading);
        }
        ensure!(begun.elapsed() < PATIENCE, "it never was as wanted: {reading:#?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Every key of it at one revision, in small pages.
async fn keys(store: &Store) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut range = Some(Range { keys_only: true, ..Range::all(50) });
    while let Some(asked) = range {
        let page = store.range(&asked).await?;
        range = asked.after(&page);
        keys.extend(page.keys.iter().map(|key| String::from_utf8_lossy(&key.key).into_owned()));
    }
    Ok(keys)
}

/// kine in the pod of the control plane, on its loopback interface.
pub async fn kine_is_read(made: &Made) -> Result<()> {
    let reading = read(made, |reading| reading.known().count() == 1 && reading.volumes.is_known()).await?;
    assert_eq!(reading.engine, Some(Engine::Kine));
    assert_eq!(reading.kind.get(), Some(&Kind::EmbeddedDatabase));
    let (process, status) = reading.known().next().context("nobody answers")?;
    assert_eq!(process.name, format!("{}-0", made.request.name));
    assert!(status.size > 0, "{status:?}");
    let volumes = reading.volumes.get().context("no volumes")?;
    assert_eq!(volumes[0].claim, format!("data-{}-0", made.request.name));
    let (health, found) = judge(&reading, None, &Thresholds::default());
    assert!(health.is_known(), "{health:?} {found:?}");

    let store = store::open(&made.host, &target(made).await?).await?;
    let keys = keys(&store).await?;
    assert!(keys.iter().any(|key| key == "/registry/namespaces/kube-system"), "{keys:?}");
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "each key once, in order");
    let refused = space::plan(&target(made).await?, &reading);
    assert!(matches!(refused, Decision::Refused(_)), "{refused:?}");
    Ok(())
}

/// etcd in pods of its own: who they are, what they count, what is in them, and its space recovered while the tenant's API goes on.
pub async fn etcd_is_read_and_its_space_recovered(made: &Made, members: usize) -> Result<()> {
    let well = |reading: &Reading| {
        reading.known().count() == members
            && reading.leader().is_some()
            && reading.members.is_known()
            && reading.alarms.is_known()
            && reading.processes.iter().all(|process| process.figures.is_known())
    };
    let reading = read(made, well).await?;
    assert_eq!(reading.kind.get(), Some(&Kind::DeployedEtcd));
    let names: Vec<_> = reading.processes.iter().map(|process| process.name.to_string()).collect();
    let expected: Vec<_> = (0..members).map(|at| format!("{}-etcd-{at}", made.request.name)).collect();
    assert_eq!(names, expected);
    assert!(
        reading.processes.iter().all(|it| it.figures.get().is_some_and(|figures| figures.fsync.count() > 0))
    );

    let store = store::open(&made.host, &target(made).await?).await?;
    let before = keys(&store).await?;
    assert!(before.iter().any(|key| key == "/registry/namespaces/kube-system"), "{before:?}");
    let mut snapshot = store.snapshot().await?;
    let mut bytes = 0;
    while let Some(piece) = snapshot.next().await? {
        bytes += piece.len();
    }
    assert!(bytes > 8192, "{bytes}");

    let target = target(made).await?;
    let plan = match space::plan(&target, &reading) {
        Decision::Do(plan) => plan,
        other => bail!("{other:?}"),
    };
    let (host, steps) = (made.host.clone(), plan.steps());
    let operation = Operation::start("recover space", steps, |progress| async move {
        space::carry_out(&host, &store, &plan, &SpaceOptions { patience: PATIENCE }, &progress).await
    });
    let recovered = operation.result().await?;
    assert_eq!(recovered.members.len(), members, "{recovered:?}");
    let store = store::open(&made.host, &target).await?;
    let after = keys(&store).await?;
    for key in ["/registry/namespaces/kube-system", "/registry/services/specs/default/kubernetes"] {
        assert!(after.iter().any(|other| other == key), "{key} is gone: {after:?}");
    }
    Ok(())
}
