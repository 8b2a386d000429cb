//! Clusters by context: opened when first needed, kept, and opened anew after a failure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use smol_str::SmolStr;
use tokio::sync::OnceCell;
use v9s::audit::AuditLog;
use v9s::cluster::{Cluster, ConnectError, ConnectOptions, KubeconfigSource};
use v9s::fleet::live::HostTarget;

use crate::app::world::{ContextRow, Contexts, Session};

/// A kubeconfig that may take its time, such as that of a host that is still starting. The error is a sentence.
pub type Source = Shared<BoxFuture<'static, Result<KubeconfigSource, String>>>;

/// A kubeconfig that is there already.
pub fn source_at_hand(source: KubeconfigSource) -> Source {
    async move { Ok(source) }.boxed().shared()
}

/// How clusters are reached. Cheap to clone.
#[derive(Clone)]
pub struct Clusters {
    source: Source,
    options: ConnectOptions,
    audit: AuditLog,
    open: Arc<Mutex<HashMap<SmolStr, Arc<OnceCell<Cluster>>>>>,
}

impl Clusters {
    /// Clusters of a kubeconfig. Every change that is made on one of them is recorded.
    pub fn new(source: Source, options: ConnectOptions, audit: AuditLog) -> Self {
        Self { source, options, audit, open: Arc::default() }
    }

    /// The cluster of a context. The error is a sentence with what to do.
    pub async fn open(&self, context: &SmolStr) -> Result<Cluster, String> {
        let cell = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.entry(context.clone()).or_default().clone()
        };
        let source = self.source.clone().await?;
        let open = || async {
            let cluster = v9s::cluster::open(&source, Some(context), &self.options).await?;
            Ok::<_, ConnectError>(cluster.with_audit(self.audit.clone()))
        };
        let opened = cell.get_or_try_init(open).await;
        opened.cloned().map_err(|error| format!("{error}; {}", error.remedy()))
    }

    /// The contexts of the kubeconfig.
    pub async fn contexts(&self) -> Contexts {
        let source = match self.source.clone().await {
            Ok(source) => source,
            Err(why) => return Contexts::Failed(why),
        };
        // Reading files blocks.
        let read = tokio::task::spawn_blocking(move || v9s::cluster::contexts(&source)).await;
        match read {
            Ok(Ok(rows)) => Contexts::Read(rows.into_iter().map(row).collect()),
            Ok(Err(error)) => Contexts::Failed(format!("{error}; {}", error.remedy())),
            Err(error) => Contexts::Failed(format!("cannot read the kubeconfig: {error}")),
        }
    }

    /// What a session watches: the contexts it names, all of them, or the current one.
    pub async fn targets(&self, session: &Session) -> Result<Vec<HostTarget>, String> {
        let source = self.source.clone().await?;
        let names: Vec<SmolStr> = if !session.all_contexts && !session.contexts.is_empty() {
            session.contexts.clone()
        } else {
            match self.contexts().await {
                Contexts::Read(rows) => rows
                    .into_iter()
                    .filter(|row| session.all_contexts || row.current)
                    .map(|row| row.name)
                    .collect(),
                Contexts::Failed(why) => return Err(why),
                Contexts::Unread => Vec::new(),
            }
        };
        if names.is_empty() {
            return Err("the kubeconfig has no current context; choose one with :ctx or --context".to_owned());
        }
        let target = |name| HostTarget::of_context(name, source.clone(), self.options.clone());
        Ok(names.into_iter().map(target).collect())
    }

    /// Opens clusters anew when they are needed next: with new credentials, and a kubeconfig that was mended.
    pub fn forget(&self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn row(info: v9s::cluster::ContextInfo) -> ContextRow {
    let v9s::cluster::ContextInfo { name, server, namespace, current } = info;
    ContextRow { name, server, namespace, current }
}
