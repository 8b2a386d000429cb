//! A body that never ends, cut into lines.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use tokio::time::Instant;

use super::http::next_chunk;
use super::{Failure, FailureKind};

/// Longest line that is taken for an event. The server's own limit for an object is far below.
const MAX_EVENT: usize = 64 << 20;

/// What happens to a line that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlong {
    Fails,
    ComesInPieces,
}

/// Lines of a stream.
pub(super) struct Lines<B> {
    body: B,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no line end.
    scanned: usize,
    longest: usize,
    overlong: Overlong,
}

impl<B> Lines<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    /// The events of a watch, one a line.
    pub(super) fn of_events(body: B) -> Self {
        let (longest, overlong) = (MAX_EVENT, Overlong::Fails);
        Lines { body, buffer: BytesMut::new(), scanned: 0, longest, overlong }
    }

    /// Lines of text of any length; those longer than this come in pieces.
    pub(super) fn splitting(body: B, longest: usize) -> Self {
        Lines { body, buffer: BytesMut::new(), scanned: 0, longest, overlong: Overlong::ComesInPieces }
    }

    /// The next line without its end. None when the stream ends; half a line at the end is dropped, because
    /// an event that did not arrive whole comes again. Fails when it is not there by the deadline.
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self, deadline: Instant) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            match self.overlong {
                _ if self.buffer.len() < self.longest => {}
                Overlong::Fails => return Err(Failure::new(FailureKind::Protocol, "an event is too large")),
                Overlong::ComesInPieces => {
                    self.scanned = 0;
                    return Ok(Some(self.buffer.split_to(self.longest).freeze()));
                }
            }
            let patience = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            match next_chunk(&mut self.body, patience).await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// What is left when the stream has ended.
    pub(super) fn rest(&mut self) -> Bytes {
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
        let mut lines = Lines::of_events(StreamBody::new(stream::iter(frames)));
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

    #[tokio::test]
    async fn a_line_that_is_too_long_comes_in_pieces_or_fails() {
        let frames = || stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from("abcdefgh\nxy\n")))]);
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut pieces = Lines::splitting(StreamBody::new(frames()), 100);
        assert_eq!(pieces.next(deadline).await.unwrap().unwrap(), "abcdefgh");
        let endless = || stream::iter((0..4).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from("abc")))));
        let mut pieces = Lines::splitting(StreamBody::new(endless()), 5);
        assert_eq!(pieces.next(deadline).await.unwrap().unwrap(), "abcab");
        assert_eq!(pieces.next(deadline).await.unwrap().unwrap(), "cabca");
        assert_eq!(pieces.next(deadline).await.unwrap(), None);
        assert_eq!(pieces.rest(), "bc");
        let mut events = Lines { longest: 5, ..Lines::of_events(StreamBody::new(endless())) };
        assert_eq!(events.next(deadline).await.unwrap_err().kind, FailureKind::Protocol);
    }
}
