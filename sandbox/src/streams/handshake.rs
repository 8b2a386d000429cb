//! The WebSocket handshake with the subprotocols of Kubernetes (RFC 6455; `v5.channel.k8s.io`, `v4.channel.k8s.io`).

use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    UPGRADE,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::status::Status;

/// A subprotocol: how channels are told apart in one WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Binary frames, first byte the channel, a `Status` on the error channel.
    V4,
    /// As v4; channel 255 closes the channel named by the second byte.
    V5,
}

impl Protocol {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::V4 => "v4.channel.k8s.io",
            Protocol::V5 => "v5.channel.k8s.io",
        }
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
/// 400 when it is no WebSocket handshake; 403 as the real server when no subprotocol fits.
pub fn accept(headers: &HeaderMap, supported: &[Protocol]) -> Result<(HeaderMap, Protocol), Status> {
    let is_websocket =
        headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_websocket);
    let Some(key) = key else {
        return Err(Status::bad_request(
            "unable to upgrade: only WebSocket connections are served here, not SPDY; use a client that speaks WebSocket",
        ));
    };
    let offered: Vec<&str> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let Some(chosen) = supported.iter().find(|protocol| offered.contains(&protocol.as_str())).copied() else {
        let known: Vec<&str> = supported.iter().map(|protocol| protocol.as_str()).collect();
        let message =
            format!("unable to upgrade: no supported protocol in {offered:?}, served are {known:?}");
        return Err(Status::new(403, "Forbidden", message));
    };
    let mut answer = HeaderMap::new();
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(chosen.as_str()));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok((answer, chosen))
}
