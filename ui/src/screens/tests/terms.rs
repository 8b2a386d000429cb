//! How long virtual clusters are to live, and those whose time ends soon.

use chrono::TimeDelta;
use v9s::fleet::model::Vcluster;
use v9s::known::Known;

use crate::app::Cmd;
use crate::app::reads::Read;
use crate::config::Config;
use crate::fixture;
use crate::verbs::{Ends, Errand, Lifetime};

use super::stage::{Stage, fleet};

/// The fixture's fleet, of which some end after so many hours.
fn ending(hours: &[(&str, i64)]) -> Stage {
    let mut stage = Stage::with_fleet(Config::default(), Default::default());
    let ends = |mut vcluster: Vcluster| {
        if let Some((_, hours)) = hours.iter().find(|(name, _)| vcluster.key.name == *name) {
            vcluster.expires = Known::Yes(fixture::now() + TimeDelta::hours(*hours));
            vcluster.owner = Some("jane".into());
        }
        vcluster
    };
    stage.fleet(fleet(fixture::fleet().into_iter().map(ends).collect()));
    stage
}

fn wished(stage: &Stage) -> Option<Lifetime> {
    stage.asked(|cmd| match cmd {
        Cmd::Read(_, Read::Plan(Errand::Extend { lifetime, .. })) => Some(lifetime.clone()),
        _ => None,
    })
}

#[test]
fn those_that_end_soon_are_listed_next_first() {
    let mut stage = ending(&[("team-alpha", 30), ("team-epsilon", 3), ("team-gamma", 24 * 20)]);
    stage.keys(":").typing("expiring").keys("enter");
    let text = stage.text_at(80, 24);
    insta::assert_snapshot!("expiring_80", text);
    insta::assert_snapshot!("expiring_200", stage.text_at(200, 50));
    let place = |name: &str| text.find(name);
    assert!(place("team-epsilon") < place("team-alpha"), "{text}");
    assert_eq!(place("team-gamma"), None, "{text}");
    stage.keys(":").typing("expiring 4h").keys("enter");
    let text = stage.text();
    assert!(text.contains("team-epsilon") && !text.contains("team-alpha"), "{text}");
    stage.keys(":").typing("expiring soon").keys("enter");
    assert!(stage.says().contains("expiring soon"), "{}", stage.says());
}

#[test]
fn a_time_and_an_owner_are_written_down_together_or_alone() {
    let owner = |owner: &str| Some(owner.into());
    for (keys, typed, expected) in [
        (
            "",
            "3d",
            Lifetime { ends: Some(Ends::After(std::time::Duration::from_secs(3 * 86_400))), owner: None },
        ),
        ("", "forever", Lifetime { ends: Some(Ends::Never), owner: None }),
        ("tab", "@ops", Lifetime { ends: None, owner: owner("jane@ops") }),
    ] {
        let mut stage = ending(&[("team-alpha", 30)]);
        stage.keys("/ t e a m - a l p h a enter L");
        stage.keys(keys).typing(typed).keys("enter");
        assert_eq!(wished(&stage), Some(expected), "{typed}: {}", stage.text());
    }
}

#[test]
fn the_form_says_how_it_is_now_and_what_is_wrong() {
    let mut stage = ending(&[("team-alpha", 30)]);
    stage.keys("/ t e a m - a l p h a enter L");
    insta::assert_snapshot!("extend_80", stage.text_at(80, 24));
    stage.keys("enter");
    assert!(stage.text().contains("nothing was changed"), "{}", stage.text());
    stage.typing("long").keys("enter");
    assert_eq!(wished(&stage), None);
    assert!(!stage.text().contains("empty leaves it as it is"), "{}", stage.text());
}
