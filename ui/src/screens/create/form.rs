//! Keys in the form: between its lines, and what each line takes.

use crossterm::event::KeyCode;
use smol_str::SmolStr;
use v9s::provision::values::edit::Outline;

use super::editor::Editor;
use super::settings::Setting;
use super::{CreateScreen, Pane, Row, hosts};
use crate::app::messages::Level;
use crate::app::{Effects, World};
use crate::keymap::Key;

impl CreateScreen {
    pub(super) fn form_key(&mut self, key: Key, world: &World, out: &mut Effects) -> bool {
        match key.code() {
            KeyCode::Up => self.move_to(self.at.saturating_sub(1), world),
            KeyCode::Down => self.move_to(self.at + 1, world),
            KeyCode::Enter if matches!(self.row(world), Row::Go) => self.go(world, out),
            KeyCode::Enter => self.move_to(self.at + 1, world),
            _ => return self.value_key(key, world, out),
        }
        true
    }

    fn value_key(&mut self, key: Key, world: &World, out: &mut Effects) -> bool {
        let step = match key.code() {
            KeyCode::Right => Some(1),
            KeyCode::Left => Some(-1),
            _ if key.typed() == Some(' ') => Some(1),
            _ => None,
        };
        match (self.row(world), step) {
            (Row::Name, _) => self.name.key(key),
            (Row::Namespace, _) => self.namespace.key(key),
            (Row::Ttl, _) => self.ttl.key(key),
            (Row::Owner, _) => self.owner.key(key),
            (Row::Host, Some(step)) => {
                let hosts = hosts(world);
                let now = self.host(world);
                self.host = cycle(&hosts, now.as_ref(), step);
                true
            }
            (Row::Preset, Some(step)) => {
                let names: Vec<SmolStr> = self.presets.iter().map(|(name, _)| name.clone()).collect();
                if let Some(next) = cycle(&names, Some(&self.preset), step) {
                    self.begin_with(next, out);
                }
                true
            }
            (Row::Setting(setting), _) if setting.is_typed() => {
                let took = self.typed.key(key);
                if took {
                    let typed = self.typed.text().trim().to_owned();
                    self.write(setting, &typed);
                }
                took
            }
            (Row::Setting(setting), Some(step)) => {
                let text = self.editor.text();
                let next = Outline::read(&text).ok().and_then(|outline| setting.next(&outline, step));
                if let Some(word) = next {
                    self.write(setting, word);
                }
                true
            }
            // Letters mean nothing where one chooses, and nothing else either.
            _ => key.typed().is_some(),
        }
    }

    /// Puts a value into the text. What only a person can change there is said at the field.
    fn write(&mut self, setting: &Setting, value: &str) {
        match setting.set(&self.editor.text(), value) {
            Ok(text) => {
                self.editor.set(&text);
                self.mistake = None;
            }
            Err(error) => self.mistake = Some(error.to_string()),
        }
    }

    /// Begins with another preset. What was written by hand is not thrown away at once.
    fn begin_with(&mut self, preset: SmolStr, out: &mut Effects) {
        let Some((_, text)) = self.presets.iter().find(|(name, _)| *name == preset) else { return };
        let own = self.presets.iter().find(|(name, _)| *name == self.preset).map(|(_, text)| text.as_str());
        let changed = own != Some(self.editor.text().as_str());
        if changed && self.replacing.as_ref() != Some(&preset) {
            out.say(
                Level::Warning,
                format!("{preset} replaces what was changed: choose it again to do that"),
            );
            self.replacing = Some(preset);
            return;
        }
        self.editor = Editor::new(text);
        (self.preset, self.replacing, self.mistake) = (preset, None, None);
    }

    pub(super) fn paste(&mut self, pasted: &str, world: &World) {
        match (self.pane, self.row(world)) {
            (Pane::Text, _) => self.editor.paste(pasted),
            (Pane::Form, Row::Name) => self.name.insert(pasted),
            (Pane::Form, Row::Namespace) => self.namespace.insert(pasted),
            (Pane::Form, Row::Ttl) => self.ttl.insert(pasted),
            (Pane::Form, Row::Owner) => self.owner.insert(pasted),
            (Pane::Form, Row::Setting(setting)) if setting.is_typed() => {
                self.typed.insert(pasted);
                let typed = self.typed.text().trim().to_owned();
                self.write(setting, &typed);
            }
            _ => {}
        }
    }
}

fn cycle(all: &[SmolStr], now: Option<&SmolStr>, step: isize) -> Option<SmolStr> {
    let at = now.and_then(|now| all.iter().position(|one| one == now)).unwrap_or(0);
    let count = isize::try_from(all.len()).ok().filter(|count| *count > 0)?;
    let next = (isize::try_from(at).ok()? + step).rem_euclid(count);
    all.get(usize::try_from(next).ok()?).cloned()
}
