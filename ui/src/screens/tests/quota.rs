//! The quota tab, and other limits.

use std::sync::Arc;

use v9s::fleet::model::Vcluster;
use v9s::fleet::quota::{Quota, QuotaEntry};
use v9s::health::quota::code;
use v9s::known::Known;
use v9s::lifecycle::quota::{Found, Wish};

use crate::app::reads::{Read, Reply};
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::fixture;
use crate::verbs::Errand;

use super::detail::asked_for;
use super::stage::{Stage, fleet};

fn entry(quota: &str, key: &str, used: &str, hard: &str) -> QuotaEntry {
    QuotaEntry::new(quota.into(), key.into(), used.into(), hard.into())
}

fn tenant(cpu: u32) -> Vcluster {
    let entries = [
        entry("vc-alpha", "requests.cpu", &format!("{cpu}m"), "10"),
        entry("vc-alpha", "requests.memory", "12Gi", "20Gi"),
        entry("vc-alpha", "count/pods", "14", "20"),
        entry("extra", "services.nodeports", "0", "0"),
    ];
    let quota = Known::Yes(Arc::new(entries.into_iter().collect::<Quota>()));
    Vcluster { quota, ..fixture::vcluster("team-alpha", "team-alpha") }
}

/// A fleet of one whose processors are taken by and by, after half an hour.
fn after_half_an_hour() -> Stage {
    let mut stage = Stage::new();
    for minute in 0..=30 {
        stage.fleet(fleet(vec![tenant(8000 + 40 * minute)]));
        stage.wait(60);
    }
    stage
}

fn form() -> Stage {
    let mut stage = Stage::new();
    stage.fleet(fleet(vec![tenant(8300)]));
    stage.keys("Q");
    stage
}

fn wished(stage: &Stage) -> Option<Wish> {
    stage.asked(|cmd| match cmd {
        Cmd::Read(_, Read::Plan(Errand::Quota { wish, .. })) => Some(wish.clone()),
        _ => None,
    })
}

#[test]
fn the_first_limit_stands_on_the_tab_and_among_what_is_wrong() {
    let mut stage = after_half_an_hour();
    stage.keys("enter 3");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Quota(_)));
    let found =
        Found { quotas: Vec::new(), demand: Known::unknown("forbidden"), blocked: Known::Yes(Vec::new()) };
    stage.tell(Msg::Reply(ticket, Reply::Quota(Ok(Box::new(found)))));
    let text = stage.text_at(100, 30);
    assert!(text.contains("the first limit is requests.cpu in about "), "{text}");
    assert!(text.contains("what takes it is not known: forbidden"), "{text}");
    let findings = &stage.state.world.fleet.vclusters[0].findings;
    assert!(findings.iter().any(|finding| finding.code == code::RUNS_OUT), "{findings:?}");
    stage.keys(":").typing("findings").keys("enter");
    let text = stage.text_at(200, 50);
    assert!(text.contains("quota requests.cpu is full in about"), "{text}");
}

#[test]
fn pods_are_asked_about_only_while_the_tab_is_seen() {
    let mut stage = Stage::new();
    stage.fleet(fleet(vec![tenant(8300)]));
    let asked =
        |stage: &Stage| stage.cmds.iter().filter(|cmd| matches!(cmd, Cmd::Read(_, Read::Quota(_)))).count();
    stage.keys("enter");
    stage.wait(60);
    assert_eq!(asked(&stage), 0);
    stage.keys("3");
    assert_eq!(asked(&stage), 1);
    let ticket = asked_for(&stage, |read| matches!(read, Read::Quota(_)));
    stage.tell(Msg::Reply(ticket, Reply::Quota(Err("it does not answer".to_owned()))));
    assert!(stage.text().contains("what takes it is not known: it does not answer"), "{}", stage.text());
    stage.wait(20);
    assert_eq!(asked(&stage), 1);
    stage.wait(20);
    assert_eq!(asked(&stage), 2);
    stage.keys("1");
    stage.wait(60);
    assert_eq!(asked(&stage), 2);
}

#[test]
fn the_form_shows_what_comes_of_what_is_typed() {
    let mut stage = form();
    insta::assert_snapshot!("limits_80", stage.text_at(80, 24));
    stage.keys("backspace backspace").typing("16");
    stage.keys("down backspace backspace").typing("10");
    stage.keys("down").typing("x");
    insta::assert_snapshot!("limits_typed_200", stage.text_at(200, 50));
    stage.keys("enter");
    assert!(stage.text().contains("is no amount"), "{}", stage.text());
    assert_eq!(wished(&stage), None);
}

#[test]
fn what_was_typed_is_looked_at_and_nothing_else() {
    let mut stage = form();
    stage.keys("enter");
    assert!(stage.text().contains("nothing was changed"), "{}", stage.text());
    stage.keys("backspace backspace").typing("16").keys("enter");
    let set = [("requests.cpu".into(), Some("16".into()))].into();
    assert_eq!(wished(&stage), Some(Wish { quota: Some("vc-alpha".into()), set }));

    let mut stage = form();
    stage.keys("up").typing("secrets=50").keys("enter");
    let set = [("secrets".into(), Some("50".into()))].into();
    assert_eq!(wished(&stage), Some(Wish { quota: None, set }));

    let mut stage = form();
    stage.keys("backspace backspace").typing("16").keys("up up backspace").typing("3").keys("enter");
    assert!(stage.text().contains("one quota at a time"), "{}", stage.text());
}

#[test]
fn who_only_reads_has_no_form() {
    let mut stage = Stage::with_fleet(Config { read_only: true, ..Config::default() }, Default::default());
    stage.keys("Q");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
    stage.keys("enter 3");
    assert!(!stage.text().contains("other limits"), "{}", stage.text());
}
