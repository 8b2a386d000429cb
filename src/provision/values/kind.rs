//! Types of single values: what is accepted, and what it is then.

use std::net::IpAddr;

use serde_json::Value;

use super::cidr::Cidr;
use super::fragment::Fragment;
use super::node::{Content, Node};
use super::problem::{Path, Problem};
use super::suggest;
use crate::fleet::quantity::Quantity;

/// A type of a value. [`Kind::read`] says what comes out of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// `bool`: a JSON boolean.
    Bool,
    /// `auto`: a boolean, also as text, or `"auto"`.
    Auto,
    /// `int`, `int(MIN..)`, `int(MIN..MAX)`: a whole number.
    Int(i64, i64),
    /// `text`, or `text(A|B)` for one of these words; the empty word stands for nothing.
    Text(Vec<String>),
    /// `secret`: text that is never quoted.
    Secret,
    /// `quantity`: a number or text such as `20Gi`; comes out as text.
    Quantity,
    /// `ip`: an address.
    Ip,
    /// `cidr`: a block of addresses.
    Cidr,
    /// `cidrs`: nothing, or one or two blocks of different families with a comma between; comes out as a list.
    Cidrs,
    /// `object`: any mapping.
    Object,
    /// `any`: anything.
    Any,
    /// `k8s(TYPE)`: a type of Kubernetes.
    Kubernetes(&'static Fragment),
    /// `list(TYPE)`
    List(Box<Kind>),
    /// `map(TYPE)`
    Map(Box<Kind>),
}

impl Kind {
    /// A type by its name in the table.
    pub fn of(name: &str) -> Option<Kind> {
        let (outer, inner) =
            name.strip_suffix(')').and_then(|name| name.split_once('(')).unwrap_or((name, ""));
        Some(match (outer, inner) {
            ("bool", "") => Kind::Bool,
            ("auto", "") => Kind::Auto,
            ("int", "") => Kind::Int(i64::MIN, i64::MAX),
            ("int", range) => {
                let (min, max) = range.split_once("..")?;
                Kind::Int(min.parse().ok()?, if max.is_empty() { i64::MAX } else { max.parse().ok()? })
            }
            ("text", "") => Kind::Text(Vec::new()),
            ("text", words) => Kind::Text(words.split('|').map(str::to_owned).collect()),
            ("secret", "") => Kind::Secret,
            ("quantity", "") => Kind::Quantity,
            ("ip", "") => Kind::Ip,
            ("cidr", "") => Kind::Cidr,
            ("cidrs", "") => Kind::Cidrs,
            ("object", "") => Kind::Object,
            ("any", "") => Kind::Any,
            ("k8s", name) => Kind::Kubernetes(Fragment::named(name)?),
            ("list", inner) => Kind::List(Box::new(Kind::of(inner)?)),
            ("map", inner) => Kind::Map(Box::new(Kind::of(inner)?)),
            _ => return None,
        })
    }

    /// What is off, zero or empty in this type.
    pub fn nothing(&self) -> Value {
        match self {
            Kind::Bool | Kind::Auto => Value::Bool(false),
            Kind::Int(..) => Value::from(0),
            Kind::Text(_) | Kind::Secret | Kind::Quantity | Kind::Ip | Kind::Cidr => Value::from(""),
            Kind::Cidrs | Kind::List(_) => Value::Array(Vec::new()),
            Kind::Object | Kind::Kubernetes(_) | Kind::Map(_) => Value::Object(serde_json::Map::new()),
            Kind::Any => Value::Null,
        }
    }

    /// Reads a value that is not null; None with at least one problem when it does not fit.
    pub fn read(&self, node: &Node, path: &Path, problems: &mut Vec<Problem>) -> Option<Value> {
        let before = problems.len();
        let value = self.convert(node, path, problems);
        if value.is_none() && problems.len() == before {
            problems.push(Problem::new(node.at, path.clone(), self.complaint(node)));
        }
        value.filter(|_| problems.len() == before)
    }

    /// Whether a value of the table fits.
    #[cfg(test)]
    pub fn takes(&self, value: &Value) -> bool {
        self.read(&Node::of_json(value), &Path::default(), &mut Vec::new()).is_some()
    }

    fn convert(&self, node: &Node, path: &Path, problems: &mut Vec<Problem>) -> Option<Value> {
        Some(match (self, &node.content) {
            (Kind::Bool | Kind::Auto, Content::Bool(value)) => Value::Bool(*value),
            (Kind::Auto, Content::Text(text)) => match text.as_str() {
                "auto" => Value::from("auto"),
                "true" => Value::Bool(true),
                "false" | "" => Value::Bool(false),
                _ => return None,
            },
            (Kind::Int(min, max), Content::Int(value)) if (min..=max).contains(&value) => Value::from(*value),
            (Kind::Text(words), Content::Text(text)) if words.is_empty() || words.contains(text) => {
                Value::from(text.as_str())
            }
            (Kind::Secret, Content::Text(text)) => Value::from(text.as_str()),
            (Kind::Quantity, Content::Int(value)) => Value::from(value.to_string()),
            (Kind::Quantity, Content::Text(text) | Content::Number(text)) => {
                Quantity::parse(text).map(|_| Value::from(text.as_str()))?
            }
            (Kind::Ip, Content::Text(text)) => {
                text.parse::<IpAddr>().ok().map(|ip| Value::from(ip.to_string()))?
            }
            (Kind::Cidr, Content::Text(text)) => {
                Cidr::parse(text).map(|cidr| Value::from(cidr.to_string()))?
            }
            (Kind::Cidrs, Content::Text(text)) => {
                Cidr::parse_some(text)?.iter().map(|cidr| Value::from(cidr.to_string())).collect()
            }
            (Kind::Object, Content::Map(_)) | (Kind::Any, _) => node.to_json(),
            (Kind::Kubernetes(fragment), _) => fragment.read(node, path, problems)?,
            (Kind::List(kind), Content::List(items)) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| kind.read(item, &path.item(index), problems))
                .collect(),
            (Kind::Map(kind), Content::Map(members)) => Value::Object(
                members
                    .iter()
                    .filter(|member| !member.value.is_null())
                    .filter_map(|member| {
                        let value = kind.read(&member.value, &path.key(&member.key), problems)?;
                        Some((member.key.clone(), value))
                    })
                    .collect(),
            ),
            _ => return None,
        })
    }

    fn complaint(&self, node: &Node) -> String {
        let found = self.shown(node);
        let expected = self.expected();
        let advice = match (self, &node.content) {
            (Kind::Text(words), Content::Text(text)) => {
                suggest::nearest(text, words.iter().map(String::as_str))
                    .map(|word| format!("; did you mean {word:?}?"))
                    .unwrap_or_default()
            }
            (
                Kind::Text(_) | Kind::Secret | Kind::Ip | Kind::Cidr | Kind::Cidrs,
                Content::Bool(_) | Content::Int(_) | Content::Number(_),
            ) => "; put it in quotes".to_owned(),
            (Kind::Int(..) | Kind::Bool, Content::Text(_)) => "; is it in quotes?".to_owned(),
            _ => String::new(),
        };
        format!("expected {expected}, found {found}{advice}")
    }

    fn expected(&self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Auto => "true, false or \"auto\"".to_owned(),
            Kind::Int(i64::MIN, _) => "a whole number".to_owned(),
            Kind::Int(min, i64::MAX) => format!("a whole number from {min}"),
            Kind::Int(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Text(words) if words.is_empty() => "text".to_owned(),
            Kind::Text(words) => {
                let words: Vec<String> =
                    words.iter().filter(|word| !word.is_empty()).map(|word| format!("{word:?}")).collect();
                words.join(" or ")
            }
            Kind::Secret => "text".to_owned(),
            Kind::Quantity => "a quantity such as 2, \"500m\" or \"20Gi\"".to_owned(),
            Kind::Ip => "an IP address".to_owned(),
            Kind::Cidr => "a block of addresses such as \"10.0.0.0/8\"".to_owned(),
            Kind::Cidrs => "a block of addresses such as \"10.0.0.0/8\", or one of IPv4 and one of IPv6 with a comma between".to_owned(),
            Kind::Object | Kind::Map(_) => "a mapping".to_owned(),
            Kind::Any => "a value".to_owned(),
            Kind::Kubernetes(fragment) => format!("what {} is in Kubernetes", fragment.name),
            Kind::List(_) => "a list".to_owned(),
        }
    }

    /// What is there: its value where it cannot be a secret and helps to find it, otherwise what it is.
    fn shown(&self, node: &Node) -> String {
        let quotes =
            matches!(self, Kind::Text(_) | Kind::Auto | Kind::Quantity | Kind::Ip | Kind::Cidr | Kind::Cidrs);
        match &node.content {
            Content::Text(text) if quotes && text.chars().count() <= 40 => format!("{text:?}"),
            Content::Int(value) if matches!(self, Kind::Int(..)) => value.to_string(),
            _ => node.kind().to_owned(),
        }
    }
}

/// As it is told to people.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Bool => f.write_str("switch"),
            Kind::Auto => f.write_str("switch or `auto`"),
            Kind::Int(i64::MIN, _) => f.write_str("number"),
            Kind::Int(min, i64::MAX) => write!(f, "number from {min}"),
            Kind::Int(min, max) => write!(f, "number from {min} to {max}"),
            Kind::Text(words) if words.is_empty() => f.write_str("text"),
            Kind::Text(words) => {
                let words: Vec<String> =
                    words.iter().filter(|word| !word.is_empty()).map(|word| format!("`{word}`")).collect();
                f.write_str(&words.join(", "))
            }
            Kind::Secret => f.write_str("text, never shown"),
            Kind::Quantity => f.write_str("quantity"),
            Kind::Ip => f.write_str("IP address"),
            Kind::Cidr => f.write_str("CIDR"),
            Kind::Cidrs => f.write_str("CIDR, or two"),
            Kind::Object => f.write_str("mapping"),
            Kind::Any => f.write_str("anything"),
            Kind::Kubernetes(fragment) => f.write_str(fragment.name),
            Kind::List(kind) => write!(f, "list: {kind}"),
            Kind::Map(kind) => write!(f, "map: {kind}"),
        }
    }
}
