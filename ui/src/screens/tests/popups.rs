use super::stage::Stage;
use crate::actions::{ACTIONS, Scope};
use crate::app::Cmd;
use crate::config::Config;
use crate::fixture;
use crate::keymap::Keymap;
use crate::theme::{Appearance, BUILTIN, Slot, Theme};

#[test]
fn the_help_of_the_fleet() {
    let mut stage = Stage::new();
    stage.keys("?");
    insta::assert_snapshot!(stage.text_at(120, 40));
}

#[test]
fn every_action_is_in_the_help_with_its_key() {
    let mut stage = Stage::new();
    stage.keys("?");
    let text = stage.text_at(200, 200);
    let keymap = Keymap::default();
    for action in ACTIONS {
        let line =
            text.lines().find(|line| line.contains(action.title) && line.contains(&keymap.label(action.id)));
        assert!(line.is_some(), "{} is not in the help", action.name);
    }
}

#[test]
fn every_action_is_in_the_palette() {
    let mut stage = Stage::new();
    stage.keys("ctrl-p");
    let text = stage.text_at(200, 200);
    for action in ACTIONS {
        assert!(text.contains(action.title), "{} is not in the palette", action.name);
    }
}

#[test]
fn an_unbound_action_is_reached_by_name() {
    let mut config = Config::default();
    config.keymap.rebind(crate::actions::ActionId::Faults, vec![]);
    let mut stage = Stage::with_fleet(config, Appearance::default());
    stage.keys("!");
    assert!(!stage.text().contains("faults only"));
    stage.keys(":").typing("faults").keys("enter");
    assert!(stage.text().contains("faults only"));
}

#[test]
fn a_key_given_to_another_action_is_in_hint_and_help() {
    let mut config = Config::default();
    config.keymap.rebind(crate::actions::ActionId::Filter, vec!["F".parse().unwrap()]);
    let mut stage = Stage::with_fleet(config, Appearance::default());
    assert!(stage.text().lines().last().unwrap().contains("F filter"));
}

/// What is chosen has the selection's own colours in every cell: a key's colour may not be readable on its ground.
#[test]
fn the_chosen_row_of_every_popup_is_readable_in_every_theme() {
    for builtin in BUILTIN {
        for (keys, typed) in [("m", ""), ("ctrl-p", ""), (":", "the")] {
            let theme = Theme::builtin(builtin.name, Appearance::default()).unwrap();
            let selection = theme.style(Slot::Selection);
            let mut stage = Stage::themed(Config::default(), theme);
            stage.fleet(super::stage::fleet(fixture::fleet()));
            stage.keys(keys).typing(typed);
            if keys == ":" {
                stage.keys("tab");
            }
            let buffer = stage.draw();
            let is_selected = |x: u16, y: u16| {
                let cell = &buffer[(x, y)];
                selection.bg.is_none_or(|bg| cell.bg == bg)
                    && selection.fg.is_none_or(|fg| cell.fg == fg)
                    && cell.modifier.contains(selection.add_modifier)
            };
            let selected = |y: u16| (10..70).all(|x| is_selected(x, y));
            assert!((0..24).any(selected), "{} in {}: no whole row is", keys, builtin.name);
        }
    }
}

#[test]
fn the_menu_of_the_fleet() {
    let mut stage = Stage::new();
    stage.keys("m");
    insta::assert_snapshot!(stage.text_at(100, 40));
}

#[test]
fn the_menu_has_every_verb_of_the_screen() {
    let mut stage = Stage::new();
    stage.keys("m");
    let text = stage.text_at(120, 60);
    for action in ACTIONS.iter().filter(|a| matches!(a.scope, Scope::List | Scope::Object)) {
        assert!(text.contains(action.title), "{}", action.name);
    }
}

#[test]
fn a_letter_in_the_menu_does_what_it_does_outside() {
    let mut stage = Stage::new();
    stage.keys("m !");
    assert!(stage.text().contains("faults only"));
}

#[test]
fn the_command_line_completes_and_remembers() {
    let mut stage = Stage::new();
    stage.keys(":").typing("qu").keys("tab");
    assert!(stage.text().contains(":quit"), "{}", stage.text());
    stage.keys("esc :").typing("fl").keys("enter");
    let kept = stage.asked(|cmd| if let Cmd::Remember(line) = cmd { Some(line.clone()) } else { None });
    assert_eq!(kept.as_deref(), Some("fleet"));
}

#[test]
fn a_command_that_does_not_exist_is_told() {
    let mut stage = Stage::new();
    stage.keys(":").typing("nonsense").keys("enter");
    assert!(stage.says().contains("there is no command \"nonsense\""), "{}", stage.says());
}

#[test]
fn quit_at_the_fleet_asks_once() {
    let mut stage = Stage::new();
    stage.keys("q");
    assert!(!stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Exit)));
    stage.keys("enter");
    assert!(!stage.cmds.iter().any(|cmd| matches!(cmd, Cmd::Exit)), "enter stays");
    stage.keys("q y");
    assert!(matches!(stage.cmds.last(), Some(Cmd::Exit)));
}

#[test]
fn the_key_that_asks_pressed_again_means_it() {
    for keys in ["q q", "ctrl-c ctrl-c", "q ctrl-c", ": ctrl-c ctrl-c"] {
        let mut stage = Stage::new();
        stage.keys(keys);
        assert!(matches!(stage.cmds.last(), Some(Cmd::Exit)), "{keys}");
    }
}

#[test]
fn keys_that_hand_over_the_terminal() {
    let mut stage = Stage::new();
    stage.keys("ctrl-z ctrl-l M");
    let asked: Vec<String> = stage.cmds.iter().map(|cmd| format!("{cmd:?}")).collect();
    assert!(asked.iter().any(|cmd| cmd == "Suspend"));
    assert!(asked.iter().any(|cmd| cmd == "Repaint"));
    assert!(asked.iter().any(|cmd| cmd == "Mouse(true)"));
}

#[test]
fn ctrl_k_does_nothing() {
    let mut stage = Stage::new();
    let before = stage.text();
    stage.keys("ctrl-k");
    assert_eq!(stage.text(), before);
}
