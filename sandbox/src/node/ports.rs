//! What answers on the ports of a container.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// What answers on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// Nobody: the connection is refused.
    Closed,
    /// Everything that is sent comes back.
    Echo,
    /// HTTP/1.1: every request is answered with 200 and this text.
    Http(String),
}

/// What answers, by the number of the port. Cheap to clone.
#[derive(Clone)]
pub struct Ports(Arc<dyn Fn(u16) -> Port + Send + Sync>);

impl Ports {
    /// Decides by the number of the port.
    pub fn by(port: impl Fn(u16) -> Port + Send + Sync + 'static) -> Self {
        Ports(Arc::new(port))
    }

    /// What answers on a port.
    pub fn at(&self, port: u16) -> Port {
        (self.0)(port)
    }
}

/// Echo on port 7, HTTP everywhere else.
impl Default for Ports {
    fn default() -> Self {
        Ports::by(|port| if port == 7 { Port::Echo } else { Port::Http("ok\n".to_owned()) })
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ports")
    }
}

const BUFFER: usize = 64 * 1024;

/// Opens a connection to a port; None when it is refused. Needs a Tokio runtime.
pub(super) fn open(port: &Port) -> Option<DuplexStream> {
    let (client, server) = tokio::io::duplex(BUFFER);
    match port {
        Port::Closed => return None,
        Port::Echo => {
            tokio::spawn(async move {
                let (mut read, mut write) = tokio::io::split(server);
                // The client hanging up ends it.
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
        }
        Port::Http(text) => {
            let text = text.clone();
            tokio::spawn(async move {
                let _ = serve(server, &text).await;
            });
        }
    }
    Some(client)
}

/// Answers requests until the client hangs up or asks for the end.
async fn serve(stream: DuplexStream, text: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0u64;
        let mut close = false;
        let mut any = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() && any {
                break;
            }
            any |= !line.is_empty();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            close |= line == "connection: close";
        }
        tokio::io::copy(&mut (&mut stream).take(length), &mut tokio::io::sink()).await?;
        let end = if close { "close" } else { "keep-alive" };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {end}\r\n\r\n",
            text.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await?;
        if close {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn http_answers_every_request_on_a_connection() {
        let mut client = open(&Port::Http("hello".to_owned())).expect("open");
        client.write_all(b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nConnection: close\r\n\r\n").await.expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("answered");
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2);
        assert!(answer.ends_with("\r\n\r\nhello"));
    }

    #[tokio::test]
    async fn echo_sends_everything_back() {
        let mut client = open(&Port::Echo).expect("open");
        client.write_all(b"ping").await.expect("sent");
        client.shutdown().await.expect("closed");
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("answered");
        assert_eq!(answer, b"ping");
    }

    #[test]
    fn a_closed_port_refuses() {
        assert!(open(&Port::Closed).is_none());
    }
}
