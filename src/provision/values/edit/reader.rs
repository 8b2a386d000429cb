//! Where everything in a document is written.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::{EditError, Item, Member, What};
use crate::provision::values::node::Content;
use crate::provision::values::scalar;

pub(super) struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    /// Byte offset of every character, and of the end.
    bytes: Vec<usize>,
    depth: usize,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let options = granit_parser::options! { emit_comments: false };
        let bytes = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Reader { parser: Parser::new_from_str_with_options(text, options), bytes, depth: 0 }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), EditError> {
        self.parser.next_event().and_then(Result::ok).ok_or(EditError::NotYaml)
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let last = self.bytes.last().copied().unwrap_or_default();
        let byte = |at: usize| self.bytes.get(at).copied().unwrap_or(last);
        byte(span.start.index())..byte(span.end.index())
    }

    pub(super) fn document(&mut self) -> Result<Option<Item>, EditError> {
        let mut root = None;
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(..), _) if root.is_some() => return Err(EditError::NotYaml),
                (Event::DocumentStart(..), _) => {}
                (event, span) => root = Some(self.item(event, &span)?),
            }
        }
    }

    fn item(&mut self, event: Event<'t>, span: &Span) -> Result<Item, EditError> {
        const DEEPEST: usize = 100;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(EditError::NotYaml);
        }
        let at = self.range(span);
        let item = match event {
            Event::Scalar(text, style, ..) => {
                let null = style == ScalarStyle::Plain && scalar::plain(&text) == Content::Null;
                Item { at, what: What::Scalar { text: text.into_owned(), null } }
            }
            Event::Alias(_) => Item { at, what: What::Other },
            Event::SequenceStart(..) => loop {
                match self.next()? {
                    (Event::SequenceEnd, span) => {
                        break Item { at: at.start..self.range(&span).end, what: What::Other };
                    }
                    (event, span) => drop(self.item(event, &span)?),
                }
            },
            Event::MappingStart(..) => self.map(at)?,
            _ => return Err(EditError::NotYaml),
        };
        self.depth -= 1;
        Ok(item)
    }

    fn map(&mut self, at: Range<usize>) -> Result<Item, EditError> {
        let mut members = Vec::new();
        let stop = loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break span;
            }
            let Item { at, what: What::Scalar { text, .. } } = self.item(event, &span)? else {
                return Err(EditError::NotHere);
            };
            let (event, span) = self.next()?;
            members.push(Member { key: text, at, value: self.item(event, &span)? });
        };
        // Only what is in braces has something to open it.
        let flow = !at.is_empty();
        Ok(Item { at: at.start..self.range(&stop).end, what: What::Map { flow, members } })
    }
}
