//! A body that never ends, cut into lines.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use tokio::time::Instant;

use crate::cluster::http::next_chunk;
use crate::cluster::{Failure, FailureKind};

/// Longest line that is taken for an event. The server's own limit for an object is far below.
const MAX_LINE: usize = 64 << 20;

/// Lines of a stream.
pub(crate) struct Lines<B> {
    body: B,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line end.
    scanned: usize,
}

impl<B> Lines<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    /// The lines of this body.
    pub(crate) fn new(body: B) -> Self {
        Lines { body, buffer: BytesMut::new(), scanned: 0 }
    }

    /// The next whole line without its end. None when the stream ends; half a line at the end is dropped, because
    /// an event that did not arrive whole comes again. Fails when it is not there by the deadline.
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self, deadline: Instant) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.buffer.len() > MAX_LINE {
                return Err(Failure::new(FailureKind::Protocol, "an event is too large"));
            }
            let patience = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            match next_chunk(&mut self.body, patience).await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// What is left when the stream has ended.
    pub(crate) fn rest(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let unseen = self.buffer.get(self.scanned..)?;
        let Some(at) = memchr::memchr(b'\n', unseen) else {
            self.scanned = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.scanned + at).freeze();
        self.buffer.advance(1);
        self.scanned = 0;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use proptest::prelude::*;

    use super::*;

    async fn lines_of(chunks: Vec<Bytes>) -> (Vec<Bytes>, Bytes) {
        let frames = chunks.into_iter().map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
        let mut lines = Lines::new(StreamBody::new(stream::iter(frames)));
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut found = Vec::new();
        while let Some(line) = lines.next(deadline).await.unwrap() {
            found.push(line);
        }
        (found, lines.rest())
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_network_cuts(
            text in "[a-c\n]{0,60}",
            cuts in prop::collection::vec(0usize..60, 0..8),
        ) {
            let mut at: Vec<usize> = cuts.into_iter().filter(|cut| *cut < text.len()).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let chunks = at.windows(2).map(|pair| Bytes::copy_from_slice(&text.as_bytes()[pair[0]..pair[1]]));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let (found, rest) = runtime.block_on(lines_of(chunks.collect()));
            let mut expected: Vec<&str> = text.split('\n').collect();
            let last = expected.pop().unwrap_or_default();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(rest, last);
        }
    }
}
