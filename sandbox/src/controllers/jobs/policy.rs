//! What the failure of a pod means for its Job (`podFailurePolicy`), and when enough has succeeded (`successPolicy`).
//! Pure.

use serde_json::Value;

use super::indexes::Indexes;

/// What follows from a failed pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consequence {
    /// It counts towards the limit.
    Counts,
    /// It is as if it had not been.
    Ignored,
    /// Its index is not tried again.
    FailsIndex,
    /// The whole Job fails; why.
    FailsJob(String),
}

/// Looks up the first rule that a failed pod matches.
pub(super) fn judge(job: &Value, pod: &Value) -> Consequence {
    let rules = job["spec"]["podFailurePolicy"]["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, rule) in rules.iter().enumerate() {
        let Some(why) = by_exit_code(rule, pod).or_else(|| by_condition(rule, pod)) else { continue };
        return match rule["action"].as_str() {
            Some("FailJob") => Consequence::FailsJob(format!("{why} matching FailJob rule at index {index}")),
            Some("Ignore") => Consequence::Ignored,
            Some("FailIndex") => Consequence::FailsIndex,
            _ => Consequence::Counts,
        };
    }
    Consequence::Counts
}

fn name_of(pod: &Value) -> String {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn by_exit_code(rule: &Value, pod: &Value) -> Option<String> {
    let wanted = rule.get("onExitCodes").filter(|wanted| wanted.is_object())?;
    let values = wanted["values"].as_array()?;
    let lists = ["containerStatuses", "initContainerStatuses"];
    let mut statuses = lists.iter().flat_map(|list| pod["status"][list].as_array()).flatten();
    let found = statuses.find(|status| {
        let named = wanted["containerName"].as_str().is_none_or(|name| status["name"] == name);
        let code = status["state"]["terminated"]["exitCode"].as_i64().filter(|code| *code != 0);
        let listed = code.map(|code| values.iter().any(|value| value.as_i64() == Some(code)));
        named && listed.is_some_and(|listed| listed == (wanted["operator"] == "In"))
    })?;
    let (name, code) =
        (found["name"].as_str().unwrap_or_default(), &found["state"]["terminated"]["exitCode"]);
    Some(format!("Container {name} for pod {} failed with exit code {code}", name_of(pod)))
}

fn by_condition(rule: &Value, pod: &Value) -> Option<String> {
    let patterns = rule["onPodConditions"].as_array()?;
    let conditions = pod["status"]["conditions"].as_array()?;
    let matched = patterns.iter().find(|pattern| {
        let status = pattern["status"].as_str().unwrap_or("True");
        conditions.iter().any(|c| c["type"] == pattern["type"] && c["status"] == status)
    })?;
    let kind = matched["type"].as_str().unwrap_or_default();
    Some(format!("Pod {} has condition {kind}", name_of(pod)))
}

/// The rule of the success policy that is met: why.
pub(super) fn succeeded(job: &Value, done: &Indexes) -> Option<String> {
    let completions = job["spec"]["completions"].as_i64()?;
    let rules = job["spec"]["successPolicy"]["rules"].as_array()?;
    let met = rules.iter().position(|rule| {
        let wanted = rule["succeededIndexes"].as_str().map(|text| Indexes::parse(text, completions));
        let reached = match &wanted {
            Some(wanted) => wanted.0.intersection(&done.0).count(),
            None => done.0.len(),
        };
        let needed = rule["succeededCount"].as_u64().and_then(|count| usize::try_from(count).ok());
        reached >= needed.or(wanted.map(|wanted| wanted.0.len())).unwrap_or(usize::MAX)
    })?;
    Some(format!("Matched rules at index {met}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_rule_that_matches_counts() {
        let job = json!({"spec": {"podFailurePolicy": {"rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42], "containerName": "main"}},
            {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [9]}},
            {"action": "Count", "onExitCodes": {"operator": "NotIn", "values": [1]}},
        ]}}});
        let pod = |code: i64, condition: &str| {
            json!({"metadata": {"namespace": "n", "name": "p"}, "status": {
                "conditions": [{"type": condition, "status": "True"}],
                "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": code}}}]}})
        };
        let fails = "Container main for pod n/p failed with exit code 42 matching FailJob rule at index 1";
        let cases = [
            (pod(42, "DisruptionTarget"), Consequence::Ignored),
            (pod(42, "Ready"), Consequence::FailsJob(fails.to_owned())),
            (pod(9, "Ready"), Consequence::FailsIndex),
            (pod(7, "Ready"), Consequence::Counts),
            (pod(1, "Ready"), Consequence::Counts),
        ];
        for (pod, expected) in cases {
            assert_eq!(judge(&job, &pod), expected, "{pod}");
        }
    }

    #[test]
    fn a_success_policy_needs_fewer_than_all() {
        let job = |rule: Value| json!({"spec": {"completions": 9, "successPolicy": {"rules": [rule]}}});
        let cases = [
            (json!({"succeededCount": 2}), "0,5", true),
            (json!({"succeededCount": 3}), "0,5", false),
            (json!({"succeededIndexes": "0,5"}), "0,5,7", true),
            (json!({"succeededIndexes": "0-5"}), "0,5", false),
            (json!({"succeededIndexes": "0-5", "succeededCount": 1}), "5", true),
            (json!({"succeededIndexes": "0-5", "succeededCount": 1}), "7", false),
        ];
        for (rule, done, expected) in cases {
            let met = succeeded(&job(rule.clone()), &Indexes::parse(done, 9));
            assert_eq!(met.is_some(), expected, "{rule} {done}");
        }
    }
}
