//! A client that finds addresses by itself ([`Names::Own`](super::Names)); but for that it is put together as kube does it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, Client, ConfigExt as _};
use kube::{Config, Error};
use percent_encoding::percent_decode_str;
use tower::{Service, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use super::names::Resolver;

/// A connection that nobody uses is closed after this: each holds tens of kilobytes, here and in the API server.
const IDLE: Duration = Duration::from_secs(15);
/// So many connections that nobody uses are kept meanwhile; a burst opens more.
const SPARE: usize = 4;
/// What is read at once: no more than a record of TLS carries. Left to itself it grows with the largest answer and stays.
const READ_BUFFER: usize = 16 << 10;

/// A client of the server that the configuration names, through the proxy that it names.
pub(super) fn client(config: Config, resolver: Resolver) -> Result<Client, Error> {
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    match config.proxy_url.clone() {
        None => over(connector, config),
        Some(proxy) if proxy.scheme_str() == Some("http") => {
            let tunnel = Tunnel::new(proxy.clone(), connector);
            match login(&proxy) {
                Some(login) => over(tunnel.with_auth(login), config),
                None => over(tunnel, config),
            }
        }
        Some(proxy) if proxy.scheme_str() == Some("socks5") => over(SocksV5::new(proxy, connector), config),
        Some(proxy) => Err(Error::ProxyProtocolUnsupported { proxy_url: Box::new(proxy) }),
    }
}

/// The `user:password` of a proxy's URL the way it wants to hear it.
fn login(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let user: Vec<u8> = percent_decode_str(user).collect();
    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(user))).ok()
}

fn over<C>(connector: C, config: Config) -> Result<Client, Error>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(Into::into)
        .service(
            HttpClient::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(SPARE)
                .http1_read_buf_exact_size(READ_BUFFER)
                .build::<_, Body>(connector),
        );
    Ok(Client::new(service, config.default_namespace))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::cluster::names::tests::knowing;
    use crate::cluster::{Cluster, FailureKind};

    /// Answers every request with a version, and hands on the first line and what it says of who asks.
    async fn version_server() -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let _ = tell.send(String::from_utf8_lossy(&request[..length]).to_lowercase());
                let body = r#"{"major":"1","minor":"36","gitVersion":"v1.36.2"}"#;
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).await.unwrap();
            }
        });
        (port, told)
    }

    async fn open(url: String, change: impl FnOnce(&mut Config)) -> Cluster {
        let mut config = Config::new(url.parse().unwrap());
        config.default_retry = false;
        config.proxy_url = None;
        change(&mut config);
        let resolver = knowing("api.team.svc.cluster.local", [127, 0, 0, 1].into()).await;
        Cluster::from_client("test", url, "default", client(config, resolver).unwrap())
    }

    #[tokio::test]
    async fn a_server_is_reached_by_a_name_that_only_the_name_server_knows() {
        let (port, mut asked) = version_server().await;
        let cluster = open(format!("http://api.team.svc:{port}"), |config| {
            config.auth_info.impersonate = Some("jane".into());
            config.auth_info.token = Some("t0p-s3cret".to_owned().into());
        })
        .await;
        assert_eq!(cluster.version().await.unwrap(), "v1.36.2");
        let asked = asked.recv().await.unwrap();
        assert!(asked.starts_with("get /version http/1.1\r\n"), "{asked}");
        assert!(asked.contains(&format!("host: api.team.svc:{port}\r\n")), "{asked}");
        assert!(asked.contains("authorization: bearer t0p-s3cret\r\n"), "{asked}");
        assert!(asked.contains("impersonate-user: jane\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn an_unknown_name_is_told_apart_from_a_server_that_is_down() {
        let unknown = open("http://nobody.team.svc:1".into(), |_| {}).await.version().await.unwrap_err();
        assert_eq!(unknown.failure.kind, FailureKind::NameResolution, "{unknown}");
        let down = open("http://api.team.svc:1".into(), |_| {}).await.version().await.unwrap_err();
        assert_eq!(down.failure.kind, FailureKind::Refused, "{down}");
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_tunnel_and_told_who_asks() {
        let (port, mut asked) = version_server().await;
        let cluster = open("http://inner.example:80".into(), |config| {
            config.proxy_url = Some(format!("http://me:a%40b@api.team.svc:{port}").parse().unwrap());
        })
        .await;
        // What answers inside the tunnel has closed it.
        cluster.version().await.unwrap_err();
        let asked = asked.recv().await.unwrap();
        assert!(asked.starts_with("connect inner.example:80 http/1.1\r\n"), "{asked}");
        let login = STANDARD.encode("me:a@b").to_lowercase();
        assert!(asked.contains(&format!("proxy-authorization: basic {login}\r\n")), "{asked}");
    }

    #[tokio::test]
    async fn a_proxy_of_another_kind_is_refused() {
        let mut config = Config::new("https://inner.example".parse().unwrap());
        config.proxy_url = Some("ftp://proxy.example".parse().unwrap());
        let refused = client(config, Resolver::default()).map(drop).unwrap_err();
        assert!(matches!(refused, Error::ProxyProtocolUnsupported { .. }), "{refused}");
    }
}
