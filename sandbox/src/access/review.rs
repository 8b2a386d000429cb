//! Reviews: what may somebody do, who am I.

use serde_json::{Value, json};
use smol_str::SmolStr;

use super::{Policies, User, Wish, allowed, rules, text};

/// Answers a SelfSubjectAccessReview (`asker` is the subject) or a SubjectAccessReview (the body names the subject).
/// `namespace` is that of a LocalSubjectAccessReview's path.
///
/// # Errors
/// A sentence when the review asks for nothing, or for both a resource and a path.
pub fn access_review(policies: &impl Policies, asker: &User, mut review: Value) -> Result<Value, String> {
    let subject = if text(&review, "kind") == "SelfSubjectAccessReview" {
        asker.clone()
    } else {
        let groups = review["spec"]["groups"].as_array().into_iter().flatten();
        let groups: Vec<SmolStr> = groups.filter_map(|g| g.as_str().map(SmolStr::new)).collect();
        User { groups, ..User::named(text(&review["spec"], "user")) }
    };
    let spec = review["spec"].clone();
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let wish = match (resource.is_object(), path.is_object()) {
        (true, false) => Wish::Resource {
            verb: text(resource, "verb"),
            group: text(resource, "group"),
            resource: text(resource, "resource"),
            subresource: text(resource, "subresource"),
            namespace: text(resource, "namespace"),
            name: text(resource, "name"),
        },
        (false, true) => Wish::Path { verb: text(path, "verb"), path: text(path, "path") },
        (true, true) => {
            return Err("spec.nonResourceAttributes: Invalid value: cannot be specified in combination with resourceAttributes".into());
        }
        (false, false) => {
            return Err("spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified".into());
        }
    };
    let allowed = allowed(policies, &subject, &wish);
    let mut status = json!({"allowed": allowed});
    if allowed {
        status["reason"] = json!("RBAC: allowed");
    }
    review["status"] = status;
    Ok(review)
}

/// Answers a SelfSubjectRulesReview.
pub fn rules_review(policies: &impl Policies, asker: &User, mut review: Value) -> Value {
    let namespace = text(&review["spec"], "namespace").to_owned();
    let mut found = rules(policies, asker, &namespace);
    if asker.is_master() {
        found.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        found.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    let (paths, resources): (Vec<Value>, Vec<Value>) =
        found.into_iter().partition(|rule| rule["nonResourceURLs"].as_array().is_some_and(|u| !u.is_empty()));
    review["status"] = json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false});
    review
}

/// Answers a SelfSubjectReview (`kubectl auth whoami`).
pub fn self_review(asker: &User, mut review: Value) -> Value {
    review["status"] = json!({"userInfo": asker.info()});
    review
}
