//! What is wrong in the fleet, and the way from there.

use super::stage::{Stage, ascii};
use crate::config::Config;

fn opened() -> Stage {
    let mut stage = Stage::new();
    stage.keys(":").typing("findings").keys("enter");
    stage
}

#[test]
fn findings_at_80_columns() {
    insta::assert_snapshot!(opened().text_at(80, 24));
}

#[test]
fn findings_at_200_columns() {
    insta::assert_snapshot!(opened().text_at(200, 50));
}

#[test]
fn findings_in_ascii_are_ascii() {
    let mut stage = Stage::with_fleet(Config::default(), ascii());
    stage.keys(":").typing("findings").keys("enter");
    let text = stage.text_at(80, 24);
    assert!(text.is_ascii() && text.contains("critical"), "{text}");
}

#[test]
fn enter_opens_the_tenant_at_the_tab_that_helps_and_esc_leads_back() {
    let mut stage = opened();
    assert!(stage.selected().contains("team-alpha"), "the worst comes first: {}", stage.selected());
    stage.keys("/").typing("sync-lag").keys("enter");
    assert!(stage.selected().contains("team-gamma"), "{}", stage.selected());
    stage.keys("enter");
    let text = stage.text();
    assert!(text.contains("Where is the lag?") && text.contains("team-gamma"), "{text}");
    stage.keys("esc");
    assert!(stage.text().contains("Findings"), "{}", stage.text());
}

#[test]
fn a_fleet_without_findings_says_what_could_not_be_looked_at() {
    let mut stage = Stage::new();
    stage.fleet(super::stage::fleet(vec![crate::fixture::vcluster("team-a", "team-a")]));
    stage.keys(":").typing("findings").keys("enter");
    let text = stage.text_at(120, 24);
    assert!(text.contains("nothing was found that is wrong"), "{text}");
}
