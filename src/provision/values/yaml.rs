//! YAML or JSON text to a tree with places.
//!
//! Deserialisers give up at the first mistake and forget how a word was written; this reads the events of the parser.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::node::{Content, Member, Node};
use super::problem::{Path, Place, Problem};
use super::scalar;

/// Values in a document, with those that aliases repeat: far above any real one.
const MOST_NODES: usize = 500_000;
/// Values inside each other, likewise; the code that looks at them calls itself.
const DEEPEST: usize = 100;

/// Reads one document, which is a mapping; an empty one when the text is none, and then with a problem.
pub(super) fn read(text: &str) -> (Node, Vec<Problem>) {
    let options = granit_parser::options! { emit_comments: false };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { parser, anchors: HashMap::new(), problems: Vec::new(), nodes: 0 };
    let root = reader.document().unwrap_or_else(|Stop(problem)| {
        reader.problems.push(problem);
        Node::empty()
    });
    (root, reader.problems)
}

/// A mistake after which nothing more can be read.
struct Stop(Problem);

impl Stop {
    fn at(place: Place, what: impl Into<String>) -> Stop {
        Stop(Problem::new(place, Path::default(), what))
    }
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    problems: Vec<Problem>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Node, Stop> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    return Err(Stop::at(
                        place(span.start),
                        "a second document begins here; one file is one virtual cluster",
                    ));
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, span, &Path::default())?),
            }
        }
        match root {
            None => Ok(Node::empty()),
            Some(root) if root.is_null() => Ok(Node::empty()),
            Some(root) if matches!(root.content, Content::Map(_)) => Ok(root),
            Some(root) => {
                Err(Stop::at(root.at, format!("expected a mapping of settings, found {}", root.kind())))
            }
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Span)>, Stop> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => Err(Stop::at(place(*error.marker()), format!("not YAML: {}", error.info()))),
        }
    }

    /// The next event, which must be there while a value is open.
    fn within(&mut self, opened: Place) -> Result<(Event<'t>, Span), Stop> {
        self.next()?.ok_or_else(|| Stop::at(opened, "not YAML: what begins here does not end"))
    }

    fn node(&mut self, event: Event<'t>, span: Span, path: &Path) -> Result<Node, Stop> {
        let at = place(span.start);
        self.count(at, 1)?;
        deep(at, path.steps().len())?;
        let (content, anchor) = match event {
            Event::Alias(id) => return self.alias(id, at, path),
            Event::Scalar(text, style, anchor, tag) => {
                (self.scalar(&text, style, tag.as_deref(), at, path), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (Content::List(self.list(at, path)?), anchor),
            Event::MappingStart(_, anchor, _) => (Content::Map(self.map(at, path)?), anchor),
            _ => return Err(Stop::at(at, "not YAML: expected a value")),
        };
        let node = Node { at, content };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, at: Place, more: usize) -> Result<(), Stop> {
        self.nodes += more;
        if self.nodes > MOST_NODES {
            return Err(Stop::at(at, format!("too large: more than {MOST_NODES} values")));
        }
        Ok(())
    }

    /// What was anchored, as if it stood at the alias.
    fn alias(&mut self, id: usize, at: Place, path: &Path) -> Result<Node, Stop> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            return Err(Stop::at(at, "not YAML: an alias to a value that is not complete yet"));
        };
        let (nodes, depth) = extent(&node);
        self.count(at, nodes)?;
        deep(at, path.steps().len() + depth)?;
        Ok(Node { at, ..node })
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: Place,
        path: &Path,
    ) -> Content {
        let meant = match (tag.and_then(Tag::core_suffix), tag) {
            (Some(tag), _) => scalar::tagged(tag, text),
            (None, Some(_)) => None,
            (None, None) if style == ScalarStyle::Plain => Some(scalar::plain(text)),
            (None, None) => Some(Content::Text(text.to_owned())),
        };
        meant.unwrap_or_else(|| {
            self.problems.push(Problem::new(
                at,
                path.clone(),
                "the tag does not fit this value; leave it out",
            ));
            Content::Null
        })
    }

    fn list(&mut self, opened: Place, path: &Path) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            match self.within(opened)? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, &path.item(items.len()))?),
            }
        }
    }

    fn map(&mut self, opened: Place, path: &Path) -> Result<Vec<Member>, Stop> {
        let mut members: Vec<Member> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.within(opened)?;
            if event == Event::MappingEnd {
                break;
            }
            let at = place(span.start);
            let (key, is_merge) = self.key(event, span, path)?;
            let below = path.key(&key);
            let (event, span) = self.within(at)?;
            let value = self.node(event, span, &below)?;
            if is_merge {
                merged.push(Member { key, at, value });
            } else if let Some(first) = members.iter().find(|member| member.key == key) {
                self.problems.push(Problem::new(at, below, format!("given twice; first on {}", first.at)));
            } else {
                members.push(Member { key, at, value });
            }
        }
        for member in merged {
            self.merge(&mut members, member, path);
        }
        Ok(members)
    }

    /// A key as text, and whether it is `<<`, which takes over the keys of another mapping.
    fn key(&mut self, event: Event<'t>, span: Span, path: &Path) -> Result<(String, bool), Stop> {
        let at = place(span.start);
        let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
        // What it looks like does not matter: `8080` and `true` are keys of text, too.
        let event = match event {
            Event::Scalar(text, _, anchor, tag) => {
                Event::Scalar(text, ScalarStyle::DoubleQuoted, anchor, tag)
            }
            event => event,
        };
        match self.node(event, span, path)?.content {
            Content::Text(key) => Ok((key, is_merge)),
            _ => Err(Stop::at(at, "a key must be text")),
        }
    }

    /// Keys that are there already win; so do those of mappings that come first.
    fn merge(&mut self, members: &mut Vec<Member>, from: Member, path: &Path) {
        let sources = match from.value.content {
            Content::Map(_) => vec![from.value],
            Content::List(items) => items,
            _ => Vec::new(),
        };
        if sources.is_empty() || sources.iter().any(|node| !matches!(node.content, Content::Map(_))) {
            self.problems.push(Problem::new(from.at, path.key(&from.key), "only mappings can be merged"));
            return;
        }
        for source in sources {
            if let Content::Map(more) = source.content {
                for member in more {
                    if members.iter().all(|there| there.key != member.key) {
                        members.push(member);
                    }
                }
            }
        }
    }
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn deep(at: Place, depth: usize) -> Result<(), Stop> {
    if depth > DEEPEST {
        Err(Stop::at(at, format!("too deep: more than {DEEPEST} values inside each other")))
    } else {
        Ok(())
    }
}

/// How many values there are from here on, and how many inside each other.
fn extent(node: &Node) -> (usize, usize) {
    let inside = node.items().iter().chain(node.members().iter().map(|member| &member.value));
    let (nodes, depth) =
        inside.map(extent).fold((0, 0), |(all, deepest), (nodes, depth)| (all + nodes, deepest.max(depth)));
    (nodes + 1, depth + 1)
}
