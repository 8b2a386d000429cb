//! Creating a virtual cluster: a form, and beside it the `vcluster.yaml` that it makes, where every setting can be written.
//!
//! The text is what counts: the form reads its settings out of it and changes them in it, and leaves everything else as it is.

mod draw;
pub(super) mod editor;
mod form;
mod settings;

use std::time::Duration;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::fleet::model::VclusterKey;
use v9s::provision::create::{self, Preset, Request};
use v9s::provision::values::edit::Outline;

use self::editor::Editor;
use self::settings::Setting;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::line::Line;
use crate::app::messages::Level;
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effect, Effects, Input, Layer, News, World};
use crate::cli::args::duration;
use crate::keymap::Key;
use crate::verbs::{Errand, Order};

/// The form.
pub const ENTRY: Entry = Entry {
    name: "create",
    aliases: &["new"],
    title: "make a virtual cluster: a form and its vcluster.yaml",
    argument: "",
    open: |opening| {
        let hosts = hosts(opening.world);
        match hosts.first() {
            Some(_) => Ok(Opened::Screen(Box::new(CreateScreen::new()))),
            None if opening.world.fleet.hosts.is_empty() => Err("no host is known yet".to_owned()),
            None => Err("create: read-only".to_owned()),
        }
    },
    complete: no_completion,
};

/// Hosts on which something may be changed.
fn hosts(world: &World) -> Vec<SmolStr> {
    let all = world.fleet.hosts.iter().map(|host| host.context.clone());
    all.filter(|host| world.config.read_only_because(host).is_none()).collect()
}

/// Which half has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pane {
    Form,
    Text,
}

/// One line of the form.
#[derive(Debug, Clone, Copy)]
enum Row {
    Host,
    Name,
    Namespace,
    Preset,
    Setting(&'static Setting),
    Ttl,
    Owner,
    Go,
}

/// The form and its text.
pub struct CreateScreen {
    host: Option<SmolStr>,
    name: Line,
    /// Empty: made from the name.
    namespace: Line,
    /// How long it is to live; empty for ever.
    ttl: Line,
    /// Who answers for it.
    owner: Line,
    preset: SmolStr,
    /// A person's own beginnings and those of v9s: name and text.
    presets: Vec<(SmolStr, String)>,
    asked: Option<Ticket>,
    editor: Editor,
    pane: Pane,
    at: usize,
    /// What is typed into the setting under the cursor.
    typed: Line,
    /// Why what is typed is not in the text.
    mistake: Option<String>,
    /// A preset that takes what was typed by hand along: chosen once, not yet twice.
    replacing: Option<SmolStr>,
    /// What was asked for: when it is there, the form begins anew.
    ordered: Option<VclusterKey>,
}

impl CreateScreen {
    /// An empty form with the first preset.
    pub fn new() -> Self {
        let presets: Vec<(SmolStr, String)> =
            Preset::ALL.iter().map(|preset| (preset.name().into(), preset.text().to_owned())).collect();
        CreateScreen {
            host: None,
            name: Line::default(),
            namespace: Line::default(),
            ttl: Line::default(),
            owner: Line::default(),
            preset: Preset::Dev.name().into(),
            presets,
            asked: None,
            editor: Editor::new(Preset::Dev.text()),
            pane: Pane::Form,
            at: 0,
            typed: Line::default(),
            mistake: None,
            replacing: None,
            ordered: None,
        }
    }

    fn host(&self, world: &World) -> Option<SmolStr> {
        let hosts = hosts(world);
        self.host.clone().filter(|host| hosts.contains(host)).or_else(|| hosts.into_iter().next())
    }

    fn namespace(&self) -> String {
        match self.namespace.text().trim() {
            "" => format!("vcluster-{}", self.name.text().trim()),
            typed => typed.to_owned(),
        }
    }

    /// How long it is to live, or what is wrong with that.
    fn lives(&self) -> Result<Option<Duration>, String> {
        match self.ttl.text().trim() {
            "" => Ok(None),
            typed => duration(typed).map(Some).map_err(|why| format!("ttl: {why}")),
        }
    }

    fn owner(&self) -> Option<SmolStr> {
        Some(self.owner.text().trim()).filter(|typed| !typed.is_empty()).map(SmolStr::from)
    }

    fn rows(&self, world: &World) -> Vec<Row> {
        let mut rows = Vec::new();
        if hosts(world).len() > 1 {
            rows.push(Row::Host);
        }
        rows.extend([Row::Name, Row::Namespace, Row::Preset]);
        if let Ok(outline) = Outline::read(&self.editor.text()) {
            rows.extend(settings::shown(&outline).into_iter().map(Row::Setting));
        }
        rows.extend([Row::Ttl, Row::Owner, Row::Go]);
        rows
    }

    fn row(&self, world: &World) -> Row {
        self.rows(world).get(self.at).copied().unwrap_or(Row::Go)
    }

    fn move_to(&mut self, at: usize, world: &World) {
        self.at = at.min(self.rows(world).len().saturating_sub(1));
        self.mistake = None;
        self.replacing = None;
        self.read_typed(world);
    }

    /// The line to type into says what is written.
    fn read_typed(&mut self, world: &World) {
        if let Row::Setting(setting) = self.row(world) {
            let text = self.editor.text();
            let written = Outline::read(&text).ok().and_then(|outline| setting.get(&outline));
            self.typed.set(written.unwrap_or_default());
        }
    }

    /// Looks at the host, and asks.
    fn go(&mut self, world: &World, out: &mut Effects) {
        match self.order(world) {
            Ok(order) => {
                self.ordered = Some(order.key());
                let errand = Errand::Create(Box::new(order));
                out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
            }
            Err(why) => out.say(Level::Warning, why),
        }
    }

    fn order(&mut self, world: &World) -> Result<Order, String> {
        let host = self.host(world).ok_or("there is no host on which something may be changed")?;
        let (name, namespace) = (self.name.text().trim().to_owned(), self.namespace());
        create::check_name("name", &name).map_err(|error| error.to_string())?;
        create::check_name("namespace", &namespace).map_err(|error| error.to_string())?;
        match Request::new(&name, &namespace, &self.editor.text()) {
            Ok(request) => Ok(Order::new(host, request).with_term(self.lives()?, self.owner())),
            Err(problems) => {
                self.pane = Pane::Text;
                self.editor.jump_to_problem();
                let first = problems.all().first().map(ToString::to_string).unwrap_or_default();
                Err(first)
            }
        }
    }

    fn turn(&mut self, world: &World) {
        self.pane = match self.pane {
            Pane::Form => Pane::Text,
            Pane::Text => Pane::Form,
        };
        self.move_to(self.at, world);
    }
}

impl Default for CreateScreen {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for CreateScreen {
    fn address(&self) -> Address {
        Address::of("create")
    }

    fn title(&self, _: &World) -> String {
        "create a virtual cluster".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        match self.pane {
            Pane::Form => &[
                ("ctrl-g", "look and create"),
                ("tab", "vcluster.yaml"),
                ("up/down", "field"),
                ("left/right", "choose"),
                ("esc", "back"),
            ],
            Pane::Text => &[
                ("ctrl-g", "look and create"),
                ("tab", "form"),
                ("ctrl-u", "undo"),
                ("ctrl-n", "next problem"),
                ("esc", "form"),
            ],
        }
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        let key = match input {
            Input::Key(key) => *key,
            Input::Paste(pasted) => {
                self.paste(pasted, world);
                return true;
            }
            Input::Mouse(_) => return true,
        };
        match (key.code(), self.pane) {
            _ if key == Key::ctrl('g') => self.go(world, out),
            // What hands the terminal over or leaves v9s works here, too.
            _ if [Key::ctrl('c'), Key::ctrl('z'), Key::ctrl('l'), Key::ctrl('o')].contains(&key) => {
                return false;
            }
            (KeyCode::Tab | KeyCode::BackTab, _) => self.turn(world),
            (KeyCode::Esc, Pane::Text) => self.turn(world),
            (KeyCode::Esc, Pane::Form) => return false,
            _ if key == Key::ctrl('n') && self.pane == Pane::Text => self.editor.jump_to_problem(),
            (_, Pane::Text) => return self.editor.key(key),
            (_, Pane::Form) => return self.form_key(key, world, out),
        }
        true
    }

    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        match news {
            News::Entered => {
                if self.ordered.as_ref().is_some_and(|key| world.fleet.find(key).is_some()) {
                    *self = CreateScreen::new();
                }
                if self.name.text().is_empty() {
                    let name = self.rows(world).iter().position(|row| matches!(row, Row::Name));
                    self.at = name.unwrap_or_default();
                }
                self.asked = Some(out.read(Read::Presets));
            }
            News::Reply(ticket, Reply::Presets(own)) if self.asked == Some(*ticket) => {
                // One of v9s' names that a person has is the person's.
                self.presets.retain(|(name, _)| !own.iter().any(|(other, _)| other == name));
                self.presets.extend(own.iter().cloned());
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        self.paint(area, buf, world);
    }
}
