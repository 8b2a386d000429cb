//! What names, labels and values may look like, with the sentences the real server refuses them by.

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const MANY_SLASHES: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Why a text is no DNS subdomain (names of most objects).
pub fn subdomain(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some("must be no more than 253 characters".into());
    }
    let fine = text.split('.').all(is_label);
    (!fine).then(|| SUBDOMAIN.into())
}

/// Why a text is no DNS label (namespaces, Services).
pub fn label(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 characters".into());
    }
    match is_label(text) {
        true => None,
        false if text.split('.').all(is_label) => Some("must not contain dots".into()),
        false => Some(LABEL.into()),
    }
}

/// Why a text is no DNS-1035 label (names of kinds).
pub fn label_1035(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 characters".into());
    }
    let fine = is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase());
    (!fine).then(|| LABEL_1035.into())
}

/// Why a text cannot be one segment of a path (names of RBAC objects).
pub fn path_segment(text: &str) -> Option<String> {
    match text {
        "." | ".." => Some(format!("may not be '{text}'")),
        _ if text.contains('/') => Some("may not contain '/'".into()),
        _ if text.contains('%') => Some("may not contain '%'".into()),
        _ => None,
    }
}

/// Why a text is no key of a label or annotation, and no name of a finalizer: the first reason.
pub fn label_key(text: &str) -> Option<String> {
    qualified(text).into_iter().next()
}

/// Every reason why a text is no name with an optional domain before it.
pub fn qualified(text: &str) -> Vec<String> {
    let (prefix, name) = match text.split_once('/') {
        None => (None, text),
        Some((prefix, name)) if !name.contains('/') => (Some(prefix), name),
        Some(_) => return vec![MANY_SLASHES.into()],
    };
    let mut reasons = Vec::new();
    match prefix {
        Some("") => reasons.push("prefix part must be non-empty".into()),
        Some(prefix) => reasons.extend(subdomain(prefix).map(|why| format!("prefix part {why}"))),
        None => {}
    }
    if name.is_empty() {
        reasons.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        reasons.push("name part must be no more than 63 characters".into());
    }
    if !is_word(name) {
        reasons.push(QUALIFIED.into());
    }
    reasons
}

/// Why a text is no value of a label.
pub fn label_value(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be no more than 63 characters".into());
    }
    (!text.is_empty() && !is_word(text)).then(|| VALUE.into())
}

/// Every reason why a text is no name of a port.
pub fn port(text: &str) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if text.len() > 15 {
        reasons.push("must be no more than 15 characters");
    }
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        reasons.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        reasons.push("must contain at least one letter (a-z)");
    }
    if text.contains("--") {
        reasons.push("must not contain consecutive hyphens");
    }
    if text.starts_with('-') || text.ends_with('-') {
        reasons.push("must not begin or end with a hyphen");
    }
    reasons
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    framed(text, inner, |b| inner(b) || b == b'-')
}

fn is_word(text: &str) -> bool {
    framed(text, |b| b.is_ascii_alphanumeric(), |b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Not empty, first and last byte of the one class, all others of the other.
fn framed(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => edge(*first) && edge(*last) && bytes.iter().all(|b| inner(*b)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_dns_rules() {
        for good in ["a", "a-b", "a.b-c", "0"] {
            assert_eq!(subdomain(good), None, "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", ".a", "a_b", "ä"] {
            assert!(subdomain(bad).is_some(), "{bad}");
        }
        assert!(label("a.b").is_some());
        assert!(label_1035("0a").is_some());
    }

    #[test]
    fn label_keys_have_an_optional_domain() {
        for good in ["app", "app.kubernetes.io/name", "x_y.z", "a/B"] {
            assert_eq!(label_key(good), None, "{good}");
        }
        for bad in ["", "/a", "a/", "a/b/c", "a b", "UP.case/a"] {
            assert!(label_key(bad).is_some(), "{bad}");
        }
    }
}
