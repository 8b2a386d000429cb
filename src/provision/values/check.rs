//! A document against the table: keys, types, and what v9s does not do.

use super::kind::Kind;
use super::node::{Content, Member, Node};
use super::problem::{Path, Problem};
use super::suggest;
use super::table::{Entry, Form, TABLE, Treatment, Verdict};

/// Everything that is wrong with the settings one by one.
pub(super) fn check(document: &Node) -> Vec<Problem> {
    let mut check = Check { problems: Vec::new(), refused: Vec::new() };
    check.form(document, &TABLE, &Path::default());
    check.problems
}

struct Check {
    problems: Vec<Problem>,
    /// Verdicts that were told already: one word about a part that is not built is enough.
    refused: Vec<Path>,
}

impl Check {
    fn form(&mut self, node: &Node, entry: &Entry, path: &Path) {
        if node.is_null() {
            return;
        }
        match (&entry.form, &node.content) {
            (Form::Group(inside), Content::Map(members)) => self.group(members, inside, path),
            (Form::List(inside), Content::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let path = path.item(index);
                    match &item.content {
                        Content::Map(members) => self.group(members, inside, &path),
                        _ => self.wrong(item, &path, "a mapping"),
                    }
                }
                self.refuse_some(node, entry, path);
            }
            (Form::Map(inside), Content::Map(members)) => {
                for member in members.iter().filter(|member| !member.value.is_null()) {
                    let path = path.key(&member.key);
                    match &member.value.content {
                        Content::Map(members) => self.group(members, inside, &path),
                        _ => self.wrong(&member.value, &path, "a mapping"),
                    }
                }
                self.refuse_some(node, entry, path);
            }
            (Form::Value(kind), _) => self.value(node, entry, kind, path),
            (Form::List(_), _) => self.wrong(node, path, "a list"),
            (Form::Group(_) | Form::Map(_), _) => self.wrong(node, path, "a mapping"),
        }
    }

    fn group(&mut self, members: &[Member], inside: &[Entry], path: &Path) {
        for member in members {
            let below = path.key(&member.key);
            match inside.iter().find(|entry| entry.key == member.key) {
                Some(entry) => self.form(&member.value, entry, &below),
                None => {
                    let what = format!("unknown key{}", advice(&member.key, inside));
                    self.problems.push(Problem::new(member.at, below, what));
                }
            }
        }
    }

    fn value(&mut self, node: &Node, entry: &Entry, kind: &Kind, path: &Path) {
        let Some(value) = kind.read(node, path, &mut self.problems) else { return };
        let default = kind.read(&Node::of_json(&entry.default), path, &mut Vec::new());
        let asks = !node.is_off() && default.is_none_or(|default| default != value);
        if asks {
            self.refuse(node, entry.verdict.as_deref(), path);
        }
    }

    /// Lists and maps are empty by default: any item asks for something.
    fn refuse_some(&mut self, node: &Node, entry: &Entry, path: &Path) {
        if !node.is_off() {
            self.refuse(node, entry.verdict.as_deref(), path);
        }
    }

    fn refuse(&mut self, node: &Node, verdict: Option<&Verdict>, path: &Path) {
        let Some(verdict) = verdict.filter(|verdict| verdict.treatment == Treatment::Refused) else { return };
        if !self.refused.contains(&verdict.of) {
            self.refused.push(verdict.of.clone());
            self.problems.push(Problem::new(node.at, path.clone(), verdict.sentence.clone()));
        }
    }

    fn wrong(&mut self, node: &Node, path: &Path, expected: &str) {
        let what = format!("expected {expected}, found {}", node.kind());
        self.problems.push(Problem::new(node.at, path.clone(), what));
    }
}

/// What may have been meant by a key: one like it, or the same in another place.
fn advice(wrong: &str, inside: &[Entry]) -> String {
    if let Some(near) = suggest::nearest(wrong, inside.iter().map(|entry| entry.key.as_str())) {
        return format!("; did you mean {near:?}?");
    }
    let mut elsewhere = Vec::new();
    places(&TABLE, wrong, &Path::default(), &mut elsewhere);
    match elsewhere.as_slice() {
        [only] => format!("; there is {only}"),
        _ => String::new(),
    }
}

/// Where a key is known, outside of lists and maps.
fn places(entry: &Entry, key: &str, path: &Path, found: &mut Vec<Path>) {
    if let Form::Group(inside) = &entry.form {
        for entry in inside {
            let path = path.key(&entry.key);
            if entry.key == key {
                found.push(path.clone());
            }
            places(entry, key, &path, found);
        }
    }
}
