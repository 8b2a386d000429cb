//! The language of `/`: which rows to show.
//!
//! A filter is a row of terms; a row of the table shows if every term holds.
//!
//! | term | holds for |
//! | --- | --- |
//! | `team` | rows with these letters, in this order and close together, in name, namespace, host or state |
//! | `"team a"` | rows with exactly this text there |
//! | `state:degraded` | the column has this text in it; `=` and `!=` for the whole text |
//! | `restarts>2` `lag>=250ms` `quota>80%` `age<1h` | the column compares so (`>` `>=` `<` `<=` `=` `!=`), units as shown |
//! | `version<0.30` | releases before that |
//! | `lag:?` `lag:-` | the column is not known; does not apply |
//! | `-l app=web,env in (a,b),!old` | labels, as in `kubectl` |
//! | `!` before any of these | rows for which it does not hold |
//!
//! A comparison with a value that is not known holds neither as it is nor negated: unknown is neither small nor large.

pub mod fleet;
mod operand;
mod parse;
mod selector;

pub use operand::{Kind, seconds};
pub use selector::{Labels, Selector};

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use chrono::{DateTime, Utc};
use frizbee::{Config, Matcher};
use smol_str::SmolStr;

use crate::columns::{Direction, Value};

/// A mistake in what was typed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct FilterError {
    /// Where, in characters, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: SmolStr,
}

impl FilterError {
    /// A mistake at a byte offset of a text.
    fn at(text: &str, offset: usize, reason: impl Into<SmolStr>) -> Self {
        let column = text.char_indices().take_while(|(at, _)| *at < offset).count() + 1;
        FilterError { column, reason: reason.into() }
    }
}

/// What can be asked of rows of one type.
pub struct Language<R: 'static> {
    /// What plain text is looked for in, the most telling first.
    pub words: for<'a> fn(&'a R) -> Vec<&'a str>,
    /// What can be compared by name.
    pub fields: &'static [Field<R>],
    /// The labels that `-l` looks at, if rows have any.
    pub labels: for<'a> fn(&'a R) -> Option<&'a Labels>,
}

/// Something of a row that has a name in filters.
pub struct Field<R: 'static> {
    /// Its names; the first is how it is shown.
    pub names: &'static [&'static str],
    /// What it holds.
    pub kind: Kind,
    /// Its value at this moment; numbers in seconds or as a share of one.
    pub value: for<'a> fn(&'a R, DateTime<Utc>) -> Value<'a>,
}

/// A filter that was read.
pub struct Filter<R: 'static> {
    language: &'static Language<R>,
    terms: Vec<Term<R>>,
}

struct Term<R: 'static> {
    negated: bool,
    test: Test<R>,
}

enum Test<R: 'static> {
    Fuzzy(SmolStr),
    Literal(SmolStr),
    Field { field: &'static Field<R>, op: Op, operand: Operand },
    Labels(Selector),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Has,
    Is,
    IsNot,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Op {
    /// As typed; longer ones first, so that `>=` is not read as `>`.
    const ALL: [(&'static str, Op); 7] = [
        ("!=", Op::IsNot),
        (">=", Op::AtLeast),
        ("<=", Op::AtMost),
        (":", Op::Has),
        ("=", Op::Is),
        (">", Op::Above),
        ("<", Op::Below),
    ];

    fn sign(self) -> &'static str {
        Op::ALL.iter().find(|(_, op)| *op == self).map_or("", |(sign, _)| sign)
    }

    fn accepts(self, order: Ordering) -> bool {
        match self {
            Op::Has | Op::Is => order.is_eq(),
            Op::IsNot => order.is_ne(),
            Op::Above => order.is_gt(),
            Op::AtLeast => order.is_ge(),
            Op::Below => order.is_lt(),
            Op::AtMost => order.is_le(),
        }
    }
}

/// The text of an operand is kept as it was typed, to be shown again.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Words(SmolStr),
    Number(f64, SmolStr),
    Unknown,
    NotApplicable,
}

/// A row that a filter lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its index.
    pub index: usize,
    /// How well it fits what was typed; more is better, all the same without plain text.
    pub score: u32,
}

impl<R> Filter<R> {
    /// Reads what a person typed. Errors name the position.
    pub fn parse(language: &'static Language<R>, text: &str) -> Result<Filter<R>, FilterError> {
        Ok(Filter { language, terms: parse::terms(language, text)? })
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether rows differ in how well they fit, so that it makes sense to show the best first.
    pub fn ranks(&self) -> bool {
        self.terms.iter().any(|term| !term.negated && matches!(term.test, Test::Fuzzy(_)))
    }

    /// The rows that it lets through, in their order.
    pub fn select<'a>(&self, rows: impl IntoIterator<Item = &'a R>, now: DateTime<Utc>) -> Vec<Found>
    where
        R: 'a,
    {
        let mut searches: Vec<Search> = self.terms.iter().map(Search::of).collect();
        let found = rows.into_iter().enumerate().filter_map(|(index, row)| {
            let score = self.score(row, now, &mut searches)?;
            Some(Found { index, score })
        });
        found.collect()
    }

    /// Where in a text of a row the filter found what was typed, as ranges of bytes: nowhere unless the text is one
    /// of those that plain text is looked for in.
    pub fn found(&self, row: &R, text: &str) -> Vec<Range<usize>> {
        // Letters are counted in bytes here, and marks never split a character.
        if self.terms.is_empty() || !text.is_ascii() || !(self.language.words)(row).contains(&text) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for term in self.terms.iter().filter(|term| !term.negated) {
            match &term.test {
                Test::Fuzzy(_) => found.extend(Search::of(term).letters(text)),
                Test::Literal(part) => {
                    let lower = text.to_ascii_lowercase();
                    let part = part.to_lowercase();
                    found.extend(lower.match_indices(part.as_str()).map(|(at, part)| at..at + part.len()));
                }
                Test::Field { .. } | Test::Labels(_) => {}
            }
        }
        found
    }

    fn score(&self, row: &R, now: DateTime<Utc>, searches: &mut [Search]) -> Option<u32> {
        let mut total: u32 = 0;
        for (term, search) in self.terms.iter().zip(searches) {
            let words = || (self.language.words)(row);
            let held = match &term.test {
                Test::Fuzzy(text) if term.negated => Some(contains_any(&words(), text)),
                Test::Fuzzy(_) => {
                    total = total.saturating_add(search.best(&words())?);
                    Some(true)
                }
                Test::Literal(text) => Some(contains_any(&words(), text)),
                Test::Field { field, op, operand } => holds(&(field.value)(row, now), *op, operand),
                Test::Labels(selector) => (self.language.labels)(row).map(|labels| selector.matches(labels)),
            };
            if held? == term.negated {
                return None;
            }
        }
        Some(total)
    }
}

/// The best fit first; rows that fit equally well stay in their order.
pub fn rank(found: &mut [Found]) {
    found.sort_by_key(|found| std::cmp::Reverse(found.score));
}

/// Whether a comparison holds; none when the value is not known and was not asked to be unknown.
fn holds(value: &Value<'_>, op: Op, operand: &Operand) -> Option<bool> {
    let wanted = match operand {
        Operand::Unknown => return Some((*value == Value::Unknown) == (op != Op::IsNot)),
        Operand::NotApplicable => return Some((*value == Value::NotApplicable) == (op != Op::IsNot)),
        Operand::Words(wanted) => wanted,
        Operand::Number(limit, _) => {
            return match value {
                Value::Number(n) => Some(op.accepts(n.total_cmp(limit))),
                Value::Unknown => None,
                _ => Some(false),
            };
        }
    };
    match value {
        Value::Text(text) | Value::Version(text) if op == Op::Has => Some(contains(text, wanted)),
        Value::Text(text) => Some(op.accepts(text.to_lowercase().cmp(&wanted.to_lowercase()))),
        Value::Version(_) => Some(op.accepts(value.order(&Value::Version(wanted), Direction::Up))),
        Value::Unknown => None,
        Value::Number(_) | Value::NotApplicable => Some(false),
    }
}

fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

fn contains_any(words: &[&str], part: &str) -> bool {
    words.iter().any(|word| contains(word, part))
}

/// A fuzzy search, prepared once for all rows.
struct Search {
    matcher: Option<Matcher>,
    /// Letters scattered wider than this over a long name say nothing.
    widest: u32,
}

impl Search {
    fn of<R>(term: &Term<R>) -> Search {
        match &term.test {
            Test::Fuzzy(text) if !term.negated => {
                let config = Config::default().casing(frizbee::CaseMatching::Ignore);
                let letters = u32::try_from(text.len()).unwrap_or(u32::MAX);
                Search {
                    matcher: Some(Matcher::new(text.as_str(), &config)),
                    widest: letters.saturating_mul(2).saturating_add(2),
                }
            }
            _ => Search { matcher: None, widest: 0 },
        }
    }

    /// The best score over these words; a fit in an earlier word counts a little more.
    fn best(&mut self, words: &[&str]) -> Option<u32> {
        let fits = words.iter().enumerate().filter_map(|(at, word)| {
            let fit = self.fit(word)?;
            Some(u32::from(fit.score) * 8 + (7 - at.min(7)) as u32)
        });
        fits.max()
    }

    /// Which bytes of a word were found.
    fn letters(&mut self, word: &str) -> Vec<Range<usize>> {
        let letters = self.fit(word).map(|fit| fit.indices).unwrap_or_default();
        letters.into_iter().map(|at| at as usize..at as usize + 1).collect()
    }

    fn fit(&mut self, word: &str) -> Option<frizbee::MatchIndices> {
        let fit = self.matcher.as_mut()?.match_one_indices(word, 0)?;
        let (first, last) = (fit.indices.iter().min(), fit.indices.iter().max());
        let close = first.zip(last).is_none_or(|(first, last)| last - first < self.widest);
        close.then_some(fit)
    }
}

impl<R> fmt::Display for Filter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, term) in self.terms.iter().enumerate() {
            let space = if at > 0 { " " } else { "" };
            let not = if term.negated { "!" } else { "" };
            write!(f, "{space}{not}")?;
            match &term.test {
                Test::Fuzzy(text) => f.write_str(text)?,
                Test::Literal(text) => write!(f, "\"{text}\"")?,
                Test::Labels(selector) => write!(f, "-l {selector}")?,
                Test::Field { field, op, operand } => {
                    write!(f, "{}{}", field.names.first().unwrap_or(&""), op.sign())?;
                    match operand {
                        Operand::Words(text) if text.contains(char::is_whitespace) => {
                            write!(f, "\"{text}\"")?
                        }
                        Operand::Words(text) | Operand::Number(_, text) => f.write_str(text)?,
                        Operand::Unknown => f.write_str("?")?,
                        Operand::NotApplicable => f.write_str("-")?,
                    }
                }
            }
        }
        Ok(())
    }
}

impl<R> fmt::Debug for Filter<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}

#[cfg(test)]
mod tests;
