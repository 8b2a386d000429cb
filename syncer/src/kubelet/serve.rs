//! The socket of the endpoint: TLS, who connects, and a request after the other.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use serde::Deserialize;
use smol_str::SmolStr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use v9s::cluster::{Cluster, ObjectRef, Resource};
use v9s::provision::values::Settings;

use super::Endpoint;
use super::caller::Caller;
use super::reach::{Address, Reach};
use super::tls::{self, Serving, Shown};
use crate::context::Context;
use crate::engine::Engine;
use crate::{requests, sockets};

/// How long a client may take to make a connection secure.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often certificates and authorities are read again.
const RELOAD: Duration = Duration::from_secs(60);
/// The same while the authorities of clients are not known.
const RETRY: Duration = Duration::from_secs(2);

/// How the tenant's API server reaches its nodes.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Options {
    /// Address of what the virtual API server takes for kubelets
    #[arg(
        id = "kubelet_listen",
        long = "kubelet-listen",
        default_value = "0.0.0.0:10250",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// Where all nodes say they are reached, in place of a Service of each on the host
    #[arg(id = "kubelet_address", long = "kubelet-address", value_name = "IP")]
    pub address: Option<std::net::IpAddr>,
    /// Labels of the pods that the Services of nodes lead to, the syncer's own [default: what the Service of the virtual
    /// cluster selects]
    #[arg(id = "kubelet_selector", long = "kubelet-selector", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = pair)]
    pub selector: Vec<(SmolStr, SmolStr)>,
    /// Certificate to show there [default: one made at start]
    #[arg(id = "kubelet_cert", long = "kubelet-cert", value_name = "FILE", requires = "kubelet_key")]
    pub certificate: Option<PathBuf>,
    /// Its key
    #[arg(id = "kubelet_key", long = "kubelet-key", value_name = "FILE", requires = "kubelet_cert")]
    pub key: Option<PathBuf>,
    /// Authorities of those who ask there [default: those that the virtual API server takes clients from]
    #[arg(id = "kubelet_client_ca", long = "kubelet-client-ca", value_name = "FILE")]
    pub client_authority: Option<PathBuf>,
}

impl Options {
    fn serving(&self, ctx: &Context) -> Serving {
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                Serving::Files { certificate: certificate.clone(), key: key.clone() }
            }
            _ => {
                let (name, namespace) = (&ctx.vcluster, &ctx.host_namespace);
                let own = self.address.map(|address| address.to_string());
                let names =
                    [name.to_string(), format!("{name}.{namespace}"), format!("{name}.{namespace}.svc")];
                let common = ["localhost".to_owned(), "*.nodes.vcluster.com".to_owned()];
                Serving::Made(names.into_iter().chain(common).chain(own).collect())
            }
        }
    }
}

/// `app=v9s-syncer`
fn pair(text: &str) -> Result<(SmolStr, SmolStr), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("expected KEY=VALUE"),
    }
}

/// Whether what is configured of figures can be done.
///
/// # Errors
/// What cannot, and what can be done instead.
pub fn check(settings: &Settings) -> Result<()> {
    anyhow::ensure!(
        settings.metrics_server.is_none(),
        "integrations.metricsServer is on, and the syncer does not serve the metrics API yet: leave it off, and install a \
         metrics server in the virtual cluster, where it finds the figures of its nodes"
    );
    Ok(())
}

/// The endpoint with its socket, before it answers.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: Options,
}

impl Server {
    /// Takes the socket.
    ///
    /// # Errors
    /// When it is taken.
    pub async fn bind(options: Options) -> Result<Server> {
        let taken = || format!("cannot listen on {}: another --kubelet-listen is needed", options.listen);
        let listener = TcpListener::bind(options.listen).await.with_context(taken)?;
        let address = listener.local_addr().with_context(taken)?;
        Ok(Server { listener, address, options })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How nodes are reached, by configuration (`networking.advanced.proxyKubelets`). `behind` holds the labels of the
    /// pods behind the Service of the virtual cluster.
    pub fn reach(&self, by_name: bool, by_address: bool, behind: BTreeMap<SmolStr, SmolStr>) -> Reach {
        let port = self.address.port();
        let selector = match self.options.selector.as_slice() {
            [] => behind,
            own => own.iter().cloned().collect(),
        };
        let by_address = match self.options.address {
            Some(address) => Address::Shared { address: address.to_string().into(), port },
            // A Service without a selector leads nowhere.
            None if by_address && !selector.is_empty() => Address::Services { selector, port },
            None => Address::None,
        };
        Reach { by_name, by_address }
    }

    /// Answers until it is stopped.
    ///
    /// # Errors
    /// When there is no certificate to show; nothing is answered then.
    pub fn start(
        self,
        ctx: Context,
        engine: Arc<Engine>,
        tenant: Cluster,
        host: Cluster,
        stop: CancellationToken,
    ) -> Result<impl Future<Output = ()> + Send> {
        let serving = self.options.serving(&ctx);
        let shown = serving.shown()?;
        let (accepts, accepted) = watch::channel(Arc::new(tls::server(&shown, None)?));
        let authority = self.options.client_authority;
        let mut keeper = Keeper { serving, shown, authority, tenant: tenant.clone(), trusted: None, accepts };
        let endpoint = Arc::new(Endpoint { ctx, engine, tenant, host, stop: stop.clone() });
        Ok(async move {
            let serve = async {
                // Whoever comes before would be asked for no certificate and be refused.
                let first = keeper.renew().await;
                let serve = |socket| {
                    let acceptor = TlsAcceptor::from(Arc::clone(&accepted.borrow()));
                    Some(connection(socket, acceptor, Arc::clone(&endpoint)))
                };
                tokio::join!(keeper.keep(first), sockets::accept(self.listener, stop.clone(), serve));
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve => {}
            }
        })
    }
}

/// Keeps certificates and authorities current.
struct Keeper {
    serving: Serving,
    shown: Shown,
    authority: Option<PathBuf>,
    tenant: Cluster,
    trusted: Option<String>,
    accepts: watch::Sender<Arc<ServerConfig>>,
}

impl Keeper {
    async fn keep(mut self, mut outcome: Result<()>) {
        let mut complained = false;
        loop {
            let wait = match &outcome {
                Ok(()) => RELOAD,
                Err(error) => {
                    // Once is enough until it works again.
                    if !complained {
                        tracing::warn!(error = %format!("{error:#}"), "callers of the kubelet endpoint cannot show certificates");
                    }
                    RETRY
                }
            };
            complained = outcome.is_err();
            sleep(wait).await;
            outcome = self.renew().await;
        }
    }

    /// Reads what may have changed. What was read before stays in use when that fails.
    async fn renew(&mut self) -> Result<()> {
        let authorities = self.authorities().await?;
        let is_file = matches!(self.serving, Serving::Files { .. });
        if is_file {
            self.shown = self.serving.shown()?;
        }
        if is_file || self.trusted.as_ref() != Some(&authorities) {
            let server = tls::server(&self.shown, Some(&authorities))?;
            self.accepts.send_replace(Arc::new(server));
            self.trusted = Some(authorities);
        }
        Ok(())
    }

    /// Whose certificates are taken for callers', PEM.
    async fn authorities(&self) -> Result<String> {
        match &self.authority {
            Some(file) => tokio::fs::read_to_string(file)
                .await
                .with_context(|| format!("cannot read {}", file.display())),
            None => published(&self.tenant).await,
        }
    }
}

#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// API servers publish for those who extend them by which authorities clients are known.
async fn published(tenant: &Cluster) -> Result<String> {
    let map =
        ObjectRef::namespaced(Resource::CONFIG_MAPS, "kube-system", "extension-apiserver-authentication");
    let read = requests::get(tenant, &map.path()).await;
    let Published { mut data } =
        read.map_err(|failure| anyhow::anyhow!("reading {map} of the virtual cluster: {failure}"))?;
    data.remove("client-ca-file")
        .with_context(|| format!("{map} of the virtual cluster names no authority of clients"))
}

async fn connection(socket: TcpStream, acceptor: TlsAcceptor, endpoint: Arc<Endpoint>) {
    // What is typed must not wait for an acknowledgement.
    let _ = socket.set_nodelay(true);
    let stream = match timeout(HANDSHAKE, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return tracing::debug!(%error, "no TLS connection to the kubelet endpoint came about");
        }
        Err(_) => return,
    };
    // Verified in the handshake.
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let caller = Arc::new(certificate.and_then(|certificate| Caller::of_certificate(certificate)));
    let service = service_fn(move |request| {
        let (endpoint, caller) = (Arc::clone(&endpoint), Arc::clone(&caller));
        async move { Ok::<_, Infallible>(endpoint.answer(caller.as_ref().as_ref(), request).await) }
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    if let Err(error) = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the kubelet endpoint ended early");
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::process;

    fn options(flags: &[&str]) -> Result<Options, String> {
        let own = ["v9s-syncer", "--name=t", "--namespace=n", "--virtual-kubeconfig=f"];
        let read =
            process::Options::try_parse_from(own.iter().chain(flags)).map_err(|error| error.to_string())?;
        Ok(read.kubelet)
    }

    #[test]
    fn flags_are_read_and_contradictions_refused() {
        process::Options::command().debug_assert();
        let read =
            options(&["--kubelet-selector=app=v9s-syncer,release=shop", "--kubelet-listen=127.0.0.1:1"])
                .unwrap();
        assert_eq!(read.selector, [("app".into(), "v9s-syncer".into()), ("release".into(), "shop".into())]);
        assert_eq!(read.listen.to_string(), "127.0.0.1:1");
        assert_eq!(options(&[]).unwrap().listen.to_string(), "0.0.0.0:10250");
        for flags in [
            &["--kubelet-selector=app"][..],
            &["--kubelet-cert=c"],
            &["--kubelet-key=k"],
            &["--kubelet-address=here"],
        ] {
            assert!(options(flags).is_err(), "{flags:?}");
        }
    }

    #[tokio::test]
    async fn nodes_lead_to_the_pods_that_are_named_or_else_to_those_of_the_service() {
        let behind = || BTreeMap::from([("app".into(), "vcluster".into())]);
        let named = BTreeMap::from([("app".into(), "v9s-syncer".into())]);
        let cases = [
            (&["--kubelet-selector=app=v9s-syncer"][..], true, behind(), Some(named)),
            (&[], true, behind(), Some(behind())),
            (&[], true, BTreeMap::new(), None),
            (&[], false, behind(), None),
            (&["--kubelet-address=192.0.2.7"], true, behind(), None),
        ];
        for (flags, by_address, behind, expected) in cases {
            let flags = [flags, &["--kubelet-listen=127.0.0.1:0"]].concat();
            let server = Server::bind(options(&flags).unwrap()).await.unwrap();
            let reach = server.reach(true, by_address, behind);
            assert_eq!(reach.services().map(|(selector, _)| selector.clone()), expected, "{flags:?}");
        }
    }
}
