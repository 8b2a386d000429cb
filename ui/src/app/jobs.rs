//! Everything slow is a job: numbered steps, progress, cancel and a result; it goes on when its screen is left.

use chrono::{DateTime, Utc};
use smol_str::SmolStr;

/// Which job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// How far one step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Under way, with what it waits for when there is something.
    Running(SmolStr),
    /// Done, with a word about it when there is one.
    Done(SmolStr),
    /// Failed, and why.
    Failed(SmolStr),
    /// Left out since an earlier step failed or the job was stopped.
    Skipped,
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does, such as `delete pod web-0 in team-a`.
    pub title: SmolStr,
    /// How far it is.
    pub state: StepState,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As wanted, in one sentence.
    Done(SmolStr),
    /// Not as wanted, in one sentence with what to do.
    Failed(SmolStr),
    /// Stopped by the person.
    Cancelled,
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Which one.
    pub id: JobId,
    /// What it does, such as `delete 3 pods of team-a`.
    pub title: SmolStr,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// When it began.
    pub began: DateTime<Utc>,
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
            .filter(|s| !matches!(s.state, StepState::Waiting | StepState::Running(_)))
            .count();
        (over, self.steps.len())
    }

    /// Whether it is under way.
    pub fn running(&self) -> bool {
        self.ended.is_none()
    }
}

/// What a job reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// A step is in another state.
    Step(usize, StepState),
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
        let steps = steps.into_iter().map(|title| Step { title, state: StepState::Waiting }).collect();
        self.all.push(Job { id, title, steps, began: now, ended: None, stopping: false });
        id
    }

    /// Takes in what a job reports; returns its outcome if that was the end.
    pub fn report(&mut self, id: JobId, event: JobEvent, now: DateTime<Utc>) -> Option<&Job> {
        let job = self.all.iter_mut().find(|job| job.id == id && job.running())?;
        self.revision += 1;
        match event {
            JobEvent::Step(at, state) => {
                if let Some(step) = job.steps.get_mut(at) {
                    step.state = state;
                }
                None
            }
            JobEvent::Ended(outcome) => {
                for step in &mut job.steps {
                    if matches!(step.state, StepState::Waiting | StepState::Running(_)) {
                        step.state = StepState::Skipped;
                    }
                }
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
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000, 0).unwrap()
    }

    fn two_steps() -> (Jobs, JobId) {
        let mut jobs = Jobs::default();
        let id = jobs.begin("delete 2 pods".into(), vec!["a".into(), "b".into()], now());
        (jobs, id)
    }

    #[test]
    fn a_failed_job_says_which_steps_were_left_out() {
        let (mut jobs, id) = two_steps();
        jobs.report(id, JobEvent::Step(0, StepState::Failed("forbidden".into())), now());
        let ended = jobs.report(id, JobEvent::Ended(Outcome::Failed("forbidden".into())), now());
        assert!(ended.is_some());
        let job = jobs.get(id).unwrap();
        assert_eq!(job.steps[1].state, StepState::Skipped);
        assert_eq!(job.progress(), (2, 2));
        assert_eq!(jobs.running(), 0);
    }

    #[test]
    fn a_report_after_the_end_changes_nothing() {
        let (mut jobs, id) = two_steps();
        jobs.report(id, JobEvent::Ended(Outcome::Cancelled), now());
        let before = jobs.get(id).cloned();
        assert!(jobs.report(id, JobEvent::Step(0, StepState::Running("".into())), now()).is_none());
        assert!(!jobs.stop(id));
        assert_eq!(jobs.get(id).cloned(), before);
    }

    #[test]
    fn a_running_job_is_never_forgotten() {
        let (mut jobs, id) = two_steps();
        for _ in 0..KEPT * 2 {
            let other = jobs.begin("x".into(), vec![], now());
            jobs.report(other, JobEvent::Ended(Outcome::Done("".into())), now());
        }
        assert!(jobs.get(id).is_some());
        assert!(jobs.all().len() <= KEPT + 1);
    }
}
