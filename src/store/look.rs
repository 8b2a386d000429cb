//! Who keeps a store, and how each of them is.

use std::time::{Duration, Instant};

use futures::future::join_all;
use smol_str::SmolStr;

use super::client::Door;
use super::protocol::{
    AlarmRequest, AlarmResponse, MemberListRequest, MemberListResponse, Nothing, StatusResponse, call,
};
use super::{Engine, Store, StoreError};

/// A member of etcd, as the members know each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its number, by which leaders and alarms name it.
    pub id: u64,
    /// Its name: that of its pod. Empty until it has begun.
    pub name: SmolStr,
    /// Whether it only learns and has no vote.
    pub learner: bool,
}

/// How a process of a store says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its number; 0 for kine.
    pub id: u64,
    /// Version of etcd, or the one that kine pretends to be.
    pub version: SmolStr,
    /// Bytes of its file; of kine those of its table.
    pub size: u64,
    /// Those of them that are in use; none where it is not told.
    pub in_use: Option<u64>,
    /// How many there may be; none where it is not told (etcd before 3.6, kine).
    pub quota: Option<u64>,
    /// The leader's number; 0 when it knows none, and of kine.
    pub leader: u64,
    /// The last entry of the log that it has, and the last that it has carried out.
    pub raft: (u64, u64),
    /// The revision of its keys; 0 of kine.
    pub revision: i64,
    /// Whether it only learns and has no vote.
    pub learner: bool,
    /// What it says is wrong.
    pub errors: Vec<SmolStr>,
}

/// What came of asking one process.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its pod or address.
    pub process: SmolStr,
    /// How it is, or why that is not known.
    pub status: Result<MemberStatus, StoreError>,
    /// How long the answer took; the first one includes the way there.
    pub took: Duration,
}

/// What etcd raises an alarm for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmKind {
    /// The file is as large as it may be: nothing is written any more.
    NoSpace,
    /// What a member has is not what the others have.
    Corrupt,
    /// One that this program does not know, with its number.
    Other(i32),
}

impl AlarmKind {
    /// As etcd calls it.
    pub fn word(self) -> SmolStr {
        match self {
            AlarmKind::NoSpace => SmolStr::new_static("NOSPACE"),
            AlarmKind::Corrupt => SmolStr::new_static("CORRUPT"),
            AlarmKind::Other(number) => smol_str::format_smolstr!("alarm {number}"),
        }
    }
}

/// An alarm of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// The member's number.
    pub member: u64,
    /// Why.
    pub kind: AlarmKind,
}

impl Store {
    /// The members, as the first says that answers; each only knows what the others agreed on last. kine says that it is one.
    ///
    /// # Errors
    /// When none answers.
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        let answer: MemberListResponse = self
            .first(|door| async move {
                let question = MemberListRequest { linearizable: false };
                door.ask("list the members", call::MEMBERS, question, door.patience()).await
            })
            .await?;
        let member = |entry: super::protocol::MemberEntry| Member {
            id: entry.id,
            name: entry.name.into(),
            learner: entry.is_learner,
        };
        Ok(answer.members.into_iter().map(member).collect())
    }

    /// How each process says it is, asked all at once, in the order of their names.
    pub async fn status(&self) -> Vec<Seen> {
        join_all(self.doors.iter().map(|door| self.status_of(door))).await
    }

    async fn status_of(&self, door: &Door) -> Seen {
        let begun = Instant::now();
        let asked =
            door.ask::<_, StatusResponse>("read the status", call::STATUS, Nothing {}, door.patience());
        let status = asked.await.map(|answer| member_status(self.engine, answer));
        Seen { process: door.name.clone(), status, took: begun.elapsed() }
    }

    /// Alarms that are raised; kine has none.
    ///
    /// # Errors
    /// When no member answers.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        match self.engine {
            Engine::Kine => Ok(Vec::new()),
            Engine::Etcd => self.alarm("read the alarms", AlarmRequest::default()).await,
        }
    }

    /// Takes an alarm away.
    ///
    /// # Errors
    /// When no member answers, or it is kine.
    pub async fn disarm(&self, alarm: Alarm) -> Result<(), StoreError> {
        const WHAT: &str = "disarm an alarm";
        self.only_etcd(WHAT)?;
        let kind = match alarm.kind {
            AlarmKind::NoSpace => 1,
            AlarmKind::Corrupt => 2,
            AlarmKind::Other(number) => number,
        };
        self.alarm(WHAT, AlarmRequest { action: 2, member_id: alarm.member, alarm: kind }).await.map(drop)
    }

    async fn alarm(&self, what: &'static str, question: AlarmRequest) -> Result<Vec<Alarm>, StoreError> {
        let answer: AlarmResponse = self
            .first(|door| {
                let question = question.clone();
                async move { door.ask(what, call::ALARM, question, door.patience()).await }
            })
            .await?;
        let kind = |number| match number {
            1 => AlarmKind::NoSpace,
            2 => AlarmKind::Corrupt,
            other => AlarmKind::Other(other),
        };
        let alarm =
            |entry: super::protocol::AlarmEntry| Alarm { member: entry.member_id, kind: kind(entry.alarm) };
        Ok(answer.alarms.into_iter().map(alarm).collect())
    }

    /// What a member says of itself in the text format of Prometheus; none where nobody serves that.
    ///
    /// # Errors
    /// When there is no such process, or it does not answer.
    pub async fn metrics(&self, process: &str) -> Result<Option<String>, StoreError> {
        let door = self.door(process)?;
        let Some(port) = self.metrics else { return Ok(None) };
        let text = door.get("read the metrics", port, "/metrics").await?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }
}

fn member_status(engine: Engine, answer: StatusResponse) -> MemberStatus {
    let header = answer.header.unwrap_or_default();
    let bytes = |size: i64| u64::try_from(size).unwrap_or_default();
    let told = |size: i64| Some(bytes(size)).filter(|size| *size > 0 && engine == Engine::Etcd);
    MemberStatus {
        id: header.member_id,
        version: answer.version.into(),
        size: bytes(answer.db_size),
        in_use: told(answer.db_size_in_use),
        quota: told(answer.db_size_quota),
        leader: answer.leader,
        raft: (answer.raft_index, answer.raft_applied_index),
        revision: header.revision,
        learner: answer.is_learner,
        errors: answer.errors.into_iter().map(SmolStr::from).collect(),
    }
}
