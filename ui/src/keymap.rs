//! Keys as text, which key does what, remapping and clashes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use thiserror::Error;

use crate::actions::{ACTIONS, Action, ActionId, Scope};

/// One key press: a key and what is held with it.
///
/// Shift is part of the character (`G`), as terminals send it; only keys without a character keep it (`shift-left`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Names of the keys that have no character, in the spelling that is shown.
const NAMED: [(&str, KeyCode); 16] = [
    ("esc", KeyCode::Esc),
    ("enter", KeyCode::Enter),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("shift-tab", KeyCode::BackTab),
];

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{text:?} is not a key: write a character, a name such as esc, pgdn or f5, or ctrl-, alt-, shift- before one"
)]
pub struct KeyError {
    text: String,
}

impl Key {
    /// A key as an event of the terminal reports it.
    ///
    /// Terminals send `ctrl-\`, `ctrl-]`, `ctrl-^` and `ctrl-_` as control bytes that the event parser names
    /// `ctrl-4` to `ctrl-7`; they get their own names back.
    pub fn from_event(event: KeyEvent) -> Self {
        let mut code = event.code;
        let mut modifiers =
            event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        match code {
            KeyCode::Char(c) => {
                modifiers.remove(KeyModifiers::SHIFT);
                code = KeyCode::Char(match c {
                    '4' if modifiers.contains(KeyModifiers::CONTROL) => '\\',
                    '5' if modifiers.contains(KeyModifiers::CONTROL) => ']',
                    '6' if modifiers.contains(KeyModifiers::CONTROL) => '^',
                    '7' if modifiers.contains(KeyModifiers::CONTROL) => '_',
                    c if modifiers.contains(KeyModifiers::CONTROL) => c.to_ascii_lowercase(),
                    c if event.modifiers.contains(KeyModifiers::SHIFT) => c.to_ascii_uppercase(),
                    c => c,
                });
            }
            KeyCode::BackTab => modifiers.remove(KeyModifiers::SHIFT),
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => {
                modifiers.remove(KeyModifiers::SHIFT);
                code = KeyCode::BackTab;
            }
            _ => {}
        }
        Self { code, modifiers }
    }

    /// A character without anything held.
    pub const fn char(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE }
    }

    /// A key without anything held.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// A character with ctrl.
    pub const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    /// Which key, without what is held.
    pub fn code(self) -> KeyCode {
        self.code
    }

    /// The character to type into a text field, if the key is one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() => Some(c),
            _ => None,
        }
    }

    /// The event a terminal would send, for driving a state by hand.
    pub fn to_event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let error = || KeyError { text: text.to_owned() };
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        loop {
            if let Some((_, code)) = NAMED.iter().find(|(name, _)| name.eq_ignore_ascii_case(rest)) {
                return Ok(Self { code: *code, modifiers });
            }
            let Some((held, after)) = rest.split_once('-').filter(|(_, after)| !after.is_empty()) else {
                break;
            };
            modifiers |= match held.to_ascii_lowercase().as_str() {
                "ctrl" => KeyModifiers::CONTROL,
                "alt" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => return Err(error()),
            };
            rest = after;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => KeyCode::Char(c),
            (Some('f' | 'F'), Some(_)) => match rest[1..].parse() {
                Ok(n @ 1..=12) => KeyCode::F(n),
                _ => return Err(error()),
            },
            _ => return Err(error()),
        };
        Ok(Self::from_event(KeyEvent::new(code, modifiers)))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, word) in
            [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")]
        {
            if self.modifiers.contains(held) {
                f.write_str(word)?;
            }
        }
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(n) => write!(f, "f{n}"),
            other => write!(f, "{other}"),
        }
    }
}

/// Two actions that one key would start on the same screen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the key {key} would be both {first} ({first_scope}) and {second} ({second_scope})")]
pub struct Clash {
    /// The key as text.
    pub key: String,
    /// Name of the action that has the key.
    pub first: &'static str,
    /// Where that action is.
    pub first_scope: Scope,
    /// Name of the action that wants it too.
    pub second: &'static str,
    /// Where that one is.
    pub second_scope: Scope,
}

/// Which keys start which action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    keys: BTreeMap<ActionId, Vec<Key>>,
}

impl Default for Keymap {
    /// The keys of the action table. A default that is not a key is a mistake a test finds; it is left out.
    fn default() -> Self {
        let keys = ACTIONS
            .iter()
            .map(|action| (action.id, action.keys.iter().filter_map(|key| key.parse().ok()).collect()))
            .collect();
        Self { keys }
    }
}

impl Keymap {
    /// Gives an action other keys; none unbinds it.
    pub fn rebind(&mut self, action: ActionId, keys: Vec<Key>) {
        self.keys.insert(action, keys);
    }

    /// The keys of an action.
    pub fn keys(&self, action: ActionId) -> &[Key] {
        self.keys.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The first key of an action as text, or nothing when it has none.
    pub fn label(&self, action: ActionId) -> String {
        self.keys(action).first().map(Key::to_string).unwrap_or_default()
    }

    /// What a key does where these scopes are active.
    pub fn find(&self, key: Key, scopes: &[Scope]) -> Option<&'static Action> {
        ACTIONS.iter().find(|action| scopes.contains(&action.scope) && self.keys(action.id).contains(&key))
    }

    /// Every pair of actions that one key would start on the same screen.
    pub fn clashes(&self) -> Vec<Clash> {
        let mut clashes = Vec::new();
        for (at, first) in ACTIONS.iter().enumerate() {
            for second in ACTIONS.iter().skip(at + 1).filter(|second| first.scope.meets(second.scope)) {
                for key in self.keys(first.id).iter().filter(|key| self.keys(second.id).contains(key)) {
                    clashes.push(Clash {
                        key: key.to_string(),
                        first: first.name,
                        first_scope: first.scope,
                        second: second.name,
                        second_scope: second.scope,
                    });
                }
            }
        }
        clashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_written_as_it_is_read() {
        for text in [
            "a",
            "G",
            "?",
            "-",
            "ctrl--",
            "ctrl-d",
            "ctrl-\\",
            "ctrl-space",
            "alt-x",
            "shift-left",
            "shift-tab",
            "esc",
            "enter",
            "pgup",
            "pgdn",
            "f5",
            "f12",
            "space",
            "home",
            "end",
            "[",
            "]",
        ] {
            let key: Key = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn spellings_that_mean_the_same_key_are_equal() {
        for (one, other) in [("shift-g", "G"), ("ctrl-D", "ctrl-d"), ("CTRL-d", "ctrl-d"), ("PgDn", "pgdn")] {
            assert_eq!(one.parse::<Key>(), other.parse::<Key>(), "{one} {other}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write_instead() {
        for text in ["", "ctrl-", "hyper-x", "f13", "f0", "ab", "ctrl-ab", "\u{1b}", "ctrl"] {
            let error = text.parse::<Key>().unwrap_err();
            assert!(error.to_string().contains("is not a key"), "{text:?}");
        }
    }

    #[test]
    fn control_bytes_get_their_own_names_back() {
        for (sent, meant) in [('4', "ctrl-\\"), ('5', "ctrl-]"), ('6', "ctrl-^"), ('7', "ctrl-_")] {
            let event = KeyEvent::new(KeyCode::Char(sent), KeyModifiers::CONTROL);
            assert_eq!(Key::from_event(event).to_string(), meant);
        }
    }

    #[test]
    fn the_default_keys_are_keys_and_do_not_clash() {
        for action in ACTIONS {
            for key in action.keys {
                key.parse::<Key>().unwrap_or_else(|error| panic!("{}: {error}", action.name));
            }
        }
        assert_eq!(Keymap::default().clashes(), []);
    }

    #[test]
    fn the_key_that_kills_without_asking_elsewhere_does_nothing_here() {
        let keymap = Keymap::default();
        assert!(ACTIONS.iter().all(|action| !keymap.keys(action.id).contains(&Key::ctrl('k'))));
    }

    #[test]
    fn a_clash_names_key_and_both_actions() {
        let mut keymap = Keymap::default();
        keymap.rebind(ActionId::Help, vec![Key::char('q')]);
        let clashes = keymap.clashes();
        assert_eq!(clashes.len(), 1);
        let text = clashes[0].to_string();
        assert!(text.contains("the key q") && text.contains("help") && text.contains("quit"), "{text}");
    }

    #[test]
    fn an_unbound_action_has_no_key_and_clashes_with_nothing() {
        let mut keymap = Keymap::default();
        keymap.rebind(ActionId::Help, vec![]);
        assert_eq!(keymap.label(ActionId::Help), "");
        assert_eq!(keymap.find(Key::char('?'), &[Scope::Everywhere]), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,12}") {
            if let Ok(key) = text.parse::<Key>() {
                prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
            }
        }
    }
}
