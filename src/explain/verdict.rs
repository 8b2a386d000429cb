//! What is said about a pod, and how it is chosen from the causes that apply.

use chrono::{DateTime, Utc};
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};

use super::causes::FAMILIES;
use super::facts::Facts;
use super::pod;

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sure {
    /// Whoever decides it has said so.
    Certain,
    /// It follows from what is seen; nobody has said it.
    Likely,
}

/// Something that was seen, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// When it was so last, by the clock of who says it.
    pub at: Option<DateTime<Utc>>,
    /// Who says it: `host event FailedScheduling (default-scheduler)`, `pod status`.
    pub source: SmolStr,
    /// What, as it was said.
    pub says: SmolStr,
}

/// Something that may help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What to do, as an order: `raise the quota …`.
    pub what: SmolStr,
    /// What it risks; none when nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<&'static str>,
}

/// Why a pod is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// One word for scripts, see [`super::codes`].
    pub code: &'static str,
    /// How sure it is.
    pub sure: Sure,
    /// What follows the word "because".
    pub because: SmolStr,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What to do, the safest first.
    pub fixes: Vec<Fix>,
    /// Of several causes of one line of the registry, how much this one weighs: nodes that say it.
    #[serde(skip)]
    pub weight: u32,
}

impl Cause {
    /// A cause that somebody has told. Its code is set by its line in the registry.
    pub(super) fn certain(because: impl Into<SmolStr>) -> Cause {
        Cause {
            code: "",
            sure: Sure::Certain,
            because: because.into(),
            evidence: Vec::new(),
            fixes: Vec::new(),
            weight: 0,
        }
    }

    /// A cause that follows from what is seen.
    pub(super) fn likely(because: impl Into<SmolStr>) -> Cause {
        Cause { sure: Sure::Likely, ..Cause::certain(because) }
    }

    /// With something that shows it.
    pub(super) fn seen(mut self, evidence: impl Into<Option<Evidence>>) -> Cause {
        self.evidence.extend(evidence.into());
        self
    }

    /// With something to do.
    pub(super) fn fix(mut self, what: impl Into<SmolStr>) -> Cause {
        self.fixes.push(Fix { what: what.into(), risk: None });
        self
    }

    /// With something to do that risks something.
    pub(super) fn risky(mut self, what: impl Into<SmolStr>, risk: &'static str) -> Cause {
        self.fixes.push(Fix { what: what.into(), risk: Some(risk) });
        self
    }

    /// With its weight among its like.
    pub(super) fn weighing(self, weight: u32) -> Cause {
        Cause { weight, ..self }
    }
}

/// Another cause that applies, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Also {
    /// Its code.
    pub code: &'static str,
    /// What it comes to.
    pub because: SmolStr,
}

/// What the whole comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Nothing is wrong.
    Well,
    /// This.
    Because(Cause),
    /// Something is, or may be, and nothing that was seen says what.
    Unknown,
}

/// What is said about a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The pod as its owner names it.
    pub subject: SmolStr,
    /// What it is now, such as `Pending`.
    pub state: SmolStr,
    /// The code of the cause; `well`, `unknown`.
    pub code: &'static str,
    /// All of it in one sentence, the fix included.
    pub sentence: String,
    /// What it comes to.
    pub answer: Answer,
    /// What else applies, in the order of the ranking.
    pub also: Vec<Also>,
    /// What could not be read, and why, in sentences.
    pub unread: Vec<SmolStr>,
    /// When the facts were gathered, by the host's clock.
    pub at: DateTime<Utc>,
}

impl Verdict {
    /// The cause, if one was found.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.answer {
            Answer::Because(cause) => Some(cause),
            Answer::Well | Answer::Unknown => None,
        }
    }
}

/// What the facts come to.
///
/// Ranking: what somebody has said goes before what only follows; then the order of families and of lines in them, which is
/// the way of a pod from its creation to its end; among causes of one family that weigh something, the heavier first.
pub fn explain(facts: &Facts) -> Verdict {
    let mut found: Vec<(usize, usize, Cause)> = Vec::new();
    for (family, lines) in FAMILIES.iter().enumerate() {
        for (place, line) in lines.iter().enumerate() {
            let cause = (line.why)(facts).map(|cause| Cause { code: line.code, ..cause });
            found.extend(cause.map(|cause| (family, place, cause)));
        }
    }
    found.sort_by_key(|(family, place, cause)| (cause.sure, *family, u32::MAX - cause.weight, *place));
    let mut causes = found.into_iter().map(|(_, _, cause)| cause);
    let first = causes.next();
    let also = causes.map(|cause| Also { code: cause.code, because: cause.because }).collect();
    let subject = facts.subject.to_string().into();
    let state = pod::state(facts);
    let unread = facts.unread();
    let (code, answer, sentence) = match first {
        Some(cause) => {
            let fix = cause.fixes.first().map(|fix| format!("; {}", fix.what)).unwrap_or_default();
            let likely = if cause.sure == Sure::Likely { "most likely " } else { "" };
            let sentence = format!("{subject} is {state} {likely}because {}{fix}.", cause.because);
            (cause.code, Answer::Because(cause), sentence)
        }
        None if pod::is_well(facts) => {
            ("well", Answer::Well, format!("{subject} is {state}: nothing is wrong with it."))
        }
        None => ("unknown", Answer::Unknown, not_known(&subject, &state, &unread)),
    };
    Verdict { subject, state, code, sentence, answer, also, unread, at: facts.now }
}

fn not_known(subject: &SmolStr, state: &SmolStr, unread: &[SmolStr]) -> String {
    let why: SmolStr = match unread {
        [] => "nothing that was read says why".into(),
        [one] => format_smolstr!("one thing could not be read: {one}"),
        many => format_smolstr!("{} things could not be read", many.len()),
    };
    format!(
        "{subject} is {state}, and it is not known why: {why}; look at its events and at the logs of whoever makes it run."
    )
}
