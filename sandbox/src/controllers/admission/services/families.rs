//! Which families of addresses a Service has: what it says of them must fit together, and what it leaves out follows from
//! the rest. Pure.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::super::family::Family;
use super::ranges::Ranges;
use super::{is_headless, list, needs_ip, text};
use crate::status::FieldError;

const POLICY: &str = "spec.ipFamilyPolicy";
const IPS: &str = "spec.clusterIPs";
const SINGLE: &str = "SingleStack";
const PREFER: &str = "PreferDualStack";
const REQUIRE: &str = "RequireDualStack";

/// Fills in policy and families of a Service that was `old` before.
///
/// # Errors
/// What does not fit together, or cannot be had here.
pub(super) fn settle(
    ranges: &Ranges,
    old: Option<&Value>,
    service: &mut Value,
) -> Result<(), Vec<FieldError>> {
    if !needs_ip(&service["spec"]) || is_settled(old, service) {
        return Ok(());
    }
    if text(&service["spec"], "ipFamilyPolicy").is_empty() {
        let before = old.map(|old| text(&old["spec"], "ipFamilyPolicy")).filter(|policy| !policy.is_empty());
        let usual = if selects_nothing(&service["spec"]) { REQUIRE } else { SINGLE };
        service["spec"]["ipFamilyPolicy"] = json!(before.unwrap_or(usual));
    }
    refuse(check(&service["spec"]))?;
    refuse(reduce(old, &mut service["spec"]))?;
    let spec = &mut service["spec"];
    let mut problems = single(spec);
    infer(ranges, spec, &mut problems);
    refuse(problems)?;
    if selects_nothing(spec) {
        // Nobody looks after these: they may say what they like.
        let first = list(spec, "ipFamilies").first().cloned().unwrap_or_else(|| "IPv4".to_owned());
        add_families(spec, &first, text(spec, "ipFamilyPolicy") != SINGLE);
        return Ok(());
    }
    refuse(unavailable(ranges, spec))?;
    let first = list(spec, "ipFamilies").first().cloned().unwrap_or_else(|| "IPv4".to_owned());
    add_families(spec, &first, text(spec, "ipFamilyPolicy") != SINGLE && ranges.are_dual());
    Ok(())
}

fn refuse(problems: Vec<FieldError>) -> Result<(), Vec<FieldError>> {
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A Service that prefers both families and changes nothing about them keeps what it has, whatever the host has by now.
pub(super) fn is_settled(old: Option<&Value>, service: &Value) -> bool {
    let Some(old) = old else { return false };
    let (before, now) = (&old["spec"], &service["spec"]);
    let same = |key: &str| list(before, key) == list(now, key);
    before["type"] == now["type"]
        && text(now, "ipFamilyPolicy") == PREFER
        && matches!(text(before, "ipFamilyPolicy"), PREFER | "")
        && same("clusterIPs")
        && same("ipFamilies")
}

/// No address and no pods of its own.
fn selects_nothing(spec: &Value) -> bool {
    is_headless(spec) && spec["selector"].as_object().is_none_or(serde_json::Map::is_empty)
}

fn add_families(spec: &mut Value, first: &str, both: bool) {
    let mut families = list(spec, "ipFamilies");
    if families.is_empty() {
        families.push(first.to_owned());
    }
    if let (true, [only]) = (both, families.as_slice()) {
        let other = Family::named(only).unwrap_or(Family::V4).other();
        families.push(other.name().to_owned());
    }
    spec["ipFamilies"] = json!(families);
}

/// What is said stands alone and together.
fn check(spec: &Value) -> Vec<FieldError> {
    let mut problems = Vec::new();
    let (single, ips) = (text(spec, "clusterIP"), list(spec, "clusterIPs"));
    let shown = || json!(ips).to_string();
    match (single, ips.first()) {
        ("", None) => {}
        ("", Some(_)) => {
            let why = "must be empty when `clusterIP` is not specified";
            problems.push(FieldError::invalid(IPS, shown(), why));
        }
        (_, None) => problems.push(FieldError::required(IPS, "")),
        (single, Some(first)) if first != single => {
            problems.push(FieldError::invalid(IPS, shown(), "first value must match `clusterIP`"));
        }
        _ => {}
    }
    let families = list(spec, "ipFamilies");
    for (index, family) in families.iter().enumerate() {
        let field = format!("spec.ipFamilies[{index}]");
        if Family::named(family).is_none() {
            problems.push(FieldError::not_supported(&field, family, &["IPv4", "IPv6"]));
        }
        if families.iter().take(index).any(|earlier| earlier == family) {
            let message = format!("Duplicate value: {family:?}");
            problems.push(FieldError { reason: "FieldValueDuplicate", field, message });
        }
    }
    let policies = [PREFER, REQUIRE, SINGLE];
    if !policies.contains(&text(spec, "ipFamilyPolicy")) {
        problems.push(FieldError::not_supported(POLICY, text(spec, "ipFamilyPolicy"), &policies));
    }
    addresses(&ips, &families, is_headless(spec), &mut problems);
    problems
}

fn addresses(ips: &[String], families: &[String], headless: bool, problems: &mut Vec<FieldError>) {
    let shown = || json!(ips).to_string();
    let mut invalid = false;
    for (index, ip) in ips.iter().enumerate() {
        if index == 0 && ip == "None" {
            if ips.len() > 1 {
                invalid = true;
                let why = "'None' must be the first and only value";
                problems.push(FieldError::invalid(IPS, shown(), why));
            }
        } else if ip.parse::<IpAddr>().is_err() {
            invalid = true;
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            problems.push(FieldError::invalid(format!("{IPS}[{index}]"), json!(ip), why));
        }
    }
    if ips.len() > 2 {
        problems.push(FieldError::invalid(IPS, shown(), "may only hold up to 2 values"));
    }
    if invalid {
        return;
    }
    let of = |ip: &String| ip.parse().ok().map(Family::of);
    if let [first, second, ..] = ips
        && of(first) == of(second)
    {
        let why = "may specify no more than one IP for each IP family";
        problems.push(FieldError::invalid(IPS, shown(), why));
    }
    for (index, (ip, family)) in ips.iter().zip(families).enumerate() {
        let wanted = Family::named(family);
        if !headless && wanted.is_some() && of(ip) != wanted {
            let why = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
            problems.push(FieldError::invalid(format!("{IPS}[{index}]"), json!(ip), &why));
        }
    }
}

/// A change to one family lets go of the other; less than before without that change is a mistake.
fn reduce(old: Option<&Value>, spec: &mut Value) -> Vec<FieldError> {
    let Some(before) = old.map(|old| &old["spec"]) else { return Vec::new() };
    let mut problems = Vec::new();
    for (key, what) in [("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")] {
        let (now, was) = (list(spec, key), list(before, key));
        if text(spec, "ipFamilyPolicy") == SINGLE {
            if now == was && now.len() > 1 {
                spec[key] = json!(now[..1]);
            }
        } else if !now.is_empty() && now.len() < was.len() {
            let why = format!("must be 'SingleStack' to release the secondary {what}");
            problems.push(FieldError::invalid(POLICY, &spec["ipFamilyPolicy"], &why));
        }
    }
    problems
}

fn single(spec: &Value) -> Vec<FieldError> {
    let mut problems = Vec::new();
    for (key, what) in [("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")] {
        if text(spec, "ipFamilyPolicy") == SINGLE && list(spec, key).len() == 2 {
            let why =
                format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            problems.push(FieldError::invalid(POLICY, &spec["ipFamilyPolicy"], &why));
        }
    }
    problems
}

/// Addresses say their families.
fn infer(ranges: &Ranges, spec: &mut Value, problems: &mut Vec<FieldError>) {
    let (ips, mut families) = (list(spec, "clusterIPs"), list(spec, "ipFamilies"));
    for (index, ip) in ips.iter().enumerate() {
        let Some(family) = ip.parse().ok().map(Family::of) else { break };
        if index < families.len() {
            continue;
        }
        if ranges.has(family) {
            families.push(family.name().to_owned());
        } else {
            let why = format!("{} is not configured on this cluster", family.name());
            problems.push(FieldError::invalid(format!("{IPS}[{index}]"), json!(ips), &why));
        }
    }
    if !families.is_empty() {
        spec["ipFamilies"] = json!(families);
    }
}

/// Families that this host does not have.
fn unavailable(ranges: &Ranges, spec: &Value) -> Vec<FieldError> {
    let mut problems = Vec::new();
    if text(spec, "ipFamilyPolicy") == REQUIRE && !ranges.are_dual() {
        let why = "this cluster is not configured for dual-stack services";
        problems.push(FieldError::invalid(POLICY, &spec["ipFamilyPolicy"], why));
    }
    for (index, family) in list(spec, "ipFamilies").iter().enumerate() {
        if Family::named(family).is_none_or(|family| !ranges.has(family)) {
            let field = format!("spec.ipFamilies[{index}]");
            problems.push(FieldError::invalid(field, json!(family), "not configured on this cluster"));
        }
    }
    problems
}

/// What of addresses and families may not change, once they are settled.
pub(super) fn changed(old: &Value, service: &Value) -> Vec<FieldError> {
    let (before, now) = (&old["spec"], &service["spec"]);
    if !needs_ip(before) || !needs_ip(now) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let headless = (is_headless(before), is_headless(now));
    for key in ["clusterIPs", "ipFamilies"] {
        // Without an address, families may change.
        if headless == (true, true) || key == "ipFamilies" && headless.0 != headless.1 {
            continue;
        }
        let (was, is) = (list(before, key), list(now, key));
        let differing = was.iter().zip(&is).enumerate().filter(|(_, (was, is))| was != is);
        for (index, _) in differing {
            // Of families the real server always names the first.
            let index = if key == "ipFamilies" { 0 } else { index };
            let field = format!("spec.{key}[{index}]");
            problems.push(FieldError::invalid(field, json!(is), "may not change once set"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::ranges::Ipv6Range;
    use super::*;

    fn ranges(dual: bool) -> Ranges {
        let v6 = Ipv6Range::new("fd00:96::".parse().expect("an address"), 112);
        Ranges::new(v6.filter(|_| dual))
    }

    #[test]
    fn what_is_left_out_follows_from_the_rest() {
        let selector = json!({"a": "b"});
        let cases = [
            (false, json!({"selector": selector}), json!(["IPv4"]), SINGLE),
            (true, json!({"selector": selector}), json!(["IPv4"]), SINGLE),
            (false, json!({"selector": selector, "ipFamilyPolicy": PREFER}), json!(["IPv4"]), PREFER),
            (true, json!({"selector": selector, "ipFamilyPolicy": PREFER}), json!(["IPv4", "IPv6"]), PREFER),
            (
                true,
                json!({"selector": selector, "ipFamilyPolicy": REQUIRE, "ipFamilies": ["IPv6"]}),
                json!(["IPv6", "IPv4"]),
                REQUIRE,
            ),
            (true, json!({"clusterIP": "fd00:96::7", "clusterIPs": ["fd00:96::7"]}), json!(["IPv6"]), SINGLE),
            (false, json!({"clusterIP": "None", "clusterIPs": ["None"]}), json!(["IPv4", "IPv6"]), REQUIRE),
        ];
        for (dual, spec, families, policy) in cases {
            let mut service = json!({"spec": spec});
            assert_eq!(settle(&ranges(dual), None, &mut service), Ok(()), "{spec}");
            assert_eq!(
                (&service["spec"]["ipFamilies"], &service["spec"]["ipFamilyPolicy"]),
                (&families, &json!(policy)),
                "{spec}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cases = [
            (false, json!({"ipFamilyPolicy": REQUIRE}), POLICY),
            (false, json!({"ipFamilies": ["IPv6"]}), "spec.ipFamilies[0]"),
            (true, json!({"ipFamilies": ["IPv4", "IPv6"]}), POLICY),
            (true, json!({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.8"]}), IPS),
            (
                true,
                json!({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ipFamilies": ["IPv6"]}),
                "spec.clusterIPs[0]",
            ),
            (false, json!({"clusterIP": "fd00:96::7", "clusterIPs": ["fd00:96::7"]}), "spec.clusterIPs[0]"),
        ];
        for (dual, mut spec, field) in cases {
            spec["selector"] = json!({"a": "b"});
            let mut service = json!({"spec": spec});
            let problems = settle(&ranges(dual), None, &mut service).expect_err("refused");
            assert_eq!(problems[0].field, field, "{spec}");
        }
    }

    #[test]
    fn one_family_lets_go_of_the_other() {
        let old = json!({"spec": {"ipFamilyPolicy": REQUIRE, "ipFamilies": ["IPv4", "IPv6"], "clusterIP": "10.96.0.9",
            "clusterIPs": ["10.96.0.9", "fd00:96::9"]}});
        let mut single = old.clone();
        single["spec"]["ipFamilyPolicy"] = json!(SINGLE);
        assert_eq!(settle(&ranges(true), Some(&old), &mut single), Ok(()));
        assert_eq!(
            (&single["spec"]["ipFamilies"], &single["spec"]["clusterIPs"]),
            (&json!(["IPv4"]), &json!(["10.96.0.9"]))
        );
        let mut less = old.clone();
        less["spec"]["clusterIPs"] = json!(["10.96.0.9"]);
        let problems = settle(&ranges(true), Some(&old), &mut less).expect_err("refused");
        assert_eq!(
            problems[0].message,
            "Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary cluster IP"
        );
    }
}
