//! Several documents laid over each other: a preset, a file, single settings.

use std::fmt;

use super::node::{Content, Member, Node};
use super::problem::{Place, Problems};
use super::{check, yaml};

/// A document and what to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Such as the name of the file, or `--set a.b=c`.
    pub name: String,
    /// YAML or JSON.
    pub text: String,
}

/// What is wrong with a layer, with the places in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerProblems {
    /// Which one.
    pub name: String,
    /// What is wrong with it.
    pub problems: Problems,
}

impl fmt::Display for LayerProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.all().iter().enumerate() {
            write!(f, "{}{}: {problem}", if position == 0 { "" } else { "\n" }, self.name)?;
        }
        Ok(())
    }
}

impl std::error::Error for LayerProblems {}

/// A setting as on the command line, `controlPlane.statefulSet.persistence.volumeClaim.size=1Gi`: the value is YAML.
///
/// # Errors
/// When it is not of this form.
pub fn single(setting: &str) -> Result<Layer, String> {
    let (path, value) = setting.split_once('=').ok_or("it has no '='; it is PATH=VALUE")?;
    if path.is_empty() || path.split('.').any(str::is_empty) {
        return Err(format!("{path:?} is no path such as networking.podCIDR"));
    }
    if path.contains(['[', '{']) {
        return Err("items of lists cannot be set one by one; give the whole list as [a, b]".to_owned());
    }
    let mut text = String::new();
    for (depth, key) in path.split('.').enumerate() {
        let between = if depth == 0 { "" } else { "\n" };
        text.push_str(&format!(
            "{between}{}{}:",
            "  ".repeat(depth),
            serde_json::Value::String(key.to_owned())
        ));
    }
    Ok(Layer { name: format!("--set {path}"), text: format!("{text} {value}\n") })
}

/// One document of all: mappings are merged, all else is replaced by the later one; null stays, as it takes a default out. A
/// single layer stays as it was written.
///
/// # Errors
/// What is wrong with the first layer that cannot be. Contradictions between settings are found when the result is read.
pub fn layered(layers: &[Layer]) -> Result<String, LayerProblems> {
    let mut whole = Node::empty();
    for layer in layers {
        let (document, mut problems) = yaml::read(&layer.text);
        problems.extend(check::check(&document));
        if let Some(problems) = Problems::of(problems) {
            return Err(LayerProblems { name: layer.name.clone(), problems });
        }
        whole = merged(&whole, &document);
    }
    Ok(match layers {
        [] => String::new(),
        [only] => only.text.clone(),
        _ => serde_saphyr::to_string(&json(&whole)).unwrap_or_default(),
    })
}

fn merged(under: &Node, over: &Node) -> Node {
    let (Content::Map(under), Content::Map(members)) = (&under.content, &over.content) else {
        return over.clone();
    };
    let mut all: Vec<Member> = under.clone();
    for member in members {
        match all.iter_mut().find(|there| there.key == member.key) {
            Some(there) => there.value = merged(&there.value, &member.value),
            None => all.push(member.clone()),
        }
    }
    Node { at: Place { line: 1, column: 1 }, content: Content::Map(all) }
}

/// With nulls.
fn json(node: &Node) -> serde_json::Value {
    match &node.content {
        Content::Map(members) => members
            .iter()
            .map(|member| (member.key.clone(), json(&member.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Content::List(items) => items.iter().map(json).collect(),
        _ => node.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::values::read;

    fn layer(name: &str, text: &str) -> Layer {
        Layer { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn later_layers_win_key_by_key() {
        let preset =
            layer("preset", "policies:\n  resourceQuota:\n    enabled: true\n    quota: {requests.cpu: 4}\n");
        let file = layer(
            "file",
            "policies:\n  resourceQuota:\n    quota: {requests.memory: 8Gi, limits.cpu: null}\n",
        );
        let set = single("policies.resourceQuota.quota={requests.cpu: 6}").unwrap();
        let settings = read(&layered(&[preset, file, set]).unwrap()).unwrap();
        let hard = settings.policies.resource_quota.unwrap().hard;
        assert_eq!(hard["requests.cpu"].0, "6");
        assert_eq!(hard["requests.memory"].0, "8Gi");
        assert!(!hard.contains_key("limits.cpu"), "null takes the default out");
    }

    #[test]
    fn one_document_stays_as_it_was_written() {
        let text = "# ours\nsync: {}\n";
        assert_eq!(layered(&[layer("file", text)]).unwrap(), text);
    }

    #[test]
    fn a_mistake_is_told_with_the_layer_and_its_line() {
        let wrong = layer("shop.yaml", "sync:\n  toHost:\n    podz: {}\n");
        let told = layered(&[layer("preset dev", ""), wrong]).unwrap_err().to_string();
        assert!(told.starts_with("shop.yaml: line 3, column 5: sync.toHost.podz"), "{told}");
        let set = single("sync.toHost.pods.enabled=maybe").unwrap();
        let told = layered(&[set]).unwrap_err().to_string();
        assert!(told.starts_with("--set sync.toHost.pods.enabled: line"), "{told}");
    }

    #[test]
    fn settings_of_the_command_line_have_a_path_and_a_value() {
        for (setting, why) in
            [("a", "no '='"), ("=1", "is no path"), ("a..b=1", "is no path"), ("a[0]=1", "whole list")]
        {
            let told = single(setting).unwrap_err();
            assert!(told.contains(why), "{setting}: {told}");
        }
    }
}
