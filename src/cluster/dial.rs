//! The client of an API server, put together as kube does it but for how it keeps connections and finds addresses.
//!
//! A request to leave HTTP (exec, port-forward) never shares a connection with others: an API server that cannot reach the
//! pod hands on the refusal and closes the connection without saying so before, and whoever was next on it would lose
//! its own request.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::UPGRADE;
use http::{HeaderValue, Request, Uri};
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, Client, ConfigExt as _};
use kube::{Config, Error};
use percent_encoding::percent_decode_str;
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_http::decompression::DecompressionLayer;

use super::names::{Names, Resolver};

/// A connection that nobody uses is closed after this: each holds tens of kilobytes, here and in the API server.
const IDLE: Duration = Duration::from_secs(15);
/// So many connections that nobody uses are kept meanwhile; a burst opens more.
const SPARE: usize = 4;
/// What is read at once: no more than a record of TLS carries. Left to itself it grows with the largest answer and stays.
const READ_BUFFER: usize = 16 << 10;

/// What opens connections.
trait Dials:
    Service<
        Uri,
        Response: Connection + Read + Write + Send + Unpin + 'static,
        Future: Send + 'static,
        Error: Into<BoxError>,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<C> Dials for C where
    C: Service<
            Uri,
            Response: Connection + Read + Write + Send + Unpin + 'static,
            Future: Send + 'static,
            Error: Into<BoxError>,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// A client of the server that the configuration names, through the proxy that it names.
pub(super) fn client(config: Config, names: Names) -> Result<Client, Error> {
    match names {
        Names::System => by(HttpConnector::new(), config),
        Names::Own => by(HttpConnector::new_with_resolver(Resolver::default()), config),
    }
}

fn by<R>(mut connector: HttpConnector<R>, config: Config) -> Result<Client, Error>
where
    HttpConnector<R>: Dials + Service<Uri, Error: std::error::Error + Send + Sync>,
{
    connector.enforce_http(false);
    match config.proxy_url.clone() {
        None => over(connector, config),
        Some(proxy) if proxy.scheme_str() == Some("http") => through(proxy, connector, config),
        Some(proxy) if proxy.scheme_str() == Some("https") => {
            let connector = config.rustls_https_connector_with_connector(connector)?;
            through(proxy, connector, config)
        }
        Some(proxy) if proxy.scheme_str() == Some("socks5") => over(SocksV5::new(proxy, connector), config),
        Some(proxy) => Err(Error::ProxyProtocolUnsupported { proxy_url: Box::new(proxy) }),
    }
}

/// Through a proxy that is asked for a tunnel.
fn through<C: Dials>(proxy: Uri, connector: C, config: Config) -> Result<Client, Error> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    match login(&proxy) {
        Some(login) => over(tunnel.with_auth(login), config),
        None => over(tunnel, config),
    }
}

/// The `user:password` of a proxy's URL the way it wants to hear it.
fn login(proxy: &Uri) -> Option<HeaderValue> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let user: Vec<u8> = percent_decode_str(user).collect();
    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(user))).ok()
}

fn over<C: Dials>(connector: C, config: Config) -> Result<Client, Error> {
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let mut http = HttpClient::builder(TokioExecutor::new());
    http.http1_read_buf_exact_size(READ_BUFFER);
    let alone = http.clone().pool_max_idle_per_host(0).build::<_, Body>(connector.clone());
    http.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(SPARE);
    let shared = http.build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(Into::into)
        .service(service_fn(move |request: Request<Body>| {
            let leaves = request.headers().contains_key(UPGRADE);
            if leaves { alone.request(request) } else { shared.request(request) }
        }));
    Ok(Client::new(service, config.default_namespace))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http_body_util::BodyExt as _;
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
        let connector = HttpConnector::new_with_resolver(resolver);
        Cluster::from_client("test", url, "default", by(connector, config).unwrap())
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
    async fn who_wants_to_leave_http_shares_its_connection_with_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        tokio::spawn(async move {
            for connection in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let seen = seen.clone();
                // Answers and stays, as if it would take more.
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut request).await {
                        let line = String::from_utf8_lossy(&request[..length]);
                        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                        seen.lock().unwrap().push((path, connection));
                        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        let cluster = open(url, |_| {}).await;
        for (path, leaves) in [("/a", false), ("/b", true), ("/c", true), ("/d", false)] {
            let mut request = Request::get(path);
            if leaves {
                request = request.header("connection", "upgrade").header(UPGRADE, "websocket");
            }
            let answer = cluster.answer(request.body(Body::empty()).unwrap()).await.unwrap();
            answer.into_body().collect().await.unwrap();
        }
        let expected = [("/a", 0), ("/b", 1), ("/c", 2), ("/d", 0)];
        assert_eq!(*asked.lock().unwrap(), expected.map(|(path, connection)| (path.to_owned(), connection)));
    }

    #[tokio::test]
    async fn a_proxy_of_another_kind_is_refused() {
        let mut config = Config::new("https://inner.example".parse().unwrap());
        config.proxy_url = Some("ftp://proxy.example".parse().unwrap());
        let refused = client(config, Names::System).map(drop).unwrap_err();
        assert!(matches!(refused, Error::ProxyProtocolUnsupported { .. }), "{refused}");
    }
}
