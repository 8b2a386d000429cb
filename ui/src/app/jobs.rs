//! Everything slow is a job: numbered steps, what they wait for, cancel and a result; it goes on when its screen is left.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use smol_str::SmolStr;
use v9s::operation::{OperationState, Step, StepState};

use super::connections::ConnectionId;
use super::operation::Verb;

/// Which job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// As wanted.
    Done,
    /// As wanted, and something is left to look at.
    Partly,
    /// Not as wanted.
    Failed,
    /// Stopped by the person.
    Cancelled,
}

/// What follows a job that ended as wanted.
#[derive(Debug, Clone)]
pub enum Then {
    /// Another job.
    Begin(Arc<dyn Verb>),
    /// A shell in what was connected to.
    Shell(ConnectionId),
}

/// What came of a job.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// The same in a sentence, with what to do where there is something.
    pub said: SmolStr,
    /// More to read: a word and its lines, such as what a deletion has left.
    pub facts: Facts,
    /// What follows.
    pub then: Option<Then>,
}

/// A word and its lines, several times.
pub type Facts = Vec<(&'static str, Vec<String>)>;

impl Outcome {
    /// An outcome of which a sentence tells everything.
    pub fn new(ended: Ended, said: impl Into<SmolStr>) -> Self {
        Outcome { ended, said: said.into(), facts: Vec::new(), then: None }
    }

    /// With more to read.
    #[must_use]
    pub fn with(mut self, word: &'static str, lines: Vec<String>) -> Self {
        if !lines.is_empty() {
            self.facts.push((word, lines));
        }
        self
    }

    /// Followed by something.
    #[must_use]
    pub fn then(self, then: Then) -> Self {
        Outcome { then: Some(then), ..self }
    }
}

/// One job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which one.
    pub id: JobId,
    /// What it does, such as `delete 3 pods of team-a`.
    pub title: SmolStr,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// When it began.
    pub began: DateTime<Utc>,
    /// When each of them was first seen to run.
    pub steps_began: Vec<Option<DateTime<Utc>>>,
    /// How and when it ended.
    pub ended: Option<(DateTime<Utc>, Outcome)>,
    /// Whether the person has asked to stop it.
    pub stopping: bool,
}

impl Job {
    /// Steps that are over, and all of them.
    pub fn progress(&self) -> (usize, usize) {
        let over = self
            .steps
            .iter()
            .filter(|s| !matches!(s.state, StepState::Waiting | StepState::Running { .. }))
            .count();
        (over, self.steps.len())
    }

    /// Whether it is under way.
    pub fn running(&self) -> bool {
        self.ended.is_none()
    }

    /// Place of the step that runs.
    pub fn at(&self) -> Option<usize> {
        self.steps.iter().position(|step| matches!(step.state, StepState::Running { .. }))
    }
}

/// What a job reports.
#[derive(Debug, Clone)]
pub enum JobEvent {
    /// It is further.
    State(Arc<OperationState>),
    /// It is over.
    Ended(Outcome),
}

/// Most finished jobs kept.
const KEPT: usize = 200;

/// All jobs of this run, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    all: Vec<Job>,
    next: u64,
    revision: u64,
}

impl Jobs {
    /// Adds a job that begins now.
    pub fn begin(&mut self, title: SmolStr, steps: Vec<SmolStr>, now: DateTime<Utc>) -> JobId {
        let id = JobId(self.next);
        self.next += 1;
        self.revision += 1;
        if self.all.len() >= KEPT
            && let Some(at) = self.all.iter().position(|job| !job.running())
        {
            self.all.remove(at);
        }
        let steps: Vec<Step> =
            steps.into_iter().map(|title| Step { title, state: StepState::Waiting }).collect();
        let steps_began = vec![None; steps.len()];
        self.all.push(Job { id, title, steps, steps_began, began: now, ended: None, stopping: false });
        id
    }

    /// Takes in what a job reports; returns its outcome if that was the end.
    pub fn report(&mut self, id: JobId, event: JobEvent, now: DateTime<Utc>) -> Option<&Job> {
        let job = self.all.iter_mut().find(|job| job.id == id && job.running())?;
        self.revision += 1;
        match event {
            JobEvent::State(state) => {
                job.steps.clone_from(&state.steps);
                job.steps_began.resize(job.steps.len(), None);
                for (step, began) in job.steps.iter().zip(&mut job.steps_began) {
                    if matches!(step.state, StepState::Running { .. }) {
                        began.get_or_insert(now);
                    }
                }
                None
            }
            JobEvent::Ended(outcome) => {
                job.ended = Some((now, outcome));
                Some(job)
            }
        }
    }

    /// Remembers that a job is to stop; false when it is over already.
    pub fn stop(&mut self, id: JobId) -> bool {
        match self.all.iter_mut().find(|job| job.id == id && job.running()) {
            Some(job) => {
                job.stopping = true;
                self.revision += 1;
                true
            }
            None => false,
        }
    }

    /// One job.
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.all.iter().find(|job| job.id == id)
    }

    /// All jobs, oldest first.
    pub fn all(&self) -> &[Job] {
        &self.all
    }

    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many are under way.
    pub fn running(&self) -> usize {
        self.all.iter().filter(|job| job.running()).count()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000, 0).unwrap()
    }

    fn state(states: [StepState; 2]) -> JobEvent {
        let steps = states.into_iter().map(|state| Step { title: "x".into(), state }).collect();
        let state = OperationState { title: "t".into(), steps, since: Instant::now(), end: None };
        JobEvent::State(Arc::new(state))
    }

    fn two_steps() -> (Jobs, JobId) {
        let mut jobs = Jobs::default();
        let id = jobs.begin("delete 2 pods".into(), vec!["a".into(), "b".into()], now());
        (jobs, id)
    }

    #[test]
    fn a_job_shows_the_steps_of_its_operation_and_since_when_the_present_one_runs() {
        let (mut jobs, id) = two_steps();
        let later = now() + chrono::TimeDelta::seconds(7);
        let done = StepState::Done { took: Duration::from_secs(7), note: None };
        let runs = || StepState::Running { since: Instant::now(), cause: None };
        jobs.report(id, state([runs(), StepState::Waiting]), now());
        jobs.report(id, state([done, runs()]), later);
        let job = jobs.get(id).unwrap();
        assert_eq!((job.at(), job.progress()), (Some(1), (1, 2)));
        assert_eq!(job.steps_began, [Some(now()), Some(later)]);
    }

    #[test]
    fn a_report_after_the_end_changes_nothing() {
        let (mut jobs, id) = two_steps();
        jobs.report(id, JobEvent::Ended(Outcome::new(Ended::Cancelled, "stopped")), now());
        assert_eq!(jobs.running(), 0);
        let late = StepState::Running { since: Instant::now(), cause: None };
        assert!(jobs.report(id, state([late, StepState::Waiting]), now()).is_none());
        assert!(!jobs.stop(id));
        assert_eq!(jobs.get(id).unwrap().at(), None);
    }

    #[test]
    fn a_running_job_is_never_forgotten() {
        let (mut jobs, id) = two_steps();
        for _ in 0..KEPT * 2 {
            let other = jobs.begin("x".into(), vec![], now());
            jobs.report(other, JobEvent::Ended(Outcome::new(Ended::Done, "")), now());
        }
        assert!(jobs.get(id).is_some());
        assert!(jobs.all().len() <= KEPT + 1);
    }
}
