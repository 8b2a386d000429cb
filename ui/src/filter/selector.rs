//! Label selectors in the full Kubernetes syntax: `app=web,tier!=db,env in (a,b),zone notin (x),gpu,!old,rank>3`.

use std::collections::BTreeMap;
use std::fmt;

use smol_str::{SmolStr, format_smolstr};

use super::FilterError;

/// Labels of an object.
pub type Labels = BTreeMap<SmolStr, SmolStr>;

/// A conjunction of requirements; without any it selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: SmolStr,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    Equals(SmolStr),
    Differs(SmolStr),
    In(Vec<SmolStr>),
    NotIn(Vec<SmolStr>),
    Above(i64),
    Below(i64),
}

impl Selector {
    /// Reads a selector. Errors name the position.
    pub fn parse(text: &str) -> Result<Selector, FilterError> {
        let (selector, end) = Selector::parse_head(text)?;
        match text.get(end..).map(str::trim_start).filter(|rest| !rest.is_empty()) {
            None => Ok(selector),
            Some(rest) => Err(FilterError::at(text, text.len() - rest.len(), "expected a comma or the end")),
        }
    }

    /// Reads a selector from the head of a text, and says where it ends (in bytes): before the first thing that
    /// can no longer belong to it.
    pub(super) fn parse_head(text: &str) -> Result<(Selector, usize), FilterError> {
        let mut reader = Reader { text, at: 0 };
        let mut requirements = Vec::new();
        reader.skip_blanks();
        if reader.rest().is_empty() {
            return Ok((Selector::default(), reader.at));
        }
        loop {
            requirements.push(reader.requirement()?);
            let end = reader.at;
            reader.skip_blanks();
            if !reader.take(",") {
                return Ok((Selector { requirements }, end));
            }
        }
    }

    /// Whether these labels meet every requirement. As in Kubernetes, `!=` and `notin` also hold where the key is missing.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(labels.get(&requirement.key)))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl Requirement {
    fn holds(&self, value: Option<&SmolStr>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::Equals(wanted) => value == Some(wanted),
            Test::Differs(unwanted) => value != Some(unwanted),
            Test::In(wanted) => value.is_some_and(|value| wanted.contains(value)),
            Test::NotIn(unwanted) => value.is_none_or(|value| !unwanted.contains(value)),
            Test::Above(limit) => number().is_some_and(|n| n > *limit),
            Test::Below(limit) => number().is_some_and(|n| n < *limit),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Requirement { key, test }) in self.requirements.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::Exists => write!(f, "{key}"),
                Test::Missing => write!(f, "!{key}"),
                Test::Equals(value) => write!(f, "{key}={value}"),
                Test::Differs(value) => write!(f, "{key}!={value}"),
                Test::In(values) => write!(f, "{key} in ({})", values.join(",")),
                Test::NotIn(values) => write!(f, "{key} notin ({})", values.join(",")),
                Test::Above(limit) => write!(f, "{key}>{limit}"),
                Test::Below(limit) => write!(f, "{key}<{limit}"),
            }?;
        }
        Ok(())
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    /// Characters that keys and values are made of.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c))).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn error(&self, at: usize, reason: impl Into<SmolStr>) -> FilterError {
        FilterError::at(self.text, at, reason)
    }

    fn requirement(&mut self) -> Result<Requirement, FilterError> {
        self.skip_blanks();
        let missing = self.take("!");
        self.skip_blanks();
        let start = self.at;
        let key = self.word();
        check_key(key).map_err(|reason| self.error(start, reason))?;
        let key = SmolStr::from(key);
        if missing {
            return Ok(Requirement { key, test: Test::Missing });
        }
        let after_key = self.at;
        self.skip_blanks();
        let test = if self.take("==") || self.take("=") {
            Test::Equals(self.value()?)
        } else if self.take("!=") {
            Test::Differs(self.value()?)
        } else if self.take(">") {
            Test::Above(self.number()?)
        } else if self.take("<") {
            Test::Below(self.number()?)
        } else if self.take_operator("notin") {
            Test::NotIn(self.set()?)
        } else if self.take_operator("in") {
            Test::In(self.set()?)
        } else {
            self.at = after_key;
            Test::Exists
        };
        Ok(Requirement { key, test })
    }

    /// A word that is an operator only when a set follows: `in` may begin something else.
    fn take_operator(&mut self, operator: &str) -> bool {
        let follows =
            self.rest().strip_prefix(operator).is_some_and(|rest| rest.trim_start().starts_with('('));
        follows && self.take(operator)
    }

    /// One value; an empty one is a value too.
    fn value(&mut self) -> Result<SmolStr, FilterError> {
        let before = self.at;
        self.skip_blanks();
        let start = self.at;
        let value = self.word();
        if value.is_empty() {
            // An empty value ends where the operator ended: blanks behind it belong to what follows.
            self.at = before;
        }
        check_value(value).map_err(|reason| self.error(start, reason))?;
        Ok(value.into())
    }

    fn number(&mut self) -> Result<i64, FilterError> {
        self.skip_blanks();
        let start = self.at;
        let word = self.word();
        word.parse().map_err(|_| self.error(start, format_smolstr!("{word:?} is not a whole number")))
    }

    fn set(&mut self) -> Result<Vec<SmolStr>, FilterError> {
        self.skip_blanks();
        let open = self.at;
        self.take("(");
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            self.skip_blanks();
            if self.take(")") {
                values.sort();
                values.dedup();
                return Ok(values);
            }
            if !self.take(",") {
                return Err(match self.rest() {
                    "" => self.error(open, "this parenthesis is never closed"),
                    _ => self.error(self.at, "expected a comma or a closing parenthesis"),
                });
            }
        }
    }
}

/// `[prefix/]name`: a DNS subdomain of at most 253 characters, and a name of at most 63.
fn check_key(key: &str) -> Result<(), SmolStr> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if key.is_empty() {
        return Err("expected a label key".into());
    }
    if let Some(prefix) = prefix {
        let parts_fit = prefix.split('.').all(|part| {
            let inner = part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            inner && begins_and_ends_well(part)
        });
        if prefix.is_empty() || prefix.len() > 253 || !parts_fit {
            return Err(format_smolstr!("the prefix {prefix:?} is not a DNS name"));
        }
    }
    if name.is_empty() || name.contains('/') || name.len() > 63 || !begins_and_ends_well(name) {
        return Err(format_smolstr!(
            "{key:?} is no label key: at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit"
        ));
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), SmolStr> {
    if value.is_empty() || (value.len() <= 63 && !value.contains('/') && begins_and_ends_well(value)) {
        return Ok(());
    }
    Err(format_smolstr!(
        "{value:?} is no label value: at most 63 letters, digits, '-', '_' or '.', beginning and ending with a letter or digit"
    ))
}

fn begins_and_ends_well(word: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    alphanumeric(word.chars().next()) && alphanumeric(word.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels() -> Labels {
        [("app", "vcluster"), ("tier", "gold"), ("rank", "7"), ("empty", ""), ("example.com/zone", "eu-1")]
            .map(|(k, v)| (k.into(), v.into()))
            .into()
    }

    #[test]
    fn selectors_mean_what_kubernetes_means() {
        for (text, expected) in [
            ("", true),
            ("app=vcluster", true),
            ("app==vcluster", true),
            ("app = other", false),
            ("app!=other", true),
            ("nothere!=x", true),
            ("nothere=x", false),
            ("app", true),
            ("nothere", false),
            ("!nothere", true),
            ("!app", false),
            ("tier in (gold, silver)", true),
            ("tier in (bronze)", false),
            ("tier notin (bronze,silver)", true),
            ("tier notin (gold)", false),
            ("nothere notin (x)", true),
            ("nothere in (x)", false),
            ("empty=", true),
            ("empty in ()", true),
            ("app=", false),
            ("rank>6", true),
            ("rank > 7", false),
            ("rank<8,app", true),
            ("tier<3", false),
            ("nothere>0", false),
            ("example.com/zone=eu-1", true),
            ("app=vcluster, tier in (gold),!old", true),
            ("app=vcluster,tier=silver", false),
            ("in", false),
            ("notin=x", false),
        ] {
            let selector = Selector::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(selector.matches(&labels()), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_position() {
        for (text, expected) in [
            ("app=web,,x", "column 9: expected a label key"),
            ("app=web,", "column 9: expected a label key"),
            ("=x", "column 1: expected a label key"),
            ("!", "column 2: expected a label key"),
            ("a in (x", "column 6: this parenthesis is never closed"),
            ("a in (x y)", "column 9: expected a comma or a closing parenthesis"),
            ("a=b c", "column 5: expected a comma or the end"),
            ("a=b(c", "column 4: expected a comma or the end"),
            ("-a=b", "column 1: \"-a\" is no label key"),
            ("a=-b", "column 3: \"-b\" is no label value"),
            ("a=b/c", "column 3: \"b/c\" is no label value"),
            ("Ex.com/a", "column 1: the prefix \"Ex.com\" is not a DNS name"),
            ("/a", "column 1: the prefix \"\" is not a DNS name"),
            ("a/b/c", "column 1: \"a/b/c\" is no label key"),
            ("a>b", "column 3: \"b\" is not a whole number"),
            ("é=1", "column 1: expected a label key"),
        ] {
            let error = Selector::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = Selector::parse(&text);
        }

        #[test]
        fn what_is_shown_reads_back_the_same(text in "[!a-c=, ]{0,6}(in|notin|=|!=|>)?[ (a-c,)0-9]{0,10}") {
            if let Ok(selector) = Selector::parse(&text) {
                let shown = selector.to_string();
                prop_assert_eq!(Selector::parse(&shown), Ok(selector), "{}", shown);
            }
        }
    }
}
