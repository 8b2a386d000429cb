//! Leaving HTTP: the WebSocket handshake (RFC 6455) and the SPDY upgrade, with the subprotocols of Kubernetes.

use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::status::Status;

/// Where SPDY clients name the subprotocols that they know.
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const SPDY: &str = "SPDY/3.1";

/// A subprotocol: how streams are told apart in one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// WebSocket: binary frames, first byte the channel, a `Status` on the error channel.
    V4,
    /// As v4; channel 255 closes the channel named by the second byte.
    V5,
    /// A SPDY connection in a WebSocket, for ports.
    TunneledPorts,
    /// SPDY with a stream for each of a command's, a `Status` on the error stream.
    SpdyV4,
    /// SPDY with two streams for each connection to a port.
    SpdyPorts,
}

impl Protocol {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::V4 | Protocol::SpdyV4 => "v4.channel.k8s.io",
            Protocol::V5 => "v5.channel.k8s.io",
            Protocol::TunneledPorts => "SPDY/3.1+portforward.k8s.io",
            Protocol::SpdyPorts => "portforward.k8s.io",
        }
    }

    fn is_spdy(self) -> bool {
        matches!(self, Protocol::SpdyV4 | Protocol::SpdyPorts)
    }
}

/// Whether the client wants to leave HTTP, for whatever protocol.
pub fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
}

/// The headers of the `101 Switching Protocols` answer and the subprotocol chosen, the first of `supported` that the
/// client offers.
///
/// # Errors
/// 400 when it is no handshake; 403 as the real server when no subprotocol fits.
pub fn accept(headers: &HeaderMap, supported: &[Protocol]) -> Result<(HeaderMap, Protocol), Status> {
    let upgrade = headers.get(UPGRADE).map(HeaderValue::as_bytes).unwrap_or_default();
    let spdy = upgrade.eq_ignore_ascii_case(SPDY.as_bytes());
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| upgrade.eq_ignore_ascii_case(b"websocket"));
    if !spdy && key.is_none() {
        return Err(Status::bad_request("Upgrade request required"));
    }
    let named = if spdy { STREAM_PROTOCOL } else { SEC_WEBSOCKET_PROTOCOL };
    let offered: Vec<&str> = headers
        .get_all(&named)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let fitting = || supported.iter().filter(|protocol| protocol.is_spdy() == spdy).copied();
    let Some(chosen) = fitting().find(|protocol| offered.contains(&protocol.as_str())) else {
        let known: Vec<&str> = fitting().map(Protocol::as_str).collect();
        let message =
            format!("unable to upgrade: no supported protocol in {offered:?}, served are {known:?}");
        return Err(Status::new(403, "Forbidden", message));
    };
    let mut answer = HeaderMap::new();
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static(if spdy { SPDY } else { "websocket" }));
    answer.insert(named, HeaderValue::from_static(chosen.as_str()));
    let accepted = key.map(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())));
    if let Some(Ok(accepted)) = accepted {
        answer.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    }
    Ok((answer, chosen))
}
