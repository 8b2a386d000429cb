//! Carries a request for something of a pod to the host's API server, and the connection when it leaves HTTP: byte for
//! byte, so that the two ends alone speak SPDY or WebSocket with each other.

use std::time::Duration;

use futures::StreamExt as _;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use v9s::cluster::Cluster;

use super::answer::{self, Body, Refusal};
use super::paths::What;

/// Where SPDY clients name the protocols that they know, and servers the one chosen.
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");
/// By this name a WebSocket client may hide a token among the protocols. It was meant for the tenant's server.
const HIDDEN_TOKEN: &str = "base64url.bearer.authorization.k8s.io.";
/// How long one direction may be silent after the other has ended.
const LINGER: Duration = Duration::from_secs(10);
/// Bytes on their way in one direction.
const BUFFER: usize = 16 * 1024;

/// What one asks the host for, and on whose behalf.
pub struct Errand<'a> {
    /// What of a pod.
    pub what: What,
    /// Path and query on the host's API server.
    pub path: String,
    /// Puts a message of the host into words of the tenant.
    pub words: &'a (dyn Fn(&str) -> String + Send + Sync),
}

/// Asks the host for a log, which comes as it is written.
///
/// # Errors
/// What the host said instead, in words of the tenant.
pub async fn log(host: &Cluster, errand: &Errand<'_>) -> Result<Response<Body>, Refusal> {
    let request = request(Method::GET, errand, HeaderMap::new())?;
    let response = send(host, errand, request).await?;
    let pieces = response.into_body().into_data_stream().map(|piece| piece.map_err(Into::into));
    Ok(answer::typed(StatusCode::OK, "text/plain", answer::stream(pieces.boxed())))
}

/// Lets the caller's connection be one with the host's, until either ends or `stop` says so.
///
/// # Errors
/// When the caller does not want to leave HTTP, or what the host said instead.
pub async fn stream<B>(
    host: &Cluster,
    errand: &Errand<'_>,
    mut asked: Request<B>,
    stop: CancellationToken,
) -> Result<Response<Body>, Refusal> {
    let (method, headers) = handshake(asked.headers())
        .ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "Upgrade request required"))?;
    let mut response = send(host, errand, request(method, errand, headers)?).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        tracing::warn!(code = %response.status(), path = errand.path, "the host answers without leaving HTTP");
        return Err(Refusal::new(StatusCode::BAD_GATEWAY, "the host answered without opening a stream"));
    }
    let (near, far) = (hyper::upgrade::on(&mut asked), hyper::upgrade::on(&mut response));
    tokio::spawn(join(near, far, stop));
    let mut answered = Response::new(answer::empty());
    *answered.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let passed = [
        CONNECTION,
        UPGRADE,
        STREAM_PROTOCOL,
        SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_EXTENSIONS,
    ];
    copy(response.headers(), answered.headers_mut(), &passed);
    Ok(answered)
}

/// The method and the headers with which the host is asked to leave HTTP as the caller has asked us.
fn handshake(asked: &HeaderMap) -> Option<(Method, HeaderMap)> {
    let upgrade = asked.get(UPGRADE)?.as_bytes();
    let method = match upgrade {
        wanted if wanted.eq_ignore_ascii_case(b"websocket") => Method::GET,
        wanted if wanted.eq_ignore_ascii_case(b"SPDY/3.1") => Method::POST,
        _ => return None,
    };
    let mut headers = HeaderMap::new();
    let passed =
        [UPGRADE, STREAM_PROTOCOL, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_EXTENSIONS];
    copy(asked, &mut headers, &passed);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    for value in asked.get_all(SEC_WEBSOCKET_PROTOCOL) {
        let names = value.to_str().ok()?.split(',').map(str::trim);
        let names: Vec<&str> = names.filter(|name| !name.starts_with(HIDDEN_TOKEN)).collect();
        if !names.is_empty() {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(&names.join(", ")).ok()?);
        }
    }
    Some((method, headers))
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}

fn request(
    method: Method,
    errand: &Errand<'_>,
    headers: HeaderMap,
) -> Result<Request<kube::client::Body>, Refusal> {
    let request = Request::builder().method(method).uri(&errand.path).body(kube::client::Body::empty());
    let mut request = request
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the request makes no sense to the host"))?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Sends it; anything but a success or the end of HTTP is a refusal.
async fn send(
    host: &Cluster,
    errand: &Errand<'_>,
    request: Request<kube::client::Body>,
) -> Result<Response<kube::client::Body>, Refusal> {
    let what = match errand.what {
        What::Log => "the log",
        What::Exec => "the command",
        What::Attach => "the process",
        What::Forward => "the ports",
    };
    let response = host.answer(request).await.map_err(|failure| {
        tracing::warn!(%failure, path = errand.path, "the host cannot be asked for something of a pod");
        answer::unreached(what, &failure)
    })?;
    if response.status().is_success() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let code = response.status();
    let message = answer::message(response.into_body(), host.request_timeout()).await;
    tracing::debug!(%code, message, path = errand.path, "the host refuses something of a pod");
    let verb = if errand.what.upgrades() { "create" } else { "get" };
    let right = format!("{verb} pods/{}", errand.what.subresource());
    Err(answer::of_host(what, &right, code, &(errand.words)(&message)))
}

/// Waits until both have left HTTP, and makes them one.
async fn join(near: OnUpgrade, far: OnUpgrade, stop: CancellationToken) {
    let joined = async {
        match tokio::try_join!(near, far) {
            Ok((near, far)) => carry(TokioIo::new(near), TokioIo::new(far)).await,
            Err(error) => tracing::debug!(%error, "one of two ends left before its stream began"),
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = joined => {}
    }
}

/// Carries bytes both ways. When one end has said all it is passed on; the other may finish what it has to say, and a
/// silence then ends both. An end that breaks ends both at once.
async fn carry<N, F>(near: N, far: F)
where
    N: AsyncRead + AsyncWrite + Unpin,
    F: AsyncRead + AsyncWrite + Unpin,
{
    let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
        (tokio::io::split(near), tokio::io::split(far));
    let beats = Beats::default();
    let inward = copy_all(&mut near_read, &mut far_write, &beats);
    let outward = copy_all(&mut far_read, &mut near_write, &beats);
    tokio::pin!(inward, outward);
    let (whole, inward_ended) = tokio::select! {
        whole = &mut inward => (whole, true),
        whole = &mut outward => (whole, false),
    };
    if !whole {
        return;
    }
    let rest = async { if inward_ended { outward.await } else { inward.await } };
    tokio::select! {
        _ = rest => {}
        () = beats.silence(LINGER) => {}
    }
}

/// When bytes were last carried.
#[derive(Default)]
struct Beats(std::sync::Mutex<Option<Instant>>);

impl Beats {
    fn beat(&self) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
    }

    /// Ends once nothing has been carried for this long, counted from now at the earliest.
    async fn silence(&self, longest: Duration) {
        self.beat();
        loop {
            let last = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let end = last.unwrap_or_else(Instant::now) + longest;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// Copies until the end, which is passed on. Answers whether it came to that.
async fn copy_all<R, W>(from: &mut R, to: &mut W, beats: &Beats) -> bool
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return to.shutdown().await.is_ok(),
            Ok(read) => {
                beats.beat();
                let Some(bytes) = buffer.get(..read) else { return false };
                // What was read goes on at once: nobody says that more will come.
                if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn only_what_belongs_to_the_handshake_is_passed_on() {
        let spdy = headers(&[
            ("upgrade", "SPDY/3.1"),
            ("connection", "Upgrade, Keep-Alive"),
            ("x-stream-protocol-version", "v5.channel.k8s.io"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
            ("authorization", "Bearer of the tenant"),
            ("impersonate-user", "admin"),
            ("x-forwarded-for", "192.0.2.1"),
        ]);
        let passed = headers(&[
            ("upgrade", "SPDY/3.1"),
            ("x-stream-protocol-version", "v5.channel.k8s.io"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
            ("connection", "Upgrade"),
        ]);
        assert_eq!(handshake(&spdy), Some((Method::POST, passed)));
        let socket = headers(&[
            ("upgrade", "websocket"),
            ("sec-websocket-key", "k"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0"),
        ]);
        let passed = headers(&[
            ("upgrade", "websocket"),
            ("sec-websocket-key", "k"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "v5.channel.k8s.io"),
            ("connection", "Upgrade"),
        ]);
        assert_eq!(handshake(&socket), Some((Method::GET, passed)));
        assert_eq!(handshake(&headers(&[("upgrade", "h2c")])), None);
        assert_eq!(handshake(&headers(&[])), None);
    }

    /// Two connections with the carrier between them.
    fn between() -> (tokio::io::DuplexStream, tokio::io::DuplexStream, tokio::task::JoinHandle<()>) {
        let ((mine, near), (far, theirs)) = (tokio::io::duplex(64), tokio::io::duplex(64));
        (mine, theirs, tokio::spawn(carry(near, far)))
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_has_said_all_still_hears_the_other_out() {
        let (mut mine, mut theirs, carried) = between();
        mine.write_all(b"that is all").await.unwrap();
        mine.shutdown().await.unwrap();
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "that is all");
        // Slowly, but never silent for too long.
        for _ in 0..5 {
            tokio::time::sleep(LINGER / 2).await;
            theirs.write_all(b"so ").await.unwrap();
        }
        drop(theirs);
        let mut heard = String::new();
        mine.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "so so so so so ");
        carried.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_stays_silent_after_the_other_has_left_is_let_go() {
        for closes_mine in [true, false] {
            let (mine, theirs, carried) = between();
            let (mut closing, mut silent) = if closes_mine { (mine, theirs) } else { (theirs, mine) };
            closing.shutdown().await.unwrap();
            carried.await.unwrap();
            let mut heard = Vec::new();
            silent.read_to_end(&mut heard).await.unwrap();
            assert!(silent.write_all(b"anyone?").await.is_err(), "nobody is left");
            drop(closing);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_breaks_ends_both_at_once() {
        let (mine, mut theirs, carried) = between();
        drop(mine);
        let before = Instant::now();
        // Bytes for somebody who has gone.
        while theirs.write_all(&[0; 256]).await.is_ok() {}
        carried.await.unwrap();
        assert!(before.elapsed() < LINGER);
    }
}
