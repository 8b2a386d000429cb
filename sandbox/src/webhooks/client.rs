//! Calling a webhook: one `POST` over TLS.

use super::config::{ClientConfig, Hook, Service};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig as TlsConfig, RootCertStore};
use serde_json::Value;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;

/// Largest answer that is read.
const LARGEST_ANSWER: usize = 3 * 1024 * 1024;

/// Where Services are reached. Pods of the host are simulated: what answers behind a Service is up to the program
/// that embeds the host.
pub trait Services: Send + Sync + 'static {
    /// The address of a port of a Service; none when nothing serves it.
    fn address(&self, namespace: &str, name: &str, port: u16) -> Option<SocketAddr>;
}

/// Nothing serves any Service.
impl Services for () {
    fn address(&self, _: &str, _: &str, _: u16) -> Option<SocketAddr> {
        None
    }
}

/// Calls webhooks on a thread of its own, which starts with the first call.
pub(super) struct Client {
    services: Arc<dyn Services>,
    runtime: Mutex<Option<Runtime>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may be dropped on a thread that must not wait.
        if let Some(runtime) = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

/// Where a call goes.
struct Place {
    /// As messages name it.
    url: String,
    /// Path and query of the request.
    path: String,
    /// Name in the certificate.
    host: String,
    /// `Host` header.
    authority: String,
    /// `HOST:PORT` or an address.
    address: String,
    authorities: Vec<CertificateDer<'static>>,
}

impl Client {
    pub(super) fn new(services: Arc<dyn Services>) -> Self {
        Self { services, runtime: Mutex::default() }
    }

    /// Asks a webhook and waits for its answer.
    ///
    /// # Errors
    /// Why there is none, in the real server's words as far as it is about HTTP.
    pub(super) fn call(&self, hook: &Hook, question: &Value) -> Result<Bytes, String> {
        if !hook.admission_review_versions.iter().any(|version| version == "v1") {
            return Err(
                "webhook does not accept v1 AdmissionReview, and the embedded host speaks no other".into()
            );
        }
        let failed = |why: String| format!("failed to call webhook: {why}");
        let seconds = if hook.timeout_seconds == 0 { 10 } else { hook.timeout_seconds };
        let place = self.place(&hook.client_config, seconds).map_err(failed)?;
        let body = Bytes::from(question.to_string());
        let (send, receive) = mpsc::sync_channel(1);
        let limit = Duration::from_secs(seconds);
        self.spawn(async move {
            let url = place.url.clone();
            let answered = match tokio::time::timeout(limit, post(place, body)).await {
                Ok(answered) => answered.map_err(|why| match why {
                    Trouble::Answer(why) => why,
                    Trouble::Connection(why) => format!("Post {url:?}: {why}"),
                }),
                Err(_) => Err(format!("Post {url:?}: context deadline exceeded")),
            };
            // Nobody listens any more when the writing thread is gone.
            let _ = send.send(answered);
        })
        .map_err(failed)?;
        let answered = receive.recv().map_err(|_| failed("the host is stopping".into()))?;
        answered.map_err(failed)
    }

    fn spawn(&self, call: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if runtime.is_none() {
            let made =
                Builder::new_multi_thread().worker_threads(1).thread_name("webhooks").enable_all().build();
            *runtime = Some(made.map_err(|error| format!("cannot start a thread for webhooks: {error}"))?);
        }
        if let Some(runtime) = runtime.as_ref() {
            runtime.spawn(call);
        }
        Ok(())
    }

    fn place(&self, config: &ClientConfig, seconds: u64) -> Result<Place, String> {
        let authorities = authorities(config.ca_bundle.as_deref().unwrap_or_default())?;
        let timeout = format!("timeout={seconds}s");
        match (&config.url, &config.service) {
            (Some(url), _) => {
                let uri: Uri = url.parse().map_err(|error| format!("unable to parse {url:?}: {error}"))?;
                let authority = uri.authority().map(Authority::as_str).unwrap_or_default().to_owned();
                let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                let port = uri.port_u16().unwrap_or(443);
                let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
                let path = format!("{path}{}{timeout}", if path.contains('?') { '&' } else { '?' });
                let address =
                    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                Ok(Place {
                    url: format!("https://{authority}{path}"),
                    path,
                    host,
                    authority,
                    address,
                    authorities,
                })
            }
            (None, Some(service)) => self.place_of_service(service, &timeout, authorities),
            (None, None) => Err("neither a URL nor a service is configured".into()),
        }
    }

    fn place_of_service(
        &self,
        service: &Service,
        timeout: &str,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Result<Place, String> {
        let port = service.port.unwrap_or(443);
        let host = format!("{}.{}.svc", service.name, service.namespace);
        let authority = format!("{host}:{port}");
        let path = service.path.as_deref().unwrap_or("/");
        let path = format!("/{}?{timeout}", path.trim_start_matches('/'));
        let url = format!("https://{authority}{path}");
        let Some(address) = self.services.address(&service.namespace, &service.name, port) else {
            return Err(format!("Post {url:?}: no endpoints available for service {:?}", service.name));
        };
        Ok(Place { url, path, host, authority, address: address.to_string(), authorities })
    }
}

/// The certificates of a bundle.
fn authorities(bundle: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = STANDARD.decode(bundle).map_err(|error| format!("the CA bundle is not base64: {error}"))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    all.map_err(|error| format!("unable to load root certificates: {error}"))
}

/// Why there is no answer to read.
enum Trouble {
    /// The connection.
    Connection(String),
    /// What came over it.
    Answer(String),
}

async fn post(place: Place, body: Bytes) -> Result<Bytes, Trouble> {
    let broken = |error: &dyn std::error::Error| {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Trouble::Connection(format!("{error}{cause}"))
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(place.authorities);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(place.host).map_err(|error| broken(&error))?;
    let tcp = TcpStream::connect(&place.address).await;
    let tcp = tcp.map_err(|error| {
        let why = match error.kind() {
            ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            _ => error.to_string(),
        };
        Trouble::Connection(format!("dial tcp {}: connect: {why}", place.address))
    })?;
    let stream =
        TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.map_err(|error| broken(&error))?;
    let shake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shake.map_err(|error| broken(&error))?;
    tokio::spawn(connection);
    let request = Request::post(place.path)
        .header(header::HOST, place.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, */*")
        .header(header::USER_AGENT, "kube-apiserver-admission")
        .body(Full::new(body))
        .map_err(|error| broken(&error))?;
    let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let code = answer.status();
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
    let body = body.map_err(|error| Trouble::Connection(error.to_string()))?.to_bytes();
    if code.is_success() {
        return Ok(body);
    }
    let said = String::from_utf8_lossy(&body);
    let said = if said.trim().is_empty() { "an error on the server without a message".into() } else { said };
    Err(Trouble::Answer(format!("{}: {}", code, said.trim())))
}
