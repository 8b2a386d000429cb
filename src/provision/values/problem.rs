//! What is wrong with a document, and where.

use std::fmt;

/// Where something stands in a document; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The way to a value: keys of mappings and positions in lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

impl Path {
    /// A path of plain keys with dots between.
    pub(super) fn of(dotted: &str) -> Path {
        Path(dotted.split('.').filter(|key| !key.is_empty()).map(|key| Step::Key(key.to_owned())).collect())
    }

    pub(super) fn key(&self, key: &str) -> Path {
        self.step(Step::Key(key.to_owned()))
    }

    pub(super) fn item(&self, index: usize) -> Path {
        self.step(Step::Item(index))
    }

    pub(super) fn step(&self, step: Step) -> Path {
        let mut longer = self.clone();
        longer.0.push(step);
        longer
    }

    pub(super) fn join(&self, dotted: &str) -> Path {
        Path(self.0.iter().cloned().chain(Path::of(dotted).0).collect())
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// `sync.toHost.customResources["a.example.org"].patches[0]`; nothing for the document itself.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_plain(key) => {
                    write!(f, "{}{key}", if position == 0 { "" } else { "." })?;
                }
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/'))
}

/// One thing that is wrong. Its text never holds the value of a key that bears a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands; None when it is something that is not there.
    pub at: Option<Place>,
    /// Which setting; empty for the document as a whole.
    pub path: Path,
    /// The setting that this one contradicts, and where that stands.
    pub against: Option<(Path, Option<Place>)>,
    /// What is wrong and what to do, without place and path.
    pub what: String,
}

impl Problem {
    pub(super) fn new(at: impl Into<Option<Place>>, path: Path, what: impl Into<String>) -> Problem {
        Problem { at: at.into(), path, against: None, what: what.into() }
    }
}

/// `line 3, column 5: sync.toHost.pods.enabeld: unknown key; did you mean "enabled"?`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.at {
            write!(f, "{place}: ")?;
        }
        if !self.path.steps().is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)?;
        match &self.against {
            Some((path, Some(place))) => write!(f, " (against {path}, {place})"),
            Some((path, None)) => write!(f, " (against {path}, by default)"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a document, in its order; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None when there are none. What has no place comes last.
    pub(super) fn of(mut problems: Vec<Problem>) -> Option<Problems> {
        problems.sort_by_key(|problem| (problem.at.is_none(), problem.at));
        (!problems.is_empty()).then_some(Problems(problems))
    }

    /// All of them.
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

/// One line each.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if position == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
