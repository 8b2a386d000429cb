//! What came of a verb: for people, for scripts, and as an exit code. docs/life.md documents the document.

use std::fmt::Write as _;

use serde::Serialize;
use v9s::lifecycle::Refusal;
use v9s::operation::{OperationState, StepState};
use v9s::target::Target;

use super::ResultFormat;
use crate::cli::{Exit, print};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was so already.
    Nothing,
    /// It would be done: this was a dry run.
    Planned,
    /// It was done, and something is left.
    Partial,
    /// It was not done, on purpose.
    Refused,
    /// It was not done to its end.
    Failed,
}

impl Outcome {
    pub(super) fn exit(self) -> Exit {
        match self {
            Outcome::Done | Outcome::Nothing | Outcome::Planned => Exit::Ok,
            Outcome::Partial => Exit::Partial,
            Outcome::Refused => Exit::Refused,
            Outcome::Failed => Exit::Error,
        }
    }
}

/// Which virtual cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Which {
    context: String,
    namespace: String,
    name: String,
}

/// One step that was taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepReport {
    title: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// Something that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftReport {
    what: String,
    why: String,
}

/// What came of a verb.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    verb: &'static str,
    vcluster: Which,
    dry_run: bool,
    outcome: Outcome,
    message: String,
    plan: Vec<String>,
    steps: Vec<StepReport>,
    left: Vec<LeftReport>,
    instead: Vec<String>,
    /// What else there is to know, by the verb.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<serde_json::Value>,
}

impl Report {
    /// Of a verb on a virtual cluster, of which nothing is known yet.
    pub fn new(verb: &'static str, target: &Target) -> Self {
        Report {
            verb,
            vcluster: Which {
                context: target.host.to_string(),
                namespace: target.namespace.to_string(),
                name: target.name.to_string(),
            },
            dry_run: false,
            outcome: Outcome::Nothing,
            message: String::new(),
            plan: Vec::new(),
            steps: Vec::new(),
            left: Vec::new(),
            instead: Vec::new(),
            result: None,
        }
    }

    /// With what a script wants to know besides.
    pub fn with_result(self, result: serde_json::Value) -> Self {
        Report { result: Some(result), ..self }
    }

    /// With what would be done, a line each.
    pub fn with_plan(self, plan: Vec<String>) -> Self {
        Report { plan, ..self }
    }

    /// With what is left, and why.
    pub fn with_left(self, left: impl IntoIterator<Item = (String, String)>) -> Self {
        Report { left: left.into_iter().map(|(what, why)| LeftReport { what, why }).collect(), ..self }
    }

    /// With something more that a script wants to know.
    pub fn with_more_result(mut self, key: &str, value: serde_json::Value) -> Self {
        if let Some(result) = self.result.as_mut().and_then(serde_json::Value::as_object_mut) {
            result.insert(key.to_owned(), value);
        }
        self
    }

    /// With one more thing that is left.
    pub fn with_more_left(mut self, what: &str, why: &str) -> Self {
        self.left.push(LeftReport { what: what.to_owned(), why: why.to_owned() });
        if self.outcome == Outcome::Done {
            self.outcome = Outcome::Partial;
        }
        self
    }

    /// With the steps that were taken.
    pub fn with_steps(self, state: &OperationState) -> Self {
        Report { steps: steps(state), ..self }
    }

    /// With how it ended, in a sentence.
    pub fn ended(self, outcome: Outcome, message: impl Into<String>) -> Self {
        Report { outcome, message: message.into(), dry_run: outcome == Outcome::Planned, ..self }
    }

    /// That it was refused.
    pub fn refused(self, refusal: &Refusal) -> Self {
        let instead = refusal.instead().to_vec();
        let message = format!("{}/{}: {refusal}", self.vcluster.namespace, self.vcluster.name);
        Report { instead, ..self }.ended(Outcome::Refused, message)
    }

    /// Prints it.
    pub fn print(&self, format: ResultFormat) -> anyhow::Result<Exit> {
        let text = match format {
            ResultFormat::Json => serde_json::to_string_pretty(self)? + "\n",
            ResultFormat::Text => self.text(),
        };
        print(text.as_bytes())?;
        Ok(self.outcome.exit())
    }

    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// As lines for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.outcome == Outcome::Planned {
            for line in &self.plan {
                let _ = writeln!(text, "{line}");
            }
        }
        if !self.left.is_empty() {
            let heading = if self.outcome == Outcome::Planned { "would be left:" } else { "left:" };
            let _ = writeln!(text, "{heading}");
        }
        for LeftReport { what, why } in &self.left {
            let _ = writeln!(text, "  {what}: {why}");
        }
        let _ = writeln!(text, "{}", self.message);
        for command in &self.instead {
            let _ = writeln!(text, "  {command}");
        }
        text
    }
}

/// The steps of an operation.
pub(super) fn steps(state: &OperationState) -> Vec<StepReport> {
    state.steps.iter().map(step).collect()
}

fn step(step: &v9s::operation::Step) -> StepReport {
    let (state, note, took) = match &step.state {
        StepState::Waiting => ("waiting", None, None),
        StepState::Running { cause, .. } => ("running", cause.clone(), None),
        StepState::Done { took, note } => ("done", note.clone(), Some(*took)),
        StepState::Skipped { why } => ("skipped", Some(why.clone()), None),
        StepState::Failed { took, why } => ("failed", Some(why.clone()), Some(*took)),
    };
    StepReport {
        title: step.title.to_string(),
        state,
        note: note.map(|note| note.to_string()),
        seconds: took.map(|took| (took.as_secs_f64() * 1000.0).round() / 1000.0),
    }
}
