use proptest::prelude::*;

use super::stage::{Stage, fleet};
use crate::actions::ACTIONS;
use crate::fixture;

fn any_key() -> impl Strategy<Value = String> {
    let bound: Vec<String> = ACTIONS
        .iter()
        .flat_map(|action| action.keys.iter().map(|key| (*key).to_owned()))
        .filter(|key| key != "ctrl-z")
        .collect();
    prop_oneof![
        4 => prop::sample::select(bound),
        1 => "[a-zA-Z0-9/:!&-]",
        1 => prop::sample::select(vec!["esc", "enter", "tab", "backspace", "up", "down"]).prop_map(str::to_owned),
    ]
}

#[derive(Debug, Clone)]
enum Blow {
    Key(String),
    Fleet(Vec<usize>),
    Size(u16, u16),
    Wait,
}

fn any_blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        8 => any_key().prop_map(Blow::Key),
        2 => prop::collection::vec(0usize..5, 0..6).prop_map(Blow::Fleet),
        2 => (1u16..220, 1u16..60).prop_map(|(w, h)| Blow::Size(w, h)),
        1 => Just(Blow::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Keys, fleets and sizes in any order: nothing panics, and a list with rows has a selected one in view.
    #[test]
    fn a_storm_of_keys_fleets_and_sizes(blows in prop::collection::vec(any_blow(), 1..60)) {
        let all = fixture::fleet();
        let mut stage = Stage::new();
        for blow in blows {
            match blow {
                Blow::Key(key) => { stage.keys(&key); }
                Blow::Fleet(rows) => {
                    let mut rows = rows;
                    rows.sort_unstable();
                    rows.dedup();
                    stage.fleet(fleet(rows.into_iter().map(|at| all[at].clone()).collect()));
                }
                Blow::Size(width, height) => stage.resize(width, height),
                Blow::Wait => stage.wait(1),
            }
            stage.draw();
        }
        stage.resize(120, 40);
        stage.tell(crate::app::Msg::Key("esc".parse().unwrap()));
        stage.fleet(fleet(all));
        stage.keys(": f l e e t enter esc esc esc");
        prop_assert!(stage.state.top().address().screen == "fleet", "{}", stage.text());
        prop_assert!(!stage.selected().is_empty(), "{}", stage.text());
    }
}
