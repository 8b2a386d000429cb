//! What two servers never have in common: times, versions, names by chance, addresses.

use regex::Regex;
use std::sync::LazyLock;

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"(?m)^([IWE])\d{4} [\d:.]+ +\d+ ", "$1 "),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}", "TIME"),
        (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "TIME"),
        (r#"((?i)resourceVersion\\?"?[:=] ?\\?"?)\d+"#, "${1}VERSION"),
        (r"\b10\.\d+\.\d+\.\d+\b", "ADDRESS"),
        (r"(Resource Version: +)\d+", "${1}VERSION"),
        (r"127\.0\.0\.1:\d+", "SERVER"),
        // Where kubectl runs.
        (r"/tmp/v9s-kubectl-\w+", "/home"),
        (r"\b3[0-2]\d{3}\b", "NODEPORT"),
        (r"\b(\d{1,3}s|[1-9]m(\d{1,2}s)?)\b", "AGE"),
        (r"<invalid>", "AGE"),
        (r" \(x\d+ over AGE\)", ""),
        (r"\beyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN"),
        // Where edit keeps what was refused.
        (r"kubectl-edit-\d+", "kubectl-edit"),
        // Where diff puts its files.
        (r"/tmp/(LIVE|MERGED)-\d+", "/tmp/$1"),
        (r"-[bcdfghjklmnpqrstvwxz2456789]{7,10}\b", "-HASH"),
        (r"-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "-CHANCE"),
        (r"pod-template-hash(=|: )\w+", "pod-template-hash${1}HASH"),
        // Columns are as wide as what stands in them.
        (r"(\S) {2,}", "$1  "),
        (r"(\S)\t+", "$1  "),
    ]
    .map(|(pattern, with)| (Regex::new(pattern).unwrap(), with))
    .into()
});

/// A text without what must differ.
pub fn mask(text: &str, namespace: &str) -> String {
    let mut text = text.replace(namespace, "NAMESPACE");
    for (rule, with) in RULES.iter() {
        text = rule.replace_all(&text, *with).into_owned();
    }
    let text = without_repairs(&text);
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    // How often an event has been told by now is a matter of time.
    lines.dedup_by(|next, line| next == line && is_event(line));
    lines.join("\n")
}

/// Who looks after addresses and ports of Services in an API server. It tells of every Service whose address it has not
/// heard of yet, and whether it hears of the Service or of the address first is chance.
static REPAIRS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^.*\b(ipallocator|portallocator)-repair-controller\b.*\n?").unwrap());

/// The head of a table of events in which nothing is left.
static NO_EVENTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^Events:\n +Type +Reason .*\n +---- +------ .*(\n\n|\n?\z)").unwrap());

/// A text without what happens to be told of addresses and ports.
fn without_repairs(text: &str) -> String {
    let kept = REPAIRS.replace_all(text, "");
    if kept == text {
        return text.to_owned();
    }
    NO_EVENTS.replace_all(&kept, "Events:  <none>$1").into_owned()
}

fn is_event(line: &str) -> bool {
    let words = line.trim_start();
    words.starts_with("Warning  ") || words.starts_with("Normal  ")
}

/// `explain` without prose: the embedded host has none.
pub fn without_prose(text: &str) -> String {
    let mut kept = Vec::new();
    let mut in_description = false;
    for line in text.lines() {
        if line.starts_with("DESCRIPTION:") {
            in_description = true;
        } else if in_description && !line.starts_with(' ') && !line.is_empty() {
            in_description = false;
        }
        // A field and its type stand in a line with a tab, what it means below.
        let is_field = line.split_once('\t').is_some_and(|(_, kind)| kind.starts_with('<'));
        if !in_description && (is_field || !line.starts_with(' ')) && !line.is_empty() {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// JSON with its fields in the order of their names: the real server has another.
pub fn in_order(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => format!("{value:#}"),
        Err(_) => text.to_owned(),
    }
}

#[test]
fn what_must_differ_is_masked_and_nothing_else() {
    let text = "NAME       READY   AGE\nweb-7c5ddbdf54-x7k2p   0/1     12s\nsettings   1/1   1m2s\n";
    assert_eq!(mask(text, "t0-x"), "NAME  READY  AGE\nweb-HASH-CHANCE  0/1  AGE\nsettings  1/1  AGE");
    let text = "  Warning  Failed  3s  s  no\n  Warning  Failed  2s (x2 over 3s)  s  no\n  Normal  Made  3s  s  yes\nb\nb";
    assert_eq!(mask(text, "t0-x"), "  Warning  Failed  AGE  s  no\n  Normal  Made  AGE  s  yes\nb\nb");
    let text = "  uid: 6c5368d0-cfe2-476a-9f68-7f858264e5e7\n  resourceVersion: \"12\"\n  cpu: 100m\n  namespace: t0-x";
    assert_eq!(
        mask(text, "t0-x"),
        "  uid: UID\n  resourceVersion: \"VERSION\"\n  cpu: 100m\n  namespace: NAMESPACE"
    );
}

#[test]
fn what_a_server_happens_to_tell_of_addresses_is_no_difference() {
    let head =
        "Events:\n  Type     Reason   Age   From   Message\n  ----     ------   ----  ----   -------\n";
    let repair = "  Warning  ClusterIPNotAllocated  3s  ipallocator-repair-controller  Cluster IP [IPv4]: 10.0.0.7 is not allocated\n";
    let none = "Port:  80\nEvents:  <none>";
    assert_eq!(mask(&format!("Port:  80\n{head}{repair}"), "t0-x"), none);
    assert_eq!(
        mask(&format!("Port:  80\n{head}{repair}\n\nName: b"), "t0-x"),
        format!("{none}\n\n\nName: b")
    );
    let other = "  Normal  Made  AGE  s  yes";
    let head = "Events:\n  Type  Reason  Age  From  Message\n  ----  ------  ----  ----  -------";
    assert_eq!(mask(&format!("{head}\n{repair}{other}"), "t0-x"), format!("{head}\n{other}"));
}
