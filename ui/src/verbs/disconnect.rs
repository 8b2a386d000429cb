//! Back from the context of a virtual cluster in a person's own kubeconfig, and contexts that lead nowhere taken out of it.

use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt as _;
use smol_str::{SmolStr, format_smolstr};
use v9s::connect::kubeconfig::{Document, Written, change, tenant_contexts, way_back};
use v9s::operation::{Operation, Progress};

use super::{Ask, Looked, Plan};
use crate::app::jobs::{Ended, Facts, Outcome};
use crate::app::operation::{Begun, Trouble, Verb};
use crate::app::runner::{Clusters, Hands, own_file};
use crate::cli::verbs::disconnect::{leave_current, stale};

/// Changes a kubeconfig: the current context, if it is a virtual cluster's, and those that are to go.
#[derive(Debug, Clone)]
struct Disconnect {
    file: PathBuf,
    gone: Vec<SmolStr>,
}

/// Looks at the person's kubeconfig, and asks the hosts of its contexts whether their virtual clusters are still there.
pub(super) async fn look(clusters: &Clusters) -> Result<Looked, String> {
    let file = own_file().ok_or("there is no home folder in which a kubeconfig could be")?;
    let text = match tokio::fs::read_to_string(&file).await {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("cannot read {}: {error}", file.display())),
    };
    let document = Document::read(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let all = tenant_contexts(&document);
    let mut facts: Facts = Vec::new();
    if let Some(current) = all.iter().find(|context| context.current) {
        facts.push((
            "returns",
            vec![match way_back(&document, current) {
                Some(back) => format!("from {} to {back}", current.name),
                None => {
                    format!("from {} to none: {} is not there", current.name, current.origin.host_context)
                }
            }],
        ));
    }
    let clusters = clusters.clone();
    let open = move |host: SmolStr| {
        let clusters = clusters.clone();
        async move { clusters.open(&host).await.ok() }.boxed()
    };
    let stale = stale(&document, open).await;
    if !stale.is_empty() {
        let lines = stale.iter().map(|(context, why)| format!("{}: {why}", context.name));
        facts.push(("takes out", lines.collect()));
    }
    if facts.is_empty() {
        let known = match all.len() {
            0 => "it has none of a virtual cluster".to_owned(),
            count => format!("{count} of virtual clusters, none of them stale"),
        };
        return Ok(Looked::Nothing(format!("{} needs no change: {known}", file.display())));
    }
    facts.push(("file", vec![file.display().to_string()]));
    facts.push(("keeps", vec!["what is there now, in a file beside it (.v9s-backup)".to_owned()]));
    facts.push(("as", vec!["v9s disconnect --clean".to_owned()]));
    let gone = stale.into_iter().map(|(context, _)| context.name).collect();
    let verb = Arc::new(Disconnect { file, gone });
    Ok(Looked::Ask(Box::new(Plan {
        title: verb.title().to_string(),
        facts,
        ask: Ask::Yes,
        verb,
        leaves: false,
    })))
}

impl Disconnect {
    async fn carry_out(self, progress: Progress) -> Result<Option<PathBuf>, Trouble> {
        let work = async {
            // Files block.
            let written = tokio::task::spawn_blocking(move || {
                change(&self.file, |document| {
                    document.with(&leave_current(document).and_remove(document, &self.gone))
                })
            });
            let written = written.await.map_err(|error| Trouble::Said(error.to_string()))?;
            match written.map_err(|error| Trouble::Said(error.to_string()))? {
                Written::Changed { backup } => Ok(backup),
                Written::Unchanged => Ok(None),
            }
        };
        progress.step(0, work).await
    }
}

impl Verb for Disconnect {
    fn title(&self) -> SmolStr {
        "disconnect".into()
    }

    fn steps(&self) -> Vec<SmolStr> {
        vec![format_smolstr!("change {}", self.file.display())]
    }

    fn begin(&self, _: &Hands) -> Begun {
        let disconnect = self.clone();
        let operation =
            Operation::start(self.title(), self.steps(), |progress| disconnect.carry_out(progress));
        Begun::follow(operation, |backup| {
            let before = backup.map(|backup| backup.display().to_string());
            Outcome::new(Ended::Done, "done").with("before", before.into_iter().collect())
        })
    }

    fn is_watched(&self) -> bool {
        false
    }
}
