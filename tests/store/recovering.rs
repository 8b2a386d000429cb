//! Space of a real etcd that has grown full: recovered, and left alone as soon as a member is away.

use anyhow::{Context as _, Result};
use v9s::audit::{AuditLog, Outcome, Record};
use v9s::cluster::Cluster;
use v9s::fleet::model::Severity;
use v9s::health::Thresholds;
use v9s::health::store::{code, judge};
use v9s::known::Known;
use v9s::lifecycle::Decision;
use v9s::lifecycle::space::{Recovered, SpaceError, SpaceOptions, SpacePlan, carry_out, plan};
use v9s::operation::{Operation, StepState};
use v9s::store::{AlarmKind, Range};
use v9s::target::{Manager, Target};
use v9s_testkit::wait::{PATIENCE, until};

use crate::seat::{Seat, stores};

/// So small that a few writes fill it.
const QUOTA: u64 = 16 << 20;

fn target() -> Target {
    Target {
        host: "host".into(),
        namespace: "team-a".into(),
        name: "shop".into(),
        parts: Vec::new(),
        manager: Known::Yes(Manager::Nobody),
        sleep_type: Known::Yes(None),
    }
}

/// A host that only keeps records: nothing is asked of it.
fn host(folder: &tempfile::TempDir) -> Result<Cluster> {
    let config = kube::Config::new("http://127.0.0.1:9".parse()?);
    let client = kube::Client::try_from(config)?;
    let log = AuditLog::at(folder.path().join("audit.jsonl"));
    Ok(Cluster::from_client("host", "http://127.0.0.1:9", "default", client).with_audit(log))
}

fn records(folder: &tempfile::TempDir) -> Result<Vec<Record>> {
    let text = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap_or_default();
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Writes one key over and over until etcd refuses: the room is taken by what was before.
async fn fill(seat: &Seat) -> Result<()> {
    seat.put("/registry/kept", b"kept").await?;
    let value = vec![9; 500_000];
    until("the store to be full", || async {
        match seat.put("/registry/grows", &value).await {
            Ok(_) => None,
            Err(_) => Some(()),
        }
    })
    .await?;
    alarmed(seat).await
}

/// Waits until etcd says that there is no space.
async fn alarmed(seat: &Seat) -> Result<()> {
    until("the alarm", || async {
        let alarms = seat.store.alarms().await.ok()?;
        alarms.iter().any(|alarm| alarm.kind == AlarmKind::NoSpace).then_some(())
    })
    .await
}

async fn planned(seat: &Seat) -> Result<SpacePlan> {
    until("a plan", || async {
        let reading = seat.store.read().await;
        let leader = reading.leader().map(|process| process.name.clone());
        match plan(&target(), &reading) {
            Decision::Do(plan) => {
                assert_eq!(
                    plan.members.last().map(|(name, ..)| name),
                    leader.as_ref(),
                    "the leader goes last"
                );
                Some(plan)
            }
            _ => None,
        }
    })
    .await
}

fn begin(
    seat: &Seat,
    host: &Cluster,
    plan: &SpacePlan,
    options: SpaceOptions,
) -> Operation<Recovered, SpaceError> {
    let (host, store, plan) = (host.clone(), seat.store.clone(), plan.clone());
    Operation::start("recover space", plan.steps(), |progress| async move {
        carry_out(&host, &store, &plan, &options, &progress).await
    })
}

fn options() -> SpaceOptions {
    SpaceOptions { patience: PATIENCE }
}

fn codes(reading: &v9s::health::store::Reading) -> Vec<(&'static str, Severity)> {
    let (_, found) = judge(reading, None, &Thresholds::default());
    found.iter().map(|finding| (finding.code, finding.severity)).collect()
}

stores! {
    async fn three_members_that_are_full_can_be_written_to_again() -> Result<()> {
        let seat = Seat::take(3, Some(QUOTA)).await?;
        let folder = tempfile::tempdir()?;
        fill(&seat).await?;
        let full = seat.store.read().await;
        assert!(codes(&full).contains(&(code::ALARM, Severity::Critical)), "{full:?}");
        assert!(codes(&full).contains(&(code::QUOTA, Severity::Critical)), "{full:?}");

        let plan = planned(&seat).await?;
        let host = host(&folder)?;
        let operation = begin(&seat, &host, &plan, options());
        let states = operation.follow();
        let recovered = operation.result().await?;
        assert!(recovered.disarmed > 0, "{recovered:?}");
        assert!(recovered.members.iter().all(|(_, before, after)| after < before), "{recovered:?}");
        let state = states.borrow().clone();
        assert!(state.steps.iter().all(|step| matches!(step.state, StepState::Done { .. })), "{state:?}");

        seat.put("/registry/after", b"after").await?;
        let page = seat.store.range(&Range::all(0)).await?;
        let keys: Vec<_> = page.keys.iter().map(|key| String::from_utf8_lossy(&key.key).into_owned()).collect();
        assert_eq!(keys, ["/registry/after", "/registry/grows", "/registry/kept"], "what is there stays");
        until("all to be well", || async {
            let mended = codes(&seat.store.read().await);
            // How slow the disk of this machine is, is no matter of the store's.
            let wrong = [code::ALARM, code::QUOTA, code::MEMBER, code::LEADER];
            (!mended.iter().any(|(found, _)| wrong.contains(found))).then_some(())
        })
        .await?;
        let told: Vec<_> = records(&folder)?.into_iter().map(|record| (record.action, record.outcome)).collect();
        let count = |action: &str| told.iter().filter(|(told, outcome)| told == action && *outcome == Outcome::Done).count();
        assert_eq!((count("compact-store"), count("defragment-store")), (1, 3), "{told:?}");
        assert_eq!(count("disarm-store"), recovered.disarmed, "{told:?}");

        // Once more does no harm.
        let again = begin(&seat, &host, &planned(&seat).await?, options()).result().await?;
        assert_eq!(again.disarmed, 0);
        Ok(())
    }

    async fn a_member_that_is_away_ends_it_and_the_others_are_as_they_were() -> Result<()> {
        let seat = Seat::take(3, Some(QUOTA)).await?;
        let folder = tempfile::tempdir()?;
        fill(&seat).await?;
        let plan = planned(&seat).await?;
        let host = host(&folder)?;
        // It is killed once the first member has its new file.
        let last = plan.members.last().context("no members")?.0.clone();
        let victim = seat.addresses.iter().position(|address| *address == last).context("no such member")?;
        let short = SpaceOptions { patience: std::time::Duration::from_secs(15) };
        let operation = begin(&seat, &host, &plan, short);
        let mut states = operation.follow();
        let first = |state: &v9s::operation::OperationState| {
            state.steps.get(2).is_some_and(|step| !matches!(step.state, StepState::Waiting | StepState::Running { .. }))
        };
        tokio::time::timeout(PATIENCE, states.wait_for(|state| first(state))).await??;
        seat.kill(victim).await?;
        let done = operation.result().await;

        let before = records(&folder)?;
        // The kill may come when all is done: then nothing was to be stopped.
        if let Err(error) = done {
            assert!(matches!(error, SpaceError::Away { .. } | SpaceError::Store { .. }), "{error}");
            let rewritten = before.iter().filter(|record| record.action == "defragment-store");
            assert!(rewritten.clone().count() < 4, "{before:?}");
            if seat.store.alarms().await.is_ok_and(|alarms| !alarms.is_empty()) {
                assert!(before.iter().all(|record| record.action != "disarm-store"), "{before:?}");
            }
        }
        let refused = plan_now(&seat).await;
        assert!(refused.contains("does not answer"), "{refused}");
        seat.led().await?;
        let page = seat.store.range(&Range::all(0)).await?;
        assert_eq!(page.keys.len(), 2, "two of three still have it all");

        seat.revive(victim).await?;
        seat.led().await?;
        let mended = begin(&seat, &host, &planned(&seat).await?, options()).result().await?;
        assert!(mended.members.len() == 3, "{mended:?}");
        seat.put("/registry/after", b"after").await?;
        Ok(())
    }

    async fn one_that_is_full_of_what_is_needed_keeps_its_alarm() -> Result<()> {
        let seat = Seat::take(1, Some(QUOTA)).await?;
        let folder = tempfile::tempdir()?;
        let host = host(&folder)?;
        let mut at = 0;
        let mut rounds = 0;
        // A file that is full has some free room between its pages; rewriting it gives that back until there is none.
        let error = loop {
            let value = vec![9; if rounds == 0 { 500_000 } else { 20_000 }];
            while seat.put(&format!("/registry/{at:06}"), &value).await.is_ok() {
                at += 1;
            }
            alarmed(&seat).await?;
            match begin(&seat, &host, &planned(&seat).await?, options()).result().await {
                Err(error) => break error,
                Ok(_) => rounds += 1,
            }
            anyhow::ensure!(rounds < 60, "it never fills up");
        };
        let full = matches!(&error, SpaceError::StillFull { .. });
        assert!(full && error.to_string().contains("--quota-backend-bytes"), "{error}");
        assert!(!seat.store.alarms().await?.is_empty());
        Ok(())
    }

    async fn without_a_record_nothing_is_touched() -> Result<()> {
        let seat = Seat::take(1, Some(QUOTA)).await?;
        let folder = tempfile::tempdir()?;
        let host = host(&folder)?.with_audit(AuditLog::at("/proc/no/such/place"));
        let revision = seat.store.revision().await?;
        let error = begin(&seat, &host, &planned(&seat).await?, options()).result().await.unwrap_err();
        assert!(matches!(error, SpaceError::NoRecord { .. }), "{error}");
        seat.put("/registry/x", b"x").await?;
        seat.store.range(&Range::all(1).at(revision)).await.context("nothing was forgotten")?;
        Ok(())
    }
}

async fn plan_now(seat: &Seat) -> String {
    match plan(&target(), &seat.store.read().await) {
        Decision::Refused(refusal) => refusal.to_string(),
        other => format!("{other:?}"),
    }
}
