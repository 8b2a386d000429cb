//! `sync.toHost.pods.enforceTolerations`: tolerations in the short form.

use k8s_openapi::api::core::v1::Toleration;

/// Reads `key=value:Effect`, `key:Effect`, `key=value`, `key`, or `*` for everything. Says what is wrong otherwise.
pub(super) fn parse(text: &str) -> Result<Toleration, &'static str> {
    const FORM: &str = "expected KEY=VALUE:EFFECT, KEY:EFFECT, KEY=VALUE, KEY or *";
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    if text == "*" {
        return Ok(Toleration { operator: Some("Exists".to_owned()), ..Toleration::default() });
    }
    let (taint, effect) = text.split_once(':').map_or((text, None), |(taint, effect)| (taint, Some(effect)));
    if effect.is_some_and(|effect| !EFFECTS.contains(&effect)) {
        return Err("the effect must be NoSchedule, PreferNoSchedule or NoExecute");
    }
    let (key, value) = taint.split_once('=').map_or((taint, None), |(key, value)| (key, Some(value)));
    if key.is_empty() || value.is_some_and(|value| value.contains('=')) {
        return Err(FORM);
    }
    if !value.is_none_or(super::mapping::is_label_value) {
        return Err("the value must be a value of a label: letters, digits, `-`, `_` and `.`, at most 63");
    }
    Ok(Toleration {
        key: Some(key.to_owned()),
        operator: Some(if value.is_some() { "Equal" } else { "Exists" }.to_owned()),
        value: value.map(str::to_owned),
        effect: effect.map(str::to_owned),
        ..Toleration::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_form_is_read() {
        let cases = [
            ("*", (None, Some("Exists"), None, None)),
            ("a=b:NoSchedule", (Some("a"), Some("Equal"), Some("b"), Some("NoSchedule"))),
            ("a:NoExecute", (Some("a"), Some("Exists"), None, Some("NoExecute"))),
            ("a=b", (Some("a"), Some("Equal"), Some("b"), None)),
            ("a=", (Some("a"), Some("Equal"), Some(""), None)),
            ("example.org/a", (Some("example.org/a"), Some("Exists"), None, None)),
        ];
        for (text, expected) in cases {
            let toleration = parse(text).unwrap();
            let found = (
                toleration.key.as_deref(),
                toleration.operator.as_deref(),
                toleration.value.as_deref(),
                toleration.effect.as_deref(),
            );
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", ":NoSchedule", "=b", "a=b=c", "a:Never", "a:NoSchedule:x", "a=b c:NoSchedule"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
