//! `pods/portforward`: connections to ports of a pod, over a WebSocket or SPDY.

pub mod spdy;
pub mod websocket;

use crate::runtime::ContainerRef;
use crate::status::Status;

/// Most ports in one connection: channels are numbered by one byte.
const MOST_PORTS: usize = 127;

/// The ports of a request, from its `ports` parameters.
///
/// # Errors
/// 400 when there is none, too many, or one that is no port.
pub fn ports<'q>(query: impl Iterator<Item = (&'q str, &'q str)>) -> Result<Vec<u16>, Status> {
    let mut ports = Vec::new();
    for (_, value) in query.filter(|(key, _)| *key == "ports") {
        for port in value.split(',') {
            match port.parse::<u16>() {
                Ok(port @ 1..) => ports.push(port),
                _ => return Err(Status::bad_request(format!("unable to parse {port:?} as a port"))),
            }
        }
    }
    match ports.len() {
        0 => Err(Status::bad_request("query parameter \"ports\" is required")),
        1..=MOST_PORTS => Ok(ports),
        many => Err(Status::bad_request(format!("{many} ports in one connection, at most {MOST_PORTS} go"))),
    }
}

/// What a client reads when a port cannot be reached.
fn refused(target: &ContainerRef, port: u16, why: &str) -> String {
    format!("error forwarding port {port} to pod {}: {why}", target.pod)
}
