//! Connections of what the syncer serves.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Wait after a connection could not be accepted: others must end first.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Accepts connections until it is stopped. Each is served on a task of its own, which is stopped, too; one for which
/// there is nothing to serve is dropped.
pub async fn accept<F>(listener: TcpListener, stop: CancellationToken, serve: impl Fn(TcpStream) -> Option<F>)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(EXHAUSTED).await;
                continue;
            }
        };
        let Some(serving) = serve(stream) else { continue };
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serving => {}
            }
        });
    }
}
