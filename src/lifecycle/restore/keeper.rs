//! The way to a keeper: a port-forward to its pod, and its language on it.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::RestoreError;
use crate::cluster::Cluster;
use crate::operation::Progress;
use crate::store::keeper::{Answer, Ask, FRAME, PORT, Seen};

/// How long an answer may take: files are moved, and what was sent is put on the disk.
const PATIENCE: Duration = Duration::from_secs(120);
/// How much is sent at a time.
const PIECE: usize = 256 << 10;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A conversation with one keeper.
pub(super) struct Keeper {
    pod: SmolStr,
    stream: Box<dyn Stream>,
}

/// Why there was no answer, in words; whoever asked may try again.
type Lost = SmolStr;

impl Keeper {
    /// Opens one, if the pod has a keeper that listens by now.
    pub(super) async fn open(cluster: &Cluster, namespace: &str, pod: &str) -> Result<Keeper, Lost> {
        let pods: Api<Pod> = Api::namespaced(cluster.client(), namespace);
        let opened = timeout(cluster.request_timeout(), pods.portforward(pod, &[PORT])).await;
        let opened = opened.map_err(|_| Lost::new_static("the host does not answer"))?;
        let mut forwarder = opened.map_err(|why| why.to_smolstr())?;
        let stream = forwarder.take_stream(PORT).ok_or("the port-forward has no stream")?;
        let mut keeper = Keeper { pod: pod.into(), stream: Box::new(stream) };
        // A forward to nobody opens just as well.
        keeper.look().await.map_err(|why| why.to_smolstr())?;
        Ok(keeper)
    }

    /// What is on the volume.
    pub(super) async fn look(&mut self) -> Result<Seen, RestoreError> {
        match self.asked(&Ask::Look).await? {
            Answer::Seen(seen) => Ok(seen),
            other => Err(self.odd(&other)),
        }
    }

    /// Asks for something that is done or not.
    pub(super) async fn order(&mut self, ask: &Ask) -> Result<(), RestoreError> {
        match self.asked(ask).await? {
            Answer::Done => Ok(()),
            other => Err(self.odd(&other)),
        }
    }

    /// Sends a file, of which `ask` is the announcement.
    pub(super) async fn send(
        &mut self,
        ask: &Ask,
        file: &Path,
        progress: &Progress,
    ) -> Result<(), RestoreError> {
        match self.asked(ask).await? {
            Answer::Go => {}
            other => return Err(self.odd(&other)),
        }
        let unread =
            |why: std::io::Error| RestoreError::Scratch { file: file.to_owned(), why: why.to_smolstr() };
        let mut from = tokio::fs::File::open(file).await.map_err(unread)?;
        let whole = from.metadata().await.map_err(unread)?.len();
        let (mut buffer, mut sent) = (vec![0; PIECE], 0);
        loop {
            let read = from.read(&mut buffer).await.map_err(unread)?;
            if read == 0 {
                break;
            }
            progress.check()?;
            let written = timeout(PATIENCE, self.stream.write_all(&buffer[..read])).await;
            written.map_err(|_| self.lost("it takes nothing"))?.map_err(|why| self.lost(why))?;
            sent += read as u64;
            progress.waiting(format_smolstr!("{} MB of {} MB to {}", sent >> 20, whole >> 20, self.pod));
        }
        self.stream.flush().await.map_err(|why| self.lost(why))?;
        match self.answer().await? {
            Answer::Done => Ok(()),
            other => Err(self.odd(&other)),
        }
    }

    async fn asked(&mut self, ask: &Ask) -> Result<Answer, RestoreError> {
        let bytes = serde_json::to_vec(ask).map_err(|why| self.lost(why))?;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let frame = [&length.to_be_bytes(), bytes.as_slice()].concat();
        let written = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, written)
            .await
            .map_err(|_| self.lost("it takes nothing"))?
            .map_err(|why| self.lost(why))?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer, RestoreError> {
        let mut length = [0; 4];
        self.fill(&mut length).await?;
        let length = u32::from_be_bytes(length);
        if length > FRAME {
            return Err(self.lost(format!("it answers {length} bytes, which no keeper does")));
        }
        let mut bytes = vec![0; length as usize];
        self.fill(&mut bytes).await?;
        serde_json::from_slice(&bytes).map_err(|why| self.lost(why))
    }

    async fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RestoreError> {
        let read = timeout(PATIENCE, self.stream.read_exact(bytes)).await;
        read.map_err(|_| self.lost("it does not answer"))?.map_err(|why| self.lost(why))?;
        Ok(())
    }

    fn lost(&self, why: impl std::fmt::Display) -> RestoreError {
        RestoreError::Keeper { pod: self.pod.clone(), why: why.to_smolstr() }
    }

    fn odd(&self, answer: &Answer) -> RestoreError {
        match answer {
            Answer::Refused { why } => self.lost(why),
            other => self.lost(format!("it answers {other:?}, which was not asked")),
        }
    }
}
