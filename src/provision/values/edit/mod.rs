//! Single settings of a document read and changed in its text: everything else stays as it was written, comments included.
//!
//! For a form beside an editor. A change is made in the text and then read back; one that would have changed anything else is
//! not made.

mod reader;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;

use thiserror::Error;

use self::reader::Reader;
use self::write::{block, inline, written};

/// Why a setting was not changed in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("the text is not YAML; mend it first")]
    NotYaml,
    /// It is written in a way that a small change would break: aliases, lists, something else than a mapping on the way.
    #[error("it is written in a way that only a person can change: do it in the text")]
    NotHere,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text; in quotes where it would mean something else without.
    Text(&'a str),
    /// A number, a quantity or a switch: as it is.
    Plain(&'a str),
}

#[derive(Debug, Clone)]
struct Item {
    /// Where it is written; empty for a value that is left out.
    at: Range<usize>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Scalar {
        text: String,
        null: bool,
    },
    Map {
        flow: bool,
        members: Vec<Member>,
    },
    /// A list or an alias: left alone.
    Other,
}

#[derive(Debug, Clone)]
struct Member {
    key: String,
    at: Range<usize>,
    value: Item,
}

/// A document and where its settings are written.
#[derive(Debug, Clone)]
pub struct Outline<'t> {
    text: &'t str,
    /// None for an empty document.
    root: Option<Item>,
}

impl<'t> Outline<'t> {
    /// Reads a document.
    ///
    /// # Errors
    /// When it is no YAML, or no mapping.
    pub fn read(text: &'t str) -> Result<Self, EditError> {
        let root = Reader::new(text).document()?;
        match &root {
            Some(Item { what: What::Map { .. }, .. }) => Ok(Outline { text, root }),
            None | Some(Item { what: What::Scalar { null: true, .. }, .. }) => {
                Ok(Outline { text, root: None })
            }
            Some(_) => Err(EditError::NotYaml),
        }
    }

    /// The value of a setting as it is written, without quotes; None when it is not there, null, or no single value.
    pub fn get(&self, path: &[&str]) -> Option<&str> {
        let mut item = self.root.as_ref()?;
        for key in path {
            item = &member(item, key)?.value;
        }
        match &item.what {
            What::Scalar { text, null: false } => Some(text),
            _ => None,
        }
    }

    /// The text with a setting of this value; None takes the setting out, and what it leaves empty with it.
    ///
    /// # Errors
    /// When that cannot be done without changing more.
    pub fn with(&self, path: &[&str], value: Option<Value<'_>>) -> Result<String, EditError> {
        let changed = match value {
            Some(value) => self.set(path, &written(value))?,
            None => self.without(path)?,
        };
        let after = Outline::read(&changed)?;
        let wanted = value.map(|(Value::Text(text) | Value::Plain(text))| text);
        if after.get(path) != wanted || after.others(path) != self.others(path) {
            return Err(EditError::NotHere);
        }
        Ok(changed)
    }

    /// Every single value that is written, but one.
    fn others(&self, path: &[&str]) -> BTreeMap<Vec<String>, String> {
        let mut all = BTreeMap::new();
        if let Some(root) = &self.root {
            leaves(self.text, root, &mut Vec::new(), &mut all);
        }
        all.remove(&path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        all
    }

    fn set(&self, path: &[&str], value: &str) -> Result<String, EditError> {
        let Some(mut item) = self.root.as_ref() else {
            let mut text = self.text.to_owned();
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&block(path, value, 0));
            return Ok(text);
        };
        for (depth, key) in path.iter().enumerate() {
            let What::Map { flow, members } = &item.what else { return Err(EditError::NotHere) };
            let Some(found) = members.iter().find(|member| member.key == *key) else {
                return Ok(self.insert(item, (*flow, members), path.get(depth..).unwrap_or_default(), value));
            };
            let rest = path.get(depth + 1..).unwrap_or_default();
            match (&found.value.what, rest) {
                (What::Scalar { null: true, .. }, [_, ..]) => {
                    return self.under(found, *flow, rest, value);
                }
                (What::Scalar { .. }, []) => return Ok(self.replaced(found, value)),
                _ => item = &found.value,
            }
        }
        Err(EditError::NotHere)
    }

    /// Another value for a key that has one, or none.
    fn replaced(&self, member: &Member, value: &str) -> String {
        if !member.value.at.is_empty() {
            return self.spliced(member.value.at.clone(), value);
        }
        let colon = self.after_colon(member);
        self.spliced(colon..colon, &format!(" {value}"))
    }

    /// A first setting below a key that has nothing below it.
    fn under(&self, member: &Member, flow: bool, rest: &[&str], value: &str) -> Result<String, EditError> {
        if flow || !member.value.at.is_empty() {
            return Ok(self.replaced(member, &format!("{{{}}}", inline(rest, value))));
        }
        let indent = self.column(member.at.start) + 2;
        let at = self.line_end(self.after_colon(member));
        Ok(self.spliced(at..at, &format!("\n{}", block(rest, value, indent).trim_end_matches('\n'))))
    }

    /// A new key in a mapping that is there.
    fn insert(&self, map: &Item, (flow, members): (bool, &[Member]), rest: &[&str], value: &str) -> String {
        match (flow, members.last()) {
            (true, Some(last)) => {
                let at = end(last);
                self.spliced(at..at, &format!(", {}", inline(rest, value)))
            }
            (true, None) => self.spliced(map.at.start + 1..map.at.start + 1, &inline(rest, value)),
            (false, last) => {
                let indent = members.first().map_or(0, |first| self.column(first.at.start));
                let lines = block(rest, value, indent);
                let from = last.map_or(map.at.end, end);
                // A block of text ends behind its last line already.
                let at = if from > 0 && self.text.as_bytes().get(from - 1) == Some(&b'\n') {
                    from
                } else {
                    self.line_end(from)
                };
                if at > 0 && self.text.as_bytes().get(at - 1) == Some(&b'\n') {
                    self.spliced(at..at, &lines)
                } else {
                    self.spliced(at..at, &format!("\n{}", lines.trim_end_matches('\n')))
                }
            }
        }
    }

    fn without(&self, path: &[&str]) -> Result<String, EditError> {
        let mut item = match &self.root {
            Some(root) => root,
            None => return Ok(self.text.to_owned()),
        };
        // The innermost mapping that keeps something else.
        let mut cut: Option<(bool, &[Member], usize)> = None;
        for key in path {
            let What::Map { flow, members } = &item.what else { return Ok(self.text.to_owned()) };
            let Some(place) = members.iter().position(|member| member.key == *key) else {
                return Ok(self.text.to_owned());
            };
            if members.len() > 1 || cut.is_none() {
                cut = Some((*flow, members, place));
            }
            item = &members.get(place).ok_or(EditError::NotHere)?.value;
        }
        let (flow, members, place) = cut.ok_or(EditError::NotHere)?;
        let gone = members.get(place).ok_or(EditError::NotHere)?;
        if flow {
            let range = match (members.get(place + 1), place.checked_sub(1).and_then(|at| members.get(at))) {
                (Some(next), _) => gone.at.start..next.at.start,
                (None, Some(before)) => end(before)..end(gone),
                (None, None) => gone.at.start..end(gone),
            };
            return Ok(self.spliced(range, ""));
        }
        let start = self.text.get(..gone.at.start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
        let last = end(gone);
        let stop = if last > start && self.text.as_bytes().get(last - 1) == Some(&b'\n') {
            last
        } else {
            (self.line_end(last) + 1).min(self.text.len())
        };
        Ok(self.spliced(start..stop, ""))
    }

    fn spliced(&self, range: Range<usize>, new: &str) -> String {
        let head = self.text.get(..range.start).unwrap_or(self.text);
        let tail = self.text.get(range.end..).unwrap_or_default();
        format!("{head}{new}{tail}")
    }

    fn after_colon(&self, member: &Member) -> usize {
        let rest = self.text.get(member.at.end..).unwrap_or_default();
        member.at.end + rest.find(':').map_or(0, |colon| colon + 1)
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        from + rest.find('\n').unwrap_or(rest.len())
    }

    fn column(&self, at: usize) -> usize {
        let head = self.text.get(..at).unwrap_or_default();
        at - head.rfind('\n').map_or(0, |newline| newline + 1)
    }
}

fn member<'i>(item: &'i Item, key: &str) -> Option<&'i Member> {
    match &item.what {
        What::Map { members, .. } => members.iter().find(|member| member.key == key),
        _ => None,
    }
}

/// Where a member ends.
fn end(member: &Member) -> usize {
    fn of(item: &Item) -> usize {
        match &item.what {
            What::Map { flow: false, members } => members.last().map_or(item.at.end, end),
            _ => item.at.end,
        }
    }
    of(&member.value).max(member.at.end)
}

fn leaves(text: &str, item: &Item, path: &mut Vec<String>, all: &mut BTreeMap<Vec<String>, String>) {
    match &item.what {
        What::Map { members, .. } => {
            for member in members {
                path.push(member.key.clone());
                leaves(text, &member.value, path, all);
                path.pop();
            }
        }
        What::Scalar { null: true, .. } => {}
        What::Scalar { text, .. } => drop(all.insert(path.clone(), text.clone())),
        What::Other => {
            let written = text.get(item.at.clone()).unwrap_or_default().trim_end();
            all.insert(path.clone(), written.to_owned());
        }
    }
}
