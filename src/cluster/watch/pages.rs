//! A list in pages, the next one on its way while the current one is being read.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderValue, header};
use kube::api::ListParams;
use kube::core::Request;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::task::AbortOnDropHandle;

use super::buffer::Buffer;
use super::{Target, decode, protobuf};
use crate::cluster::http::{next_chunk, unbuildable};
use crate::cluster::{Cluster, Failure, FailureKind};

/// Pages in memory at a time: one being read, one arriving.
const PAGES_AT_ONCE: usize = 2;
/// How far into an answer the token of the next page is looked for.
const HEAD_WITHIN: usize = 16 * 1024;

/// One page as it came. Holding it holds back the page after the next.
pub(super) struct Page {
    pub(super) bytes: Buffer,
    room: Room,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.room.give_back(std::mem::take(&mut self.bytes));
    }
}

/// The right to hold one page, and the buffers of pages that were read.
///
/// Pages of one list are of one size: a buffer that has grown to it once need not grow again.
struct Room {
    spare: Arc<Mutex<Vec<Buffer>>>,
    _permit: OwnedSemaphorePermit,
}

impl Room {
    fn buffer(&self) -> Buffer {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, mut buffer: Buffer) {
        buffer.clear();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

/// The pages of one list, in order. Dropping it ends the requests.
pub(super) struct Pages {
    pages: mpsc::Receiver<Result<Page, Failure>>,
    _pump: AbortOnDropHandle<()>,
}

impl Pages {
    /// Begins to list. `limit` is the size of a page, none for everything at once.
    pub(super) fn start(cluster: Cluster, target: Target, limit: Option<u32>) -> Self {
        let (send, pages) = mpsc::channel(1);
        let rooms = Arc::new(Semaphore::new(PAGES_AT_ONCE));
        let fetcher = Fetcher { cluster, target, limit, rooms, spare: Arc::default() };
        Pages { pages, _pump: AbortOnDropHandle::new(tokio::spawn(pump(fetcher, send))) }
    }

    /// The next page, none after the last.
    pub(super) async fn next(&mut self) -> Option<Result<Page, Failure>> {
        self.pages.recv().await
    }
}

#[derive(Clone)]
struct Fetcher {
    cluster: Cluster,
    target: Target,
    limit: Option<u32>,
    rooms: Arc<Semaphore>,
    spare: Arc<Mutex<Vec<Buffer>>>,
}

/// A page on its way: its token for the next page may be known long before its end.
struct Arriving {
    next: oneshot::Receiver<Option<String>>,
    page: AbortOnDropHandle<Result<Page, Failure>>,
}

async fn pump(fetcher: Fetcher, send: mpsc::Sender<Result<Page, Failure>>) {
    let mut arriving = Some(fetcher.clone().begin(None));
    while let Some(Arriving { next, page }) = arriving.take() {
        // Without a word about the next page the answer has failed, and the page says how.
        let token = next.await.unwrap_or_default();
        let has_next = token.is_some();
        arriving = token.map(|token| fetcher.clone().begin(Some(token)));
        let page = page.await.unwrap_or_else(|error| {
            Err(Failure::new(FailureKind::Protocol, format!("the list was interrupted: {error}")))
        });
        let failed = page.is_err();
        if send.send(page).await.is_err() || failed || !has_next {
            return;
        }
    }
}

fn no_room(why: std::io::Error) -> Failure {
    Failure::new(FailureKind::Protocol, format!("this machine has no room for the answer: {why}"))
}

impl Fetcher {
    fn begin(self, token: Option<String>) -> Arriving {
        let (tell, next) = oneshot::channel();
        Arriving { next, page: AbortOnDropHandle::new(tokio::spawn(self.fetch(token, tell))) }
    }

    async fn fetch(
        self,
        token: Option<String>,
        tell: oneshot::Sender<Option<String>>,
    ) -> Result<Page, Failure> {
        let permit = self.rooms.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Failure::new(FailureKind::Cut, "the list was given up"))?;
        let room = Room { spare: self.spare.clone(), _permit: permit };
        let request = self.request(token)?;
        let mut body = self.cluster.send(request).await?.into_body();
        let mut bytes = room.buffer();
        let mut tell = Some(tell);
        while let Some(chunk) = next_chunk(&mut body, self.cluster.request_timeout()).await? {
            bytes.extend(&chunk).map_err(no_room)?;
            if tell.is_some()
                && bytes.len() <= HEAD_WITHIN + chunk.len()
                && let Some(head) = decode::early_head(bytes.get(..HEAD_WITHIN).unwrap_or(&bytes))
            {
                // Nobody listening means nobody wants the list any more.
                let _ = tell.take().map(|tell| tell.send(head.next));
            }
        }
        if let Some(tell) = tell {
            let _ = tell.send(decode::head(&bytes)?.next);
        }
        Ok(Page { bytes, room })
    }

    fn request(&self, token: Option<String>) -> Result<http::Request<Vec<u8>>, Failure> {
        let params = ListParams {
            label_selector: self.target.labels.clone(),
            field_selector: self.target.fields.clone(),
            limit: self.limit,
            continue_token: token,
            ..ListParams::default()
        };
        let request = Request::new(self.target.path());
        let built =
            if self.target.metadata_only { request.list_metadata(&params) } else { request.list(&params) };
        let mut request = built.map_err(|error| unbuildable(&error))?;
        if self.target.protobuf.is_some() {
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(protobuf::ACCEPT));
        }
        Ok(request)
    }
}
