//! The language of label selectors.

use crate::names;
use smol_str::SmolStr;

/// One demand on the labels of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) key: SmolStr,
    pub(super) test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Exists,
    Absent,
    In(Vec<SmolStr>),
    NotIn(Vec<SmolStr>),
    Above(i64),
    Below(i64),
}

impl Requirement {
    pub(super) fn matches(&self, value: Option<&str>) -> bool {
        match (&self.test, value) {
            (Test::Exists, value) => value.is_some(),
            (Test::Absent, value) => value.is_none(),
            (Test::In(values), Some(value)) => values.iter().any(|v| v == value),
            (Test::NotIn(values), Some(value)) => !values.iter().any(|v| v == value),
            (Test::NotIn(_), None) => true,
            (Test::Above(bound), Some(value)) => value.parse::<i64>().is_ok_and(|n| n > *bound),
            (Test::Below(bound), Some(value)) => value.parse::<i64>().is_ok_and(|n| n < *bound),
            (Test::In(_) | Test::Above(_) | Test::Below(_), None) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'static str),
    End,
}

impl<'a> Token<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Word(word) => word,
            Self::Symbol(symbol) => symbol,
            Self::End => "",
        }
    }
}

const SYMBOLS: [&str; 9] = ["!=", "==", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if rest.is_empty() {
            return out;
        }
        if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            out.push(Token::Symbol(symbol));
            rest = rest.get(symbol.len()..).unwrap_or_default();
            continue;
        }
        let end = rest.find([' ', '\t', '\r', '\n', '!', '=', '(', ')', ',', '>', '<']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push(Token::Word(word));
        rest = after;
    }
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Token::Symbol("!");
        if absent {
            self.at += 1;
        }
        let key = match self.next() {
            Token::Word(word) => word,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        if let Some(why) = names::label_key(key) {
            return Err(format!("<nil>: Invalid value: {key:?}: {why}"));
        }
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            let test = if absent { Test::Absent } else { Test::Exists };
            return Ok(Requirement { key: key.into(), test });
        }
        if absent {
            return Ok(Requirement { key: key.into(), test: Test::Absent });
        }
        let test = self.test()?;
        if let Test::In(values) | Test::NotIn(values) = &test {
            for (index, value) in values.iter().enumerate() {
                if let Some(why) = names::label_value(value) {
                    return Err(format!("values[{index}][{key}]: Invalid value: {value:?}: {why}"));
                }
            }
        }
        Ok(Requirement { key: key.into(), test })
    }

    fn test(&mut self) -> Result<Test, String> {
        match self.next() {
            Token::Word("in") => Ok(Test::In(self.set()?)),
            Token::Word("notin") => Ok(Test::NotIn(self.set()?)),
            Token::Symbol("=" | "==") => Ok(Test::In(vec![self.value()?])),
            Token::Symbol("!=") => Ok(Test::NotIn(vec![self.value()?])),
            Token::Symbol(">") => Ok(Test::Above(self.number()?)),
            Token::Symbol("<") => Ok(Test::Below(self.number()?)),
            other => Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", other.text())),
        }
    }

    /// The single value after an operator; nothing is the empty value.
    fn value(&mut self) -> Result<SmolStr, String> {
        match self.peek() {
            Token::End | Token::Symbol(",") => Ok(SmolStr::default()),
            Token::Word(word) => {
                self.at += 1;
                Ok(word.into())
            }
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value()?;
        value.parse().map_err(|_| {
            format!(
                "values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            )
        })
    }

    /// `(a, b,,c)`; an empty place is the empty value.
    fn set(&mut self) -> Result<Vec<SmolStr>, String> {
        match self.next() {
            Token::Symbol("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        let mut values: Vec<SmolStr> = Vec::new();
        let mut pending = SmolStr::default();
        loop {
            match self.next() {
                Token::Word(word) if pending.is_empty() => pending = word.into(),
                Token::Symbol(symbol @ ("," | ")")) => {
                    if !values.contains(&pending) {
                        values.push(std::mem::take(&mut pending));
                    }
                    pending = SmolStr::default();
                    if symbol == ")" {
                        values.sort_unstable();
                        return Ok(values);
                    }
                }
                other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
            }
        }
    }
}

/// The demands of a selector.
///
/// # Errors
/// What stands where something else is expected, in the words of the real server.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut reader = Reader { tokens: tokens(text), at: 0 };
    let mut out = Vec::new();
    loop {
        match reader.peek() {
            Token::End if out.is_empty() => return Ok(out),
            Token::Word(_) | Token::Symbol("!") => {}
            other if out.is_empty() => {
                return Err(format!("found '{}', expected: !, identifier, or 'end of string'", other.text()));
            }
            other => return Err(format!("found '{}', expected: identifier after ','", other.text())),
        }
        let requirement = reader.requirement().map_err(|e| format!("unable to parse requirement: {e}"))?;
        out.push(requirement);
        match reader.next() {
            Token::End => return Ok(out),
            Token::Symbol(",") => {}
            other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
        }
    }
}
