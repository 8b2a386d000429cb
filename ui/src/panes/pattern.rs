//! What a person looks for in a text.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

use crate::text::clean;

/// Text to look for. Plain text is taken literally; between slashes (`/err(or)?/`) it is a regular expression.
/// Capitals matter only if there are any in it.
#[derive(Debug, Clone)]
pub struct Pattern {
    typed: String,
    regex: Regex,
}

/// A regular expression that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{typed} is no regular expression: {why}; without the slashes it is taken literally")]
pub struct PatternError {
    typed: String,
    why: String,
}

impl Pattern {
    /// Reads what was typed; nothing at all is no pattern.
    ///
    /// # Errors
    /// If what stands between slashes is no regular expression.
    pub fn parse(typed: &str) -> Result<Option<Pattern>, PatternError> {
        // Lines are clean, so nothing else can be found in them.
        let typed = &*clean(typed);
        if typed.is_empty() {
            return Ok(None);
        }
        let expression =
            typed.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|e| !e.is_empty());
        let source = expression.map_or_else(|| regex::escape(typed), str::to_owned);
        RegexBuilder::new(&source)
            .case_insensitive(!typed.chars().any(char::is_uppercase))
            .build()
            .map(|regex| Some(Pattern { typed: typed.to_owned(), regex }))
            .map_err(|error| PatternError { typed: typed.to_owned(), why: reason(&error) })
    }

    /// What was typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether a line has it.
    pub fn is_in(&self, line: &str) -> bool {
        self.regex.is_match(line)
    }

    /// Where a line has it: byte ranges in order, none empty.
    pub fn places<'a>(&'a self, line: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        self.regex.find_iter(line).map(|found| found.range()).filter(|range| !range.is_empty())
    }
}

/// The last line of a message says what is wrong; the lines before draw the expression.
fn reason(error: &regex::Error) -> String {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

/// Which lines are wanted: those that have something, or with `!` in front those that have it not.
#[derive(Debug, Clone)]
pub struct Only {
    pattern: Pattern,
    inverse: bool,
}

impl Only {
    /// Reads what was typed; nothing at all wants every line.
    ///
    /// # Errors
    /// If what stands between slashes is no regular expression.
    pub fn parse(typed: &str) -> Result<Option<Only>, PatternError> {
        let (inverse, rest) = typed.strip_prefix('!').map_or((false, typed), |rest| (true, rest));
        Ok(Pattern::parse(rest)?.map(|pattern| Only { pattern, inverse }))
    }

    /// Whether a line is wanted.
    pub fn wants(&self, line: &str) -> bool {
        self.pattern.is_in(line) != self.inverse
    }

    /// What was typed.
    pub fn typed(&self) -> String {
        format!("{}{}", if self.inverse { "!" } else { "" }, self.pattern.typed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(typed: &str, line: &'a str) -> Vec<&'a str> {
        Pattern::parse(typed).unwrap().unwrap().places(line).map(|range| &line[range]).collect()
    }

    #[test]
    fn text_is_literal_and_slashes_make_an_expression() {
        for (typed, line, expected) in [
            ("err", "err Error ERR", &["err", "Err", "ERR"][..]),
            ("Err", "err Error ERR", &["Err"]),
            ("[x]", "a[x]b", &["[x]"]),
            ("a.b", "axb a.b", &["a.b"]),
            ("/a.b/", "axb a.b", &["axb", "a.b"]),
            ("/etc", "ls /etc", &["/etc"]),
            ("//", "http://x", &["//"]),
            ("größe", "GRÖSSE Größe", &["Größe"]),
            ("/x*/", "axxb", &["xx"]),
        ] {
            assert_eq!(found(typed, line), expected, "{typed} in {line}");
        }
    }

    #[test]
    fn nothing_typed_looks_for_nothing() {
        assert!(Pattern::parse("").unwrap().is_none());
        assert!(Only::parse("").unwrap().is_none());
        assert!(Only::parse("!").unwrap().is_none());
    }

    #[test]
    fn a_wrong_expression_says_what_is_wrong_with_it() {
        let error = Pattern::parse("/a(b/").unwrap_err().to_string();
        assert_eq!(
            error,
            "/a(b/ is no regular expression: unclosed group; without the slashes it is taken literally"
        );
    }

    #[test]
    fn a_bang_turns_the_choice_round() {
        let without = Only::parse("!debug").unwrap().unwrap();
        assert!(without.wants("info"));
        assert!(!without.wants("DEBUG x"));
        assert_eq!(without.typed(), "!debug");
        assert!(Only::parse("debug").unwrap().unwrap().wants("DEBUG x"));
    }
}
