//! The embedded host as a whole: store, API server, socket.

use crate::access::User;
use crate::clock::{Chance, Clock};
use crate::controllers::admission::{Plugins, Ranges};
use crate::controllers::{self, Controllers, Ipv6Range};
use crate::faults::Faults;
use crate::http::{Api, Tokens};
use crate::kinds::Kinds;
use crate::node::Door;
use crate::store::{Store, StoreOptions};
use crate::tls::{self, Certificates, Tls, TlsError};
use crate::webhooks::{Services, Webhooks};
use crate::{bootstrap, serve};
use smol_str::SmolStr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What is not written for this long rests.
const REST: Duration = Duration::from_secs(60);
/// What happened is remembered for at least so many times longer, unless too much happens, and at most twice that.
const PAST: u32 = 5;

/// How a host is set up. The default is what tests want.
#[derive(Clone)]
pub struct Options {
    /// Name of the context in kubeconfigs.
    pub context: String,
    /// Port on loopback; none: any free one.
    pub port: Option<u16>,
    /// More names for which the certificate holds.
    pub names: Vec<String>,
    /// Certificates to serve with in place of own ones; then clients are known by theirs, too.
    pub certificates: Option<Certificates>,
    /// What time it is.
    pub clock: Clock,
    /// Where UIDs, tokens and generated names come from.
    pub chance: Chance,
    /// How many events each kind keeps for watches that lag behind.
    pub log_capacity: usize,
    /// Where Services are reached that webhooks are served behind; by default nowhere.
    pub services: Arc<dyn Services>,
    /// Controllers and nodes; none: nothing happens but what clients do. `ca` is filled in.
    pub controllers: Option<controllers::Options>,
    /// The range of IPv6 addresses that Services can have beside their IPv4 addresses; none: there is IPv4 alone.
    /// Controllers learn of it.
    pub ipv6_services: Option<Ipv6Range>,
    /// Whether pods need a service account, as they do on every real host. With controllers they always do; without,
    /// nobody makes the accounts.
    pub service_accounts: bool,
}

impl Default for Options {
    fn default() -> Self {
        let StoreOptions { clock, chance, log_capacity, .. } = StoreOptions::default();
        let services = Arc::new(());
        Self {
            context: "sandbox".into(),
            port: None,
            names: Vec::new(),
            certificates: None,
            clock,
            chance,
            log_capacity,
            services,
            controllers: None,
            ipv6_services: None,
            service_accounts: false,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("context", &self.context)
            .field("port", &self.port)
            .field("names", &self.names)
            .field("controllers", &self.controllers)
            .field("ipv6_services", &self.ipv6_services)
            .field("service_accounts", &self.service_accounts)
            .finish_non_exhaustive()
    }
}

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is not free, or loopback is not there.
    #[error("the embedded host cannot listen on 127.0.0.1 port {port}: {source}")]
    Bind {
        /// Wanted port; 0 for any.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No thread for the controllers.
    #[error("the controllers of the embedded host cannot start: {0}")]
    Controllers(#[source] std::io::Error),
}

/// A running host. Dropping it stops everything.
pub struct Sandbox {
    store: Store,
    api: Api,
    tokens: Tokens,
    faults: Faults,
    tls: Arc<Tls>,
    context: String,
    url: String,
    address: SocketAddr,
    admin_token: String,
    plugins: Plugins,
    controllers: Option<Controllers>,
    stop: CancellationToken,
}

impl Sandbox {
    /// Starts a host on loopback.
    ///
    /// # Errors
    /// When the port is taken or no certificate can be made.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        Self::start_on(options, None).await
    }

    /// Starts a host on what another one has left, or anew.
    pub(crate) async fn start_on(options: Options, data: Option<Data>) -> Result<Self, StartError> {
        let bound = serve::bind(options.port).await;
        let (listener, address) =
            bound.map_err(|source| StartError::Bind { port: options.port.unwrap_or(0), source })?;
        let Options {
            context,
            names,
            certificates,
            clock,
            chance,
            log_capacity,
            services,
            controllers,
            ipv6_services,
            service_accounts,
            ..
        } = options;
        let controllers = controllers.map(|options| controllers::Options { ipv6_services, ..options });
        let data = match data {
            Some(data) => data,
            None => {
                let options = StoreOptions { clock, chance, log_capacity, ..StoreOptions::default() };
                let accounts = service_accounts || controllers.is_some();
                let ranges = Ranges::new(ipv6_services);
                Data::make(&names, &options, address.port(), accounts, ranges, services)?
            }
        };
        let Data { store, tokens, mut tls, admin_token, plugins } = data;
        // What is on a disk may have been served with others.
        if let Some(given) = &certificates {
            tls = Arc::new(Tls::given(given)?);
        }
        let faults = Faults::default();
        let stop = CancellationToken::new();
        let api = Api::new(store.clone(), tokens.clone(), faults.clone(), address.to_string(), stop.clone());
        let url = format!("https://{address}");
        let door = Door {
            tokens: tokens.clone(),
            url: url.clone(),
            authority: tls.authority.clone(),
            context: context.clone(),
            signer: tls.signer.clone(),
        };
        let controllers =
            controllers.map(|options| live(&store, &api, plugins.clone(), door, options)).transpose();
        let controllers = controllers.map_err(StartError::Controllers)?;
        tokio::spawn(serve::serve(listener, Arc::clone(&tls), api.clone(), stop.clone()));
        tokio::spawn(stop.clone().run_until_cancelled_owned(tend(store.clone())));
        Ok(Self {
            store,
            api,
            tokens,
            faults,
            tls,
            context,
            url,
            address,
            admin_token,
            plugins,
            controllers,
            stop,
        })
    }

    /// Kubeconfig (YAML) of somebody who may do everything.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_with(&self.admin_token)
    }

    /// Kubeconfig (YAML) of a user who may do what Roles and ClusterRoles in the store bind them to, and nothing
    /// else. Each call makes a new token for the same user.
    pub fn kubeconfig_of(&self, user: &str, groups: &[&str]) -> String {
        let mut user = User::named(user);
        user.groups.extend(groups.iter().map(SmolStr::new));
        let token = new_token(&self.store);
        self.tokens.insert(token.clone(), user);
        self.kubeconfig_with(&token)
    }

    fn kubeconfig_with(&self, token: &str) -> String {
        let config = tls::kubeconfig(&self.context, &self.url, &self.tls.authority, token);
        // JSON is YAML, and every client reads it.
        serde_saphyr::to_string(&config).unwrap_or_else(|_| config.to_string())
    }

    /// Where it answers: `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address on loopback at which it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it leaves for another one to go on with.
    pub(crate) fn data(&self) -> Data {
        Data {
            store: self.store.clone(),
            tokens: self.tokens.clone(),
            tls: Arc::clone(&self.tls),
            admin_token: self.admin_token.clone(),
            plugins: self.plugins.clone(),
        }
    }

    /// Closes the socket and every connection, and lets nothing happen any more. What it holds stays until it is dropped.
    pub(crate) fn shut_down(&self) {
        self.stop.cancel();
        if let Some(controllers) = &self.controllers {
            controllers.halt();
        }
    }

    /// The API server that runs in a pod ([`crate::node::ControlPlane`]); none while it does not answer.
    pub fn nested(&self, namespace: &str, pod: &str) -> Option<Arc<Sandbox>> {
        self.controllers.as_ref()?.nested(namespace, pod)
    }

    /// The certificate authority as PEM.
    pub fn authority(&self) -> &str {
        &self.tls.authority
    }

    /// All objects, to seed and inspect without HTTP.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The API server as a `tower::Service`, for clients without a socket. They need a token, too.
    pub fn api(&self) -> Api {
        self.api.clone()
    }

    /// Tokens and whom they stand for.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The controllers, when there are any.
    pub fn controllers(&self) -> Option<&Controllers> {
        self.controllers.as_ref()
    }

    /// Trouble on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::fmt::Debug for Sandbox {
    /// Without tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sandbox({})", self.url)
    }
}

/// What outlives a host whose store is on a disk.
#[derive(Clone)]
pub(crate) struct Data {
    pub(crate) store: Store,
    tokens: Tokens,
    tls: Arc<Tls>,
    admin_token: String,
    plugins: Plugins,
}

impl Data {
    /// `accounts`: whether pods need a service account.
    fn make(
        names: &[String],
        options: &StoreOptions,
        port: u16,
        accounts: bool,
        ranges: Ranges,
        services: Arc<dyn Services>,
    ) -> Result<Self, StartError> {
        let store = Store::new(Kinds::builtin().clone(), options);
        bootstrap::fill(&store, port);
        let plugins = Plugins::install(&store, accounts, ranges);
        store.add_admission(Arc::new(Webhooks::new(services)));
        let tokens = Tokens::default();
        let admin_token = new_token(&store);
        tokens.insert(admin_token.clone(), User::admin());
        Ok(Data { store, tokens, tls: Arc::new(Tls::make(names)?), admin_token, plugins })
    }
}

/// Starts what makes the host live, and lets the API server look inside its pods.
fn live(
    store: &Store,
    api: &Api,
    plugins: Plugins,
    door: Door,
    mut options: controllers::Options,
) -> std::io::Result<Controllers> {
    options.ca.clone_from(&door.authority);
    let controllers = Controllers::start_behind(store.clone(), &options, plugins, Some(door))?;
    api.set_runtime(Arc::new(controllers.runtime()));
    Ok(controllers)
}

/// Keeps a store small: what rests is packed, and the past is forgotten as often as a real API server compacts.
async fn tend(store: Store) {
    let mut times: u32 = 0;
    loop {
        tokio::time::sleep(REST).await;
        times = times.wrapping_add(1);
        let store = store.clone();
        let tended = tokio::task::spawn_blocking(move || {
            store.pack();
            if times.is_multiple_of(PAST) {
                store.age();
            }
        });
        // A panic in it has been reported on its own.
        let _ = tended.await;
    }
}

fn new_token(store: &Store) -> String {
    format!("{}{}", store.chance().uid(), store.chance().uid())
}
