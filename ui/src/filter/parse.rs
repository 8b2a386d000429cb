//! From what was typed to terms.

use smol_str::{SmolStr, format_smolstr};

use super::{FilterError, Kind, Language, Op, Operand, Selector, Term, Test, operand};

pub(super) fn terms<R>(language: &'static Language<R>, text: &str) -> Result<Vec<Term<R>>, FilterError> {
    let mut parser = Parser { language, text, at: 0 };
    let mut terms = Vec::new();
    while let Some(term) = parser.term()? {
        terms.push(term);
    }
    Ok(terms)
}

struct Parser<'a, R: 'static> {
    language: &'static Language<R>,
    text: &'a str,
    at: usize,
}

impl<'a, R> Parser<'a, R> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, at: usize, reason: impl Into<SmolStr>) -> FilterError {
        FilterError::at(self.text, at, reason)
    }

    fn term(&mut self) -> Result<Option<Term<R>>, FilterError> {
        self.at = self.text.len() - self.rest().trim_start().len();
        if self.rest().is_empty() {
            return Ok(None);
        }
        let start = self.at;
        let bangs = self.rest().len() - self.rest().trim_start_matches('!').len();
        self.at += bangs;
        let negated = bangs % 2 == 1;
        if self.rest().is_empty() || self.rest().starts_with(char::is_whitespace) {
            return Err(self.error(start, "! needs something right behind it"));
        }
        let test = match self.labels()? {
            Some(test) => test,
            None => match self.field()? {
                Some(test) => test,
                None => self.plain()?,
            },
        };
        Ok(Some(Term { negated, test }))
    }

    /// `-l SELECTOR`.
    fn labels(&mut self) -> Result<Option<Test<R>>, FilterError> {
        let Some(rest) = self.rest().strip_prefix("-l") else { return Ok(None) };
        if !(rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            return Ok(None);
        }
        let start = self.at + 2;
        let (selector, length) = Selector::parse_head(rest).map_err(|error| {
            let before = self.text.get(..start).unwrap_or_default().chars().count();
            FilterError { column: error.column + before, ..error }
        })?;
        if selector.is_empty() {
            return Err(self.error(self.text.len(), "-l needs a label selector, such as app=web"));
        }
        self.at = start + length;
        match self.rest().chars().next() {
            Some(c) if !c.is_whitespace() => Err(self.error(self.at, "expected a comma or a space")),
            _ => Ok(Some(Test::Labels(selector))),
        }
    }

    /// `NAME OP VALUE` without blanks between.
    fn field(&mut self) -> Result<Option<Test<R>>, FilterError> {
        let rest = self.rest();
        let name_ends =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(name_ends);
        let Some((sign, op)) = Op::ALL.into_iter().find(|(sign, _)| behind.starts_with(sign)) else {
            return Ok(None);
        };
        if name.is_empty() {
            return Ok(None);
        }
        let name_in_lower_case = name.to_ascii_lowercase();
        let fields = self.language.fields;
        let Some(field) = fields.iter().find(|f| f.names.contains(&name_in_lower_case.as_str())) else {
            let known: Vec<&str> = fields.iter().filter_map(|f| f.names.first().copied()).collect();
            return Err(
                self.error(self.at, format_smolstr!("no column {name:?}; there are {}", known.join(", ")))
            );
        };
        self.at += name.len() + sign.len();
        let value_at = self.at;
        let (value, quoted) = self.value()?;
        let operand = match (value, field.kind) {
            ("", _) if !quoted => {
                return Err(self.error(value_at, format_smolstr!("{name}{sign} needs a value")));
            }
            ("?", _) if !quoted && matches!(op, Op::Has | Op::Is | Op::IsNot) => Operand::Unknown,
            ("-", _) if !quoted && matches!(op, Op::Has | Op::Is | Op::IsNot) => Operand::NotApplicable,
            (_, Kind::Text) if !matches!(op, Op::Has | Op::Is | Op::IsNot) => {
                return Err(
                    self.error(value_at - sign.len(), format_smolstr!("{name} holds words; use : or ="))
                );
            }
            (value, Kind::Text | Kind::Version) => Operand::Words(value.into()),
            (value, kind) => {
                let number = operand::number(kind, value).map_err(|reason| self.error(value_at, reason))?;
                Operand::Number(number, value.into())
            }
        };
        Ok(Some(Test::Field { field, op, operand }))
    }

    fn plain(&mut self) -> Result<Test<R>, FilterError> {
        let (text, quoted) = self.value()?;
        Ok(if quoted { Test::Literal(text.into()) } else { Test::Fuzzy(text.into()) })
    }

    /// What stands up to the next blank, or between quotes.
    fn value(&mut self) -> Result<(&'a str, bool), FilterError> {
        let rest = self.rest();
        let Some(inner) = rest.strip_prefix('"') else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            self.at += end;
            return Ok((rest.get(..end).unwrap_or_default(), false));
        };
        let Some(end) = inner.find('"') else {
            return Err(self.error(self.at, "this quote is never closed"));
        };
        let start = self.at;
        self.at += end + 2;
        match self.rest().chars().next() {
            Some(c) if !c.is_whitespace() => Err(self.error(start, "a space must follow the closing quote")),
            _ => Ok((inner.get(..end).unwrap_or_default(), true)),
        }
    }
}
