//! How to get into a virtual cluster: a choice of ways.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::fleet::state::State;

use super::popup;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, World};
use crate::keymap::Key;
use crate::text;
use crate::theme::Slot;
use crate::verbs::{Errand, Use};

/// What can be chosen: key, word, what it is.
const WAYS: [(char, Does, &str); 4] = [
    ('s', Does::Open(Use::Shell), "a shell in it: kubectl talks to it there, exit comes back"),
    ('t', Does::Open(Use::Keep), "keep it open: a kubeconfig file for other windows, until v9s ends"),
    ('m', Does::Open(Use::Merge), "a context in your own kubeconfig, made the current one"),
    ('c', Does::Copy, "copy the command that connects"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Open(Use),
    Copy,
}

/// The choice for one virtual cluster.
pub struct ConnectPopup {
    key: VclusterKey,
    paused: bool,
    at: usize,
}

impl ConnectPopup {
    /// For this one.
    pub fn new(vcluster: &Vcluster) -> Self {
        let paused = vcluster.state == State::Paused;
        ConnectPopup { key: vcluster.key.clone(), paused, at: 0 }
    }

    fn choose(&self, does: Does, world: &World, out: &mut Effects) {
        out.push(Effect::Close);
        let open = world.connections.leading_to(&self.key);
        match (does, open) {
            (Does::Copy, Some(open)) => {
                let text = format!("export KUBECONFIG={}", open.file.display());
                out.cmd(Cmd::Copy { text, what: "the path of its kubeconfig".to_owned() });
            }
            (Does::Copy, None) => {
                let VclusterKey { host, namespace, name } = &self.key;
                let text = format!("v9s connect {name} -n {namespace} --context {host}");
                out.cmd(Cmd::Copy { text, what: "the command".to_owned() });
            }
            // A way that is open serves for all.
            (Does::Open(Use::Shell), Some(open)) => out.cmd(Cmd::Shell(open.id)),
            (Does::Open(purpose), _) => {
                let may_wake = world.config.read_only_because(&self.key.host).is_none();
                let errand = Errand::Connect { key: self.key.clone(), purpose, may_wake };
                out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
            }
        }
    }
}

impl Layer for ConnectPopup {
    fn address(&self) -> Address {
        Address::of("connect")
    }

    fn title(&self, _: &World) -> String {
        format!("connect to {}/{}", self.key.namespace, self.key.name)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving]
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("enter", "do it"), ("its key", "does it too"), ("esc", "close")]
    }

    fn act(&mut self, action: ActionId, _: &World, _: &mut Effects) -> bool {
        match action {
            ActionId::Up => self.at = self.at.saturating_sub(1),
            ActionId::Down => self.at = (self.at + 1).min(WAYS.len() - 1),
            _ => return false,
        }
        true
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        let Input::Key(key) = input else { return true };
        let chosen = if *key == Key::plain(KeyCode::Enter) {
            WAYS.get(self.at)
        } else {
            WAYS.iter().find(|(letter, ..)| key.typed() == Some(*letter))
        };
        match chosen {
            Some((_, does, _)) => self.choose(*does, world, out),
            None => return false,
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let mut notes = Vec::new();
        if self.paused {
            notes.push("it is paused: you are asked before it is woken".to_owned());
        }
        if let Some(open) = world.connections.leading_to(&self.key) {
            notes.push(format!("open already at {}: {}", open.server, open.state()));
        }
        let height = u16::try_from(WAYS.len() + notes.len()).unwrap_or(8) + 2;
        let title = self.title(world);
        let inside = popup::frame(popup::centered(area, 78, height), buf, world, &title, Slot::Title);
        let mut rows = inside.rows();
        for (at, (letter, _, words)) in WAYS.iter().enumerate() {
            let Some(row) = rows.next() else { return };
            let cursor = if at == self.at { theme.symbols().cursor } else { " " };
            Text::from(vec![
                Span::styled(cursor, theme.style(Slot::Accent)),
                Span::styled(format!("{letter}  "), theme.style(Slot::Key)),
                Span::styled(*words, theme.style(Slot::Text)),
            ])
            .render(row, buf);
            if at == self.at {
                buf.set_style(row, theme.style(Slot::Selection));
            }
        }
        for (note, row) in notes.into_iter().zip(rows) {
            let said = text::clean(&note).into_owned();
            Text::styled(format!(" {said}"), theme.style(Slot::Warn)).render(row, buf);
        }
    }
}
