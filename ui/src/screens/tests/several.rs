//! One verb for several virtual clusters.

use std::sync::Arc;

use smol_str::SmolStr;
use v9s::lifecycle::restart::What as Part;

use crate::app::operation::{Begun, Verb};
use crate::app::reads::{Read, Reply};
use crate::app::runner::Hands;
use crate::app::world::Access;
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::verbs::{Ask, Errand, Looked, Plan, Several, What};

use super::detail::asked_for;
use super::stage::Stage;

/// A verb that is only asked for here.
#[derive(Debug)]
struct Nothing;

impl Verb for Nothing {
    fn title(&self) -> SmolStr {
        "delete 2 virtual clusters".into()
    }

    fn steps(&self) -> Vec<SmolStr> {
        vec!["team-alpha/team-alpha".into(), "team-epsilon/team-epsilon".into()]
    }

    fn begin(&self, _: &Hands) -> Begun {
        unreachable!("nothing is carried out without a cluster")
    }
}

fn wished(stage: &Stage) -> Option<Several> {
    stage.asked(|cmd| match cmd {
        Cmd::Read(_, Read::Plan(Errand::Several(several))) => Some(several.clone()),
        _ => None,
    })
}

#[test]
fn each_verb_for_several_is_for_all_that_are_marked() {
    for (key, what) in [
        ("z", What::Pause),
        ("r", What::Restart(Part::ControlPlane)),
        ("P", What::Protect),
        ("ctrl-d", What::Delete),
    ] {
        let mut stage = Stage::new();
        stage.keys("space space");
        stage.keys(key);
        let several = wished(&stage).unwrap_or_else(|| panic!("{key}: {}", stage.says()));
        assert_eq!((several.what, several.keys.len(), several.hidden), (what, 2, 0), "{key}");
    }
    let mut stage = Stage::new();
    stage.keys("space space :").typing("rotate").keys("enter");
    assert_eq!(wished(&stage).map(|several| several.what), Some(What::Rotate));
}

#[test]
fn those_that_run_are_paused_and_where_all_rest_they_are_resumed() {
    let mut stage = Stage::new();
    stage.keys("/ t e a m - d e l t a enter space z");
    assert_eq!(wished(&stage), None, "one that is marked is one");
    let mut stage = Stage::new();
    stage.keys("/ t e a m - d e l t a enter space esc g space z");
    let several = wished(&stage).unwrap_or_else(|| panic!("{}", stage.says()));
    assert_eq!(several.what, What::Pause, "one of them runs");
}

#[test]
fn marks_that_a_filter_hides_are_meant_and_counted() {
    let mut stage = Stage::new();
    stage.keys("space space / t e a m - d e l t a enter z");
    assert_eq!(wished(&stage).map(|several| (several.keys.len(), several.hidden)), Some((2, 2)));
}

#[test]
fn several_are_deleted_by_their_number() {
    let mut stage = Stage::new();
    stage.keys("space space ctrl-d");
    let ticket = asked_for(&stage, |read| matches!(read, Read::Plan(_)));
    let line = |name: &str| {
        format!(
            "{name}/{name}: 1 StatefulSet {name}; DATA 1 PersistentVolumeClaim data-{name}-0; vcluster-{name} goes: it was made for it and holds nothing else"
        )
    };
    let facts = vec![
        ("deletes", vec![line("team-alpha"), line("team-epsilon")]),
        ("not", vec!["team-gamma/team-gamma: it is protected".to_owned()]),
        ("order", vec!["one after the other; one that fails does not keep the next ones".to_owned()]),
    ];
    let title = "delete 2 virtual clusters".to_owned();
    let plan = Plan { title, facts, ask: Ask::Count(2), verb: Arc::new(Nothing), leaves: false };
    stage.tell(Msg::Reply(ticket, Reply::Plan(Ok(Looked::Ask(Box::new(plan))))));
    insta::assert_snapshot!("several_80", stage.text_at(80, 24));
    insta::assert_snapshot!("several_200", stage.text_at(200, 50));
    let operated = |stage: &Stage| stage.asked(|cmd| matches!(cmd, Cmd::Operate(..)).then_some(()));
    stage.keys("y enter");
    assert_eq!(operated(&stage), None);
    stage.keys("backspace 2 enter");
    assert_eq!(operated(&stage), Some(()));
}

#[test]
fn without_the_right_for_one_of_them_nothing_is_asked() {
    let mut stage = Stage::new();
    let forbidden = vec!["patch statefulsets.apps".into()];
    for namespace in ["team-alpha", "team-epsilon", "team-gamma", "team-delta"] {
        let access = Access::Known { forbidden: forbidden.clone() };
        stage.tell(Msg::Access { host: "eu-west-1".into(), namespace: namespace.into(), access });
    }
    stage.keys("space space space space z");
    assert!(stage.says().contains("forbidden: needs patch statefulsets.apps in team-"), "{}", stage.says());
    assert_eq!(wished(&stage), None);
    let mut stage = Stage::with_fleet(Config { read_only: true, ..Config::default() }, Default::default());
    stage.keys("space space ctrl-d");
    assert!(stage.says().contains("read-only"), "{}", stage.says());
    assert_eq!(wished(&stage), None);
}
