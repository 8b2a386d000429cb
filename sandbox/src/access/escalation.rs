//! Nobody grants what they do not hold: what is missing of the rights that a role or binding would give.
//!
//! As `pkg/registry/rbac` and `component-helpers/auth/rbac/validation` of Kubernetes do it: the rules that would be granted are taken
//! apart into single rights, and each must be covered by one rule of the user's own.

use std::fmt;

use serde_json::Value;
use smol_str::SmolStr;

use super::{Policies, User, rules, text};

/// A rule by its lists. `resourceNames` may be empty for all names; of the rest either resources or paths are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    groups: Vec<SmolStr>,
    resources: Vec<SmolStr>,
    paths: Vec<SmolStr>,
    names: Vec<SmolStr>,
    verbs: Vec<SmolStr>,
}

impl Rule {
    fn of(rule: &Value) -> Rule {
        let list = |key: &str| {
            rule[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(SmolStr::new).collect()
        };
        Rule {
            groups: list("apiGroups"),
            resources: list("resources"),
            paths: list("nonResourceURLs"),
            names: list("resourceNames"),
            verbs: list("verbs"),
        }
    }

    /// The single rights in it: one verb on one resource (of one name), or one verb on one path.
    fn apart(&self) -> Vec<Rule> {
        let mut apart = Vec::new();
        let one = |text: &SmolStr| vec![text.clone()];
        for (group, resource) in
            self.groups.iter().flat_map(|group| self.resources.iter().map(move |resource| (group, resource)))
        {
            for verb in &self.verbs {
                let right = Rule {
                    groups: one(group),
                    resources: one(resource),
                    verbs: one(verb),
                    ..Rule::default()
                };
                match self.names.is_empty() {
                    true => apart.push(right),
                    false => {
                        apart.extend(self.names.iter().map(|name| Rule { names: one(name), ..right.clone() }))
                    }
                }
            }
        }
        for (path, verb) in self.paths.iter().flat_map(|path| self.verbs.iter().map(move |verb| (path, verb)))
        {
            apart.push(Rule { paths: one(path), verbs: one(verb), ..Rule::default() });
        }
        apart
    }

    /// Whether it gives a single right.
    fn covers(&self, right: &Rule) -> bool {
        let every = |own: &[SmolStr], wanted: &[SmolStr]| {
            own.iter().any(|own| own == "*") || wanted.iter().all(|wanted| own.contains(wanted))
        };
        let resource = |wanted: &SmolStr| {
            let of_all = wanted.split_once('/').map(|(_, sub)| smol_str::format_smolstr!("*/{sub}"));
            self.resources.contains(wanted) || of_all.is_some_and(|all| self.resources.contains(&all))
        };
        let path = |wanted: &SmolStr| {
            let below =
                |own: &SmolStr| own.strip_suffix('*').is_some_and(|prefix| wanted.starts_with(prefix));
            self.paths.iter().any(|own| own == wanted || below(own))
        };
        every(&self.verbs, &right.verbs)
            && every(&self.groups, &right.groups)
            && (self.resources.iter().any(|own| own == "*") || right.resources.iter().all(resource))
            && right.paths.iter().all(path)
            && (self.names.is_empty()
                || !right.names.is_empty() && right.names.iter().all(|name| self.names.contains(name)))
    }
}

/// As the real server prints it: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.paths),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let shown = parts.iter().filter(|(_, list)| !list.is_empty());
        let shown: Vec<String> = shown.map(|(word, list)| format!("{word}:{}", quoted(list))).collect();
        write!(f, "{{{}}}", shown.join(", "))
    }
}

/// `["a" "b"]`, as Go prints a list with `%q`.
fn quoted(list: &[SmolStr]) -> String {
    let all: Vec<String> = list.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", all.join(" "))
}

/// Single rights on the same thing as one rule each; sorted as they are printed.
fn compact(rights: Vec<Rule>) -> Vec<String> {
    let mut all: Vec<Rule> = Vec::new();
    for right in rights {
        let same = |rule: &&mut Rule| {
            rule.paths.is_empty()
                && right.paths.is_empty()
                && (&rule.groups, &rule.resources, &rule.names)
                    == (&right.groups, &right.resources, &right.names)
        };
        match all.iter_mut().find(same) {
            Some(rule) => rule.verbs.extend(right.verbs),
            None => all.push(right),
        }
    }
    let mut printed: Vec<String> = all.iter().map(Rule::to_string).collect();
    printed.sort();
    printed.dedup();
    printed
}

/// Why a user may not grant these rules in a namespace (empty: everywhere); None when they hold all of it themselves.
pub fn refusal(policies: &impl Policies, user: &User, namespace: &str, granted: &Value) -> Option<String> {
    if user.is_master() {
        return None;
    }
    let own: Vec<Rule> = rules(policies, user, namespace).iter().map(Rule::of).collect();
    let granted = granted.as_array().into_iter().flatten().map(Rule::of);
    let missing: Vec<Rule> = granted
        .flat_map(|rule| rule.apart())
        .filter(|right| !own.iter().any(|own| own.covers(right)))
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
            user.name.as_str(),
            quoted(&user.groups),
            compact(missing).join("\n")
        )
    })
}

/// The rules of the role that a binding names; None when it is not there.
pub fn bound(policies: &impl Policies, namespace: &str, role: &Value) -> Option<Value> {
    let name = text(role, "name");
    let found = match text(role, "kind") {
        "ClusterRole" => policies.cluster_role(name),
        _ => policies.role(namespace, name),
    };
    found.map(|role| role["rules"].clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_right_is_held_by_one_rule_that_covers_it_whole() {
        let rule = |text: &str| Rule::of(&serde_json::from_str(text).expect("JSON"));
        let pods = r#"{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}"#;
        let named = r#"{"apiGroups":[""],"resources":["pods"],"resourceNames":["a"],"verbs":["get"]}"#;
        let log = r#"{"apiGroups":[""],"resources":["pods/log"],"verbs":["get"]}"#;
        let path = r#"{"nonResourceURLs":["/metrics/cadvisor"],"verbs":["get"]}"#;
        for (own, right, covered) in [
            (pods, pods, true),
            (pods, named, true),
            (named, pods, false),
            (named, named, true),
            (pods, log, false),
            (r#"{"apiGroups":[""],"resources":["*/log"],"verbs":["*"]}"#, log, true),
            (r#"{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}"#, log, true),
            (r#"{"apiGroups":["apps"],"resources":["*"],"verbs":["*"]}"#, pods, false),
            (r#"{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}"#, path, false),
            (r#"{"nonResourceURLs":["/metrics/*"],"verbs":["get"]}"#, path, true),
            (r#"{"nonResourceURLs":["/metrics"],"verbs":["get"]}"#, path, false),
        ] {
            assert_eq!(rule(own).covers(&rule(right)), covered, "{own} covers {right}");
        }
    }

    #[test]
    fn what_is_missing_is_told_by_what_it_is_about() {
        let granted = json!({"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "list"]});
        let rights = Rule::of(&granted).apart();
        assert_eq!(rights.len(), 4);
        assert_eq!(
            compact(rights),
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}"#,
                r#"{APIGroups:["apps"], Resources:["pods"], Verbs:["get" "list"]}"#
            ]
        );
    }
}
