//! `v9s disconnect`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Uri;
use smol_str::SmolStr;
use v9s::cluster::{self, Cluster, ConnectOptions, KubeconfigSource};
use v9s::connect::kubeconfig::{
    Change, Document, Stale, TenantContext, Written, change, default_path, tenant_contexts, way_back,
};
use v9s::target::{FindError, find};

use super::ask::note;
use super::host::block_on;
use crate::cli::{Exit, print};
use crate::settings::Settings;

/// How long a port of this machine may take to answer.
const LISTENS: Duration = Duration::from_millis(500);

/// Flags of `v9s disconnect`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct DisconnectArgs {
    /// Take stale contexts of virtual clusters out of your kubeconfig
    #[arg(long)]
    pub clean: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Returns from the context of a virtual cluster; lists or removes those that lead nowhere.
pub fn run(settings: &Settings, args: &DisconnectArgs) -> anyhow::Result<Exit> {
    let named = match &settings.kubeconfig {
        KubeconfigSource::File(path) => Some(path.as_path()),
        _ => None,
    };
    let path: PathBuf = default_path(named, std::env::var_os("KUBECONFIG"), std::env::home_dir())
        .context("there is no home folder in which a kubeconfig could be: name one with --kubeconfig")?;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let document = Document::read(&text).with_context(|| path.display().to_string())?;
    let mut lines = Vec::new();
    let back = returned(&document, &mut lines);
    let options = ConnectOptions { interactive: true, ..settings.connect.clone() };
    let source = settings.kubeconfig.clone();
    let open = move |host: SmolStr| {
        let (source, options) = (source.clone(), options.clone());
        async move { cluster::open(&source, Some(&host), &options).await.ok() }.boxed()
    };
    let stale = block_on(async { Ok(stale(&document, open).await) })?;
    for (context, why) in &stale {
        let word = if args.clean { "stale, taken out" } else { "stale" };
        lines.push(format!("{word}: {} ({why})", context.name));
    }
    if !stale.is_empty() && !args.clean {
        lines.push("`v9s disconnect --clean` takes stale contexts out".to_owned());
    }
    let gone: Vec<SmolStr> =
        if args.clean { stale.into_iter().map(|(context, _)| context.name).collect() } else { Vec::new() };
    if args.dry_run {
        lines.push("nothing was changed: this was a dry run".to_owned());
    } else if back || !gone.is_empty() {
        let written =
            change(&path, |document| document.with(&leave_current(document).and_remove(document, &gone)))?;
        if let Written::Changed { backup: Some(backup) } = written {
            note(&format!("what was there before is in {}", backup.display()));
        }
    }
    print((lines.join("\n") + "\n").as_bytes())
}

/// Says where the way back leads; whether there is one to go.
fn returned(document: &Document, lines: &mut Vec<String>) -> bool {
    let all = tenant_contexts(document);
    let Some(current) = all.iter().find(|context| context.current) else {
        lines.push("the current context is no virtual cluster".to_owned());
        return false;
    };
    lines.push(match way_back(document, current) {
        Some(back) => format!("from {} back to {back}", current.name),
        None => format!("from {} to no context: {} is not there", current.name, current.origin.host_context),
    });
    true
}

/// Leaves the context of a virtual cluster that is current.
pub(crate) fn leave_current(document: &Document) -> Change {
    match document.current() {
        Some(current) => leave(document, current),
        None => Change::default(),
    }
}

/// Leaves a context, if it is the current one and that of a virtual cluster.
pub(crate) fn leave(document: &Document, name: &str) -> Change {
    let all = tenant_contexts(document);
    match all.iter().find(|context| context.current && context.name == name) {
        Some(context) => Change::make_current(way_back(document, context)),
        None => Change::default(),
    }
}

/// Contexts that lead nowhere. What a host does not tell counts as leading somewhere.
///
/// `open` reaches a host by its context; None where it cannot.
pub(crate) async fn stale(
    document: &Document,
    open: impl Fn(SmolStr) -> BoxFuture<'static, Option<Cluster>>,
) -> Vec<(TenantContext, Stale)> {
    let mut stale = Vec::new();
    let mut hosts: BTreeMap<SmolStr, Option<Cluster>> = BTreeMap::new();
    for context in tenant_contexts(document) {
        let why = match &context.stale {
            Some(why) => Some(why.clone()),
            None => match nobody_listens(&context).await {
                Some(why) => Some(why),
                None => vanished(&open, &context, &mut hosts).await,
            },
        };
        stale.extend(why.map(|why| (context, why)));
    }
    stale
}

/// A port of this machine at which nobody listens.
async fn nobody_listens(context: &TenantContext) -> Option<Stale> {
    let server: Uri = context.server.as_deref()?.parse().ok()?;
    let host = server.host()?;
    let address = if host == "localhost" { "127.0.0.1" } else { host.trim_matches(['[', ']']) };
    let address = SocketAddr::new(address.parse().ok()?, server.port_u16().unwrap_or(443));
    if !address.ip().is_loopback() {
        return None;
    }
    let refused = tokio::time::timeout(LISTENS, tokio::net::TcpStream::connect(address)).await;
    matches!(refused, Ok(Err(_))).then(|| Stale::NobodyListens(address.to_string().into()))
}

/// A virtual cluster that its host does not know any more.
async fn vanished(
    open: &impl Fn(SmolStr) -> BoxFuture<'static, Option<Cluster>>,
    context: &TenantContext,
    hosts: &mut BTreeMap<SmolStr, Option<Cluster>>,
) -> Option<Stale> {
    let host = &context.origin.host_context;
    if !hosts.contains_key(host) {
        hosts.insert(host.clone(), open(host.clone()).await);
    }
    let cluster = hosts.get(host)?.as_ref()?;
    match find(cluster, Some(&context.origin.namespace), &context.origin.vcluster).await {
        Err(FindError::None { .. }) => Some(Stale::NoVcluster),
        _ => None,
    }
}
