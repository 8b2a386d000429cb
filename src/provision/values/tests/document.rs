//! docs/vcluster-yaml.md, from the table.

use std::fmt::Write as _;
use std::path::Path as File;

use serde_json::Value;

use crate::provision::values::actors::{self, Actor};
use crate::provision::values::problem::Path;
use crate::provision::values::table::{Entry, Form, TABLE, Treatment, Verdict};

const HEAD: &str = "# vcluster.yaml

Written by the test `the_published_table_of_settings_is_the_one_in_use` from the table that `v9s` reads settings by;
`V9S_UPDATE_SUPPORT=1 cargo test --workspace --lib settings_is_the_one` writes it anew.

A virtual cluster is described by the same file as for the official chart and CLI, of the versions 0.36 and 0.37, and by `v9s`, a part
of our own. It is read strictly: an unknown key, a wrong type, a key that is given twice, a number out of range and settings that
contradict each other are told with line, column and path, all at once. The complete values of the chart are accepted.

* What is not set has its default. Mappings such as quotas, labels and resources are added to their default, and `null` takes a key
  out of it; lists replace theirs. `null` anywhere else is the same as not set.
* *syncer*: `v9s-syncer` acts on the setting. *create*: it says how the control plane is made; it is checked and understood, the
  syncer leaves it alone and `v9s create` acts on it ([create.md](create.md)), or refuses it. *both*: each takes its part. *refused*: v9s does
  not do it yet, and says so unless it is off or at its default. *accepted*: there is nothing to do.
* `auto` is left to v9s. Switches with `auto` may also be written `\"true\"` and `\"false\"`. Words are those of YAML 1.1: `yes` and `on`
  are true, as for Helm.
* `[]` stands for each item of a list, `*` for any key. What is inside parts of Kubernetes' own types (in the column *type* by their
  names) is checked against Kubernetes.
* Every list `patches` is refused. Its items have `path`, `expression`, `reverseExpression`, `reference` (`apiVersion`,
  `apiVersionPath`, `kind`, `kindPath`, `namePath`, `namespacePath`) and `labels`. Every `selector` of classes is a label selector:
  `matchLabels` and `matchExpressions[]` (`key`, `operator`, `values`).
";

/// The whole document.
fn document() -> String {
    let mut text = HEAD.to_owned();
    for top in TABLE.inside() {
        let _ = write!(
            text,
            "\n## {}\n\n| setting | type | default | v9s | |\n| --- | --- | --- | --- | --- |\n",
            top.key
        );
        rows(top, &Path::default(), &Path::default(), &mut text);
    }
    text
}

/// `shown`: with what stands for items of lists and keys of maps; `within`: as the table has it.
fn rows(entry: &Entry, shown: &Path, within: &Path, text: &mut String) {
    let (path, within) = (shown.key(&entry.key), within.key(&entry.key));
    let own = entry.verdict.as_deref().filter(|verdict| verdict.of == within);
    match &entry.form {
        Form::Value(kind) => {
            let about = (&path, &within);
            row(about, &kind.to_string(), &default(entry), entry.verdict.as_deref(), own, text)
        }
        form => {
            let (kind, below) = match form {
                Form::List(_) => ("list", path.key("[]")),
                Form::Map(_) => ("map", path.key("*")),
                _ => ("", path.clone()),
            };
            if own.is_some() {
                row((&path, &within), kind, "", entry.verdict.as_deref(), own, text);
            }
            if !matches!(entry.key.as_str(), "patches" | "selector") || !is_common(entry) {
                entry.inside().iter().for_each(|inside| rows(inside, &below, &within, text));
            }
        }
    }
}

/// Shapes that the head describes.
fn is_common(entry: &Entry) -> bool {
    let keys: Vec<&str> = entry.inside().iter().map(|inside| inside.key.as_str()).collect();
    keys.first() == Some(&"path") || keys == ["matchLabels", "matchExpressions"]
}

fn row(
    (path, within): (&Path, &Path),
    kind: &str,
    default: &str,
    verdict: Option<&Verdict>,
    own: Option<&Verdict>,
    text: &mut String,
) {
    let word = match verdict.map(|verdict| verdict.treatment) {
        Some(Treatment::Done) => word(within),
        Some(Treatment::Refused) => "refused",
        Some(Treatment::Harmless) => "accepted",
        None => "",
    };
    let path = path.to_string().replace("[\"[]\"]", "[]").replace("[\"*\"]", ".*");
    let sentence = own.map_or("", |verdict| verdict.sentence.as_str()).replace('|', "\\|");
    let _ = writeln!(text, "| `{path}` | {kind} | {default} | {word} | {sentence} |");
}

/// Who acts on it; nobody is named for a group whose settings are for several.
fn word(within: &Path) -> &'static str {
    actors::of(within).map_or("", Actor::word)
}

fn default(entry: &Entry) -> String {
    match &entry.default {
        Value::Null => String::new(),
        value => format!("`{value}`"),
    }
}

/// `V9S_UPDATE_SUPPORT=1` writes it anew.
#[test]
fn the_published_table_of_settings_is_the_one_in_use() {
    let path = File::new(env!("CARGO_MANIFEST_DIR")).join("docs/vcluster-yaml.md");
    let text = document();
    if std::env::var_os("V9S_UPDATE_SUPPORT").is_some() {
        std::fs::write(&path, &text).expect("the docs are writable");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "docs/vcluster-yaml.md is stale: V9S_UPDATE_SUPPORT=1 writes it anew");
}
