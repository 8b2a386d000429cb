//! How the names of servers become addresses.
//!
//! A static program cannot load the C library's modules for names, so it has to ask by itself: the file of hosts first,
//! then the name servers, as pods and other machines without much of a system are set up.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use futures::future::BoxFuture;
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{TokioResolver, system_conf};
use hyper_util::client::legacy::connect::dns::Name;
use thiserror::Error;
use tokio::sync::OnceCell;
use tower::Service;

use super::proxy;

const HOSTS: &str = "/etc/hosts";
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Who finds the addresses of servers that a kubeconfig calls by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// The system, by whatever its administrator has set up.
    #[default]
    System,
    /// v9s itself, by `/etc/hosts` and the name servers of `/etc/resolv.conf`. For programs that are linked statically.
    Own,
}

/// Why a name has no address.
#[derive(Debug, Error)]
pub(super) enum Unresolved {
    #[error(
        "dns error: no address of `{name}`: it is not in {HOSTS}, and {RESOLV_CONF} names no server to ask"
    )]
    NobodyToAsk { name: String },
    #[error("dns error: no address of `{name}`: {cause}")]
    Asked { name: String, cause: NetError },
    #[error("dns error: {RESOLV_CONF} cannot be used: {0}")]
    Configuration(NetError),
}

/// Finds addresses for a connector. Files are read when the first name comes along: most servers go by their address.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    /// None where there is no server to ask.
    servers: Arc<OnceCell<Option<TokioResolver>>>,
}

impl Resolver {
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let listed = listed(&fs::read_to_string(HOSTS).unwrap_or_default(), name);
        if !listed.is_empty() {
            return Ok(listed);
        }
        if proxy::is_loopback(name) {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        let servers = self.servers.get_or_try_init(async || servers(fs::read(RESOLV_CONF))).await?;
        let Some(servers) = servers else { return Err(Unresolved::NobodyToAsk { name: name.to_owned() }) };
        let found = servers.lookup_ip(name).await;
        let found = found.map_err(|cause| Unresolved::Asked { name: name.to_owned(), cause })?;
        Ok(found.iter().collect())
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let addresses = this.addresses(name.as_str()).await?;
            // The connector puts in the port.
            let addresses: Vec<_> =
                addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}

/// The addresses that a file of hosts has for a name.
fn listed(hosts: &str, name: &str) -> Vec<IpAddr> {
    let of_line = |line: &str| {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    };
    hosts.lines().filter_map(of_line).collect()
}

/// Those that a `resolv.conf` names; none where it names none, or where it is missing.
fn servers(resolv_conf: io::Result<Vec<u8>>) -> Result<Option<TokioResolver>, Unresolved> {
    let text = match resolv_conf {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Unresolved::Configuration(error.into())),
    };
    let is_server = |line: &[u8]| line.trim_ascii_start().starts_with(b"nameserver");
    if !text.split(|byte| *byte == b'\n').any(is_server) {
        return Ok(None);
    }
    let (config, options) = system_conf::parse_resolv_conf(&text).map_err(Unresolved::Configuration)?;
    resolver(config, options).map(Some).map_err(Unresolved::Configuration)
}

fn resolver(config: ResolverConfig, mut options: ResolverOpts) -> Result<TokioResolver, NetError> {
    // The file of hosts was looked at before, with the name as it is.
    options.use_hosts_file = ResolveHosts::Never;
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options).build()
}

#[cfg(test)]
pub(super) mod tests {
    use tokio::net::UdpSocket;

    use super::*;

    /// A name server of one name, and a resolver that asks it the way pods ask.
    pub(in crate::cluster) async fn knowing(known: &'static str, address: Ipv4Addr) -> Resolver {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question).await {
                let answer = answer(&question[..length], known, address);
                let _ = socket.send_to(&answer, from).await;
            }
        });
        let text = "search team.svc.cluster.local svc.cluster.local cluster.local\nnameserver 127.0.0.1\noptions ndots:5\n";
        let (config, options) = system_conf::parse_resolv_conf(text).unwrap();
        let (domain, search, mut servers) = config.into_parts();
        servers.iter_mut().flat_map(|server| &mut server.connections).for_each(|one| one.port = port);
        let resolver = resolver(ResolverConfig::from_parts(domain, search, servers), options).unwrap();
        Resolver { servers: Arc::new(OnceCell::new_with(Some(Some(resolver)))) }
    }

    /// Answers a question about the address of the one name, and says of all others that they do not exist.
    fn answer(question: &[u8], known: &str, address: Ipv4Addr) -> Vec<u8> {
        let (mut name, mut at) = (Vec::new(), 12);
        while question[at] != 0 {
            let end = at + 1 + usize::from(question[at]);
            name.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
            at = end;
        }
        let asks_v4 = question[at + 1..at + 3] == [0, 1];
        let is_known = name.join(".").eq_ignore_ascii_case(known);
        let (code, answers) = if is_known { (0, u8::from(asks_v4)) } else { (3, 0) };
        let mut answer = question[..2].to_vec();
        answer.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
        answer.extend(&question[12..at + 5]);
        if answers == 1 {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
            answer.extend(address.octets());
        }
        answer
    }

    #[test]
    fn a_file_of_hosts_is_read_as_the_system_reads_it() {
        let hosts = "# managed\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n\n10.1.2.3 api api.team.svc # the API\nbad line\n";
        let v4: IpAddr = [127, 0, 0, 1].into();
        assert_eq!(listed(hosts, "localhost"), [v4, Ipv6Addr::LOCALHOST.into()]);
        assert_eq!(listed(hosts, "API.team.svc"), [IpAddr::from([10, 1, 2, 3])]);
        assert_eq!(listed(hosts, "the"), Vec::<IpAddr>::new());
        assert_eq!(listed(hosts, "line"), Vec::<IpAddr>::new());
    }

    #[tokio::test]
    async fn names_are_completed_by_search_domains_and_asked_of_the_name_servers() {
        let resolver = knowing("api.team.svc.cluster.local", [192, 0, 2, 7].into()).await;
        for name in ["api", "api.team", "api.team.svc", "api.team.svc.cluster.local"] {
            assert_eq!(resolver.addresses(name).await.unwrap(), [IpAddr::from([192, 0, 2, 7])], "{name}");
        }
        let unknown = resolver.addresses("nobody.team.svc").await.unwrap_err().to_string();
        assert!(unknown.starts_with("dns error") && unknown.contains("nobody.team.svc"), "{unknown}");
    }

    #[tokio::test]
    async fn without_name_servers_the_machine_itself_still_has_its_name() {
        for text in
            [Ok(b"search example\n# nameserver 1.1.1.1\n".to_vec()), Err(io::ErrorKind::NotFound.into())]
        {
            let known = servers(text).unwrap();
            assert!(known.is_none());
            let resolver = Resolver { servers: Arc::new(OnceCell::new_with(Some(known))) };
            assert!(resolver.addresses("localhost").await.unwrap().contains(&Ipv4Addr::LOCALHOST.into()));
            let unknown = resolver.addresses("api.team.svc").await.unwrap_err().to_string();
            assert!(unknown.contains("names no server to ask"), "{unknown}");
        }
    }
}
