//! Questions to clusters, answered.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{FutureExt as _, StreamExt};
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::mpsc;
use v9s::cluster::{Cluster, LogEvent, LogRequest, ReadError, YamlOptions};
use v9s::control;
use v9s::explain::{Verdict, Wish, explain, gather};
use v9s::fleet::model::VclusterKey;
use v9s::gc::{ByConnect, GcError, SURVEY_STEPS, Scope, Survey, SurveyOptions, survey};
use v9s::health::control::Reading as Plane;
use v9s::health::store::Reading;
use v9s::lifecycle::{certs, quota};
use v9s::operation::{Operation, OperationState, StepState};
use v9s::store;
use v9s::target::refresh;

use super::{Clusters, files};
use crate::app::habits::Habits;
use crate::app::msg::Msg;
use crate::app::reads::{LogPart, Looking, Puzzle, Read, Reply, Ticket};
use crate::config::Dirs;
use crate::verbs;

/// Most lines in one message.
const BATCH: usize = 512;

/// Answers a question.
pub async fn answer(clusters: &Clusters, dirs: &Dirs, read: Read) -> Reply {
    match read {
        Read::Namespaces { host } => {
            Reply::Namespaces(on(clusters, &host, async |cluster| cluster.namespaces().await).await)
        }
        Read::Events { host, namespace } => {
            Reply::Events(on(clusters, &host, async |cluster| cluster.events(&namespace).await).await)
        }
        Read::Yaml { host, object, managed_fields } => {
            let show = YamlOptions { managed_fields };
            Reply::Text(on(clusters, &host, async |cluster| cluster.yaml(&object, show).await).await)
        }
        Read::Config { host, namespace, name } => {
            let read = async |cluster: Cluster| cluster.vcluster_config(&namespace, &name).await;
            Reply::Text(on(clusters, &host, read).await)
        }
        Read::Written(key) => Reply::Text(verbs::written(clusters, &key).await),
        Read::Containers { host, namespace, pod } => {
            let read = async |cluster: Cluster| cluster.containers(&namespace, &pod).await;
            Reply::Containers(on(clusters, &host, read).await)
        }
        Read::Explain(puzzle) => Reply::Explained(explained(clusters, &puzzle).await),
        Read::Store(key) => {
            let read = stored(clusters, &key).await;
            Reply::Store(key, read)
        }
        Read::Control(key) => {
            let read = controlled(clusters, &key).await;
            Reply::Control(key, read)
        }
        Read::Certificates(key) => {
            let end = first_end(clusters, &key).await;
            Reply::Certificates(key, end)
        }
        Read::Quota(key) => Reply::Quota(quotas(clusters, &key).await),
        Read::Plan(errand) => Reply::Plan(verbs::look(clusters, dirs, &errand).boxed().await),
        Read::Presets => Reply::Presets(files::presets(dirs.presets()).await),
        Read::Habits => Reply::Habits(habits(dirs)),
        Read::Shelf { key, at } => Reply::Shelf(verbs::shelf(&key, &at).boxed().await),
    }
}

/// What was answered last; backups go to the state folder until somebody says otherwise.
fn habits(dirs: &Dirs) -> Habits {
    let usual = Habits { to: dirs.backups().display().to_string(), ..Habits::default() };
    usual.with(&Habits::read(&dirs.habits()))
}

async fn explained(clusters: &Clusters, puzzle: &Puzzle) -> Result<Box<Verdict>, String> {
    let (host, wish) = match puzzle {
        Puzzle::Pod { host, namespace, pod } => {
            (clusters.open(host).await?, Wish::Host { namespace: namespace.clone(), pod: pod.clone() })
        }
        Puzzle::ControlPlane(VclusterKey { host, namespace, name }) => {
            let host = clusters.open(host).await?;
            let target = refresh(&host, namespace, name).await.map_err(said)?;
            (host, Wish::ControlPlane { target })
        }
    };
    let facts = gather(&host, &ByConnect::default(), &wish).await.map_err(|error| error.to_string())?;
    Ok(Box::new(explain(&facts)))
}

async fn stored(clusters: &Clusters, key: &VclusterKey) -> Result<Box<Reading>, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = refresh(&cluster, &key.namespace, &key.name).await.map_err(said)?;
    Ok(Box::new(store::read(&cluster, &target, &ByConnect::default()).await))
}

async fn controlled(clusters: &Clusters, key: &VclusterKey) -> Result<Box<Plane>, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = refresh(&cluster, &key.namespace, &key.name).await.map_err(said)?;
    Ok(Box::new(control::read(&cluster, &target, &ByConnect::default()).await))
}

/// When the first certificate of a virtual cluster ends, by the Secret that holds them.
async fn first_end(clusters: &Clusters, key: &VclusterKey) -> Result<DateTime<Utc>, String> {
    let cluster = clusters.open(&key.host).await?;
    let infos = certs::check(&cluster, &key.namespace, &key.name).await.map_err(said)?;
    certs::first_end(&infos).map_err(|why| why.to_string())
}

async fn quotas(clusters: &Clusters, key: &VclusterKey) -> Result<Box<quota::Found>, String> {
    let cluster = clusters.open(&key.host).await?;
    let target = refresh(&cluster, &key.namespace, &key.name).await.map_err(said)?;
    quota::look(&cluster, &target).await.map(Box::new).map_err(said)
}

async fn on<T>(
    clusters: &Clusters,
    host: &SmolStr,
    read: impl AsyncFnOnce(Cluster) -> Result<T, ReadError>,
) -> Result<T, String> {
    let cluster = clusters.open(host).await?;
    read(cluster).await.map_err(said)
}

fn said(error: ReadError) -> String {
    format!("{error}; {}", error.remedy())
}

/// Hands out a log as it comes, many lines at once when there are many.
pub async fn follow(
    ticket: Ticket,
    clusters: &Clusters,
    host: &SmolStr,
    request: LogRequest,
    lines: mpsc::Sender<Msg>,
) {
    let last = match clusters.open(host).await {
        Err(why) => LogPart::Failed(why),
        Ok(cluster) => {
            let mut failed = false;
            let mut batches = Box::pin(cluster.logs(request).ready_chunks(BATCH));
            while let Some(batch) = batches.next().await {
                failed |= batch.iter().any(Result::is_err);
                let parts = batch.into_iter().map(part).collect();
                if lines.send(Msg::Reply(ticket, Reply::Log(parts))).await.is_err() {
                    return;
                }
            }
            if failed {
                return;
            }
            LogPart::Ended
        }
    };
    // Nobody listens any more only when v9s ends.
    let _ = lines.send(Msg::Reply(ticket, Reply::Log(vec![last]))).await;
}

/// Looks for what virtual clusters have left on a host. Ends with the task: whoever does not wait for it any more stops it.
pub async fn look(
    ticket: Ticket,
    clusters: &Clusters,
    host: &SmolStr,
    scope: Scope,
    to: mpsc::UnboundedSender<Msg>,
) {
    // Nobody listens any more only when v9s ends.
    let tell = |looking| drop(to.send(Msg::Reply(ticket, Reply::Leftovers(looking))));
    let cluster = match clusters.open(host).await {
        Ok(cluster) => cluster,
        Err(why) => return tell(Looking::Failed(why)),
    };
    let options = SurveyOptions { scope, ..SurveyOptions::default() };
    let looking: Operation<Survey, GcError> =
        Operation::start("look for leftovers", SURVEY_STEPS, move |progress| async move {
            survey(&cluster, &ByConnect::default(), &options, &progress).await
        });
    let _stop = looking.canceller().drop_guard();
    let mut states = looking.follow();
    loop {
        let doing = doing(&states.borrow_and_update());
        tell(Looking::Under(doing));
        if states.changed().await.is_err() {
            break;
        }
    }
    tell(match looking.result().await {
        Ok(found) => Looking::Done(Arc::new(found)),
        Err(error) => Looking::Failed(error.to_string()),
    });
}

/// The step that runs, and what it waits for.
fn doing(state: &OperationState) -> SmolStr {
    match state.running() {
        Some((_, step)) => match &step.state {
            StepState::Running { cause: Some(cause), .. } => format_smolstr!("{}: {cause}", step.title),
            _ => step.title.clone(),
        },
        None => state.title.clone(),
    }
}

fn part(event: Result<LogEvent, ReadError>) -> LogPart {
    match event {
        Ok(LogEvent::Line(line)) => LogPart::Line { at: line.at, text: line.text },
        Ok(LogEvent::Lost(failure)) => LogPart::Lost(failure.to_string()),
        Ok(LogEvent::Resumed) => LogPart::Resumed,
        Err(error) => LogPart::Failed(said(error)),
    }
}
