//! A document as a tree that knows where everything stands.

use super::problem::{Path, Place, Step};

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub at: Place,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is not a whole one or too large, as it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

/// A key, where it stands, and its value. No key is there twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub key: String,
    pub at: Place,
    pub value: Node,
}

impl Node {
    /// A document that says nothing.
    pub fn empty() -> Node {
        Node { at: Place { line: 1, column: 1 }, content: Content::Map(Vec::new()) }
    }

    pub fn members(&self) -> &[Member] {
        match &self.content {
            Content::Map(members) => members,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.key == key)
    }

    pub fn is_null(&self) -> bool {
        self.content == Content::Null
    }

    /// The value at a path below this one.
    pub fn at_path(&self, path: &Path) -> Option<&Node> {
        path.steps().iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.member(key).map(|member| &member.value),
            Step::Item(index) => node.items().get(*index),
        })
    }

    /// Where the setting at a path stands: its key, or the item of a list.
    pub fn place_of(&self, path: &Path) -> Option<Place> {
        let (last, before) = path.steps().split_last()?;
        let parent = before.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.member(key).map(|member| &member.value),
            Step::Item(index) => node.items().get(*index),
        })?;
        match last {
            Step::Key(key) => parent.member(key).map(|member| member.at),
            Step::Item(index) => parent.items().get(*index).map(|item| item.at),
        }
    }

    /// What is there instead of what was expected, without its value.
    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "true or false",
            Content::Int(_) | Content::Number(_) => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        }
    }

    /// A value of the table as if it stood at the beginning of a document.
    pub fn of_json(value: &serde_json::Value) -> Node {
        use serde_json::Value;
        let at = Place { line: 1, column: 1 };
        let member =
            |(key, value): (&String, &Value)| Member { key: key.clone(), at, value: Node::of_json(value) };
        let content = match value {
            Value::Null => Content::Null,
            Value::Bool(value) => Content::Bool(*value),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Content::Number(number.to_string()), Content::Int)
            }
            Value::String(text) => Content::Text(text.clone()),
            Value::Array(items) => Content::List(items.iter().map(Node::of_json).collect()),
            Value::Object(members) => Content::Map(members.iter().map(member).collect()),
        };
        Node { at, content }
    }

    /// The same with another laid over it, as Helm does: mappings are merged, null takes a key out, all else is replaced.
    pub fn overlaid(&self, over: &Node) -> Node {
        let (Content::Map(under), Content::Map(members)) = (&self.content, &over.content) else {
            return over.clone();
        };
        let mut merged: Vec<Member> = under.clone();
        for member in members {
            match merged.iter_mut().find(|there| there.key == member.key) {
                Some(there) => {
                    *there = Member { value: there.value.overlaid(&member.value), ..member.clone() }
                }
                None => merged.push(member.clone()),
            }
        }
        merged.retain(|member| !member.value.is_null());
        Node { at: over.at, content: Content::Map(merged) }
    }

    /// Whether it says no more than that something is off: nothing, false, zero or empty.
    pub fn is_off(&self) -> bool {
        match &self.content {
            Content::Null | Content::Bool(false) | Content::Int(0) => true,
            Content::Text(text) => text.is_empty() || text == "false",
            Content::List(items) => items.is_empty(),
            Content::Map(members) => members.iter().all(|member| member.value.is_off()),
            Content::Bool(true) | Content::Int(_) | Content::Number(_) => false,
        }
    }

    /// The same as JSON; nulls in mappings are left out.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Int(value) => Value::from(*value),
            Content::Number(text) => text.parse().map_or_else(|_| Value::String(text.clone()), Value::Number),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Node::to_json).collect(),
            Content::Map(members) => Value::Object(
                members
                    .iter()
                    .filter(|member| !member.value.is_null())
                    .map(|member| (member.key.clone(), member.value.to_json()))
                    .collect(),
            ),
        }
    }
}
