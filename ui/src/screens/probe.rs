//! To whom a probe of the network goes: the other virtual clusters of the same host.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Widget;
use v9s::fleet::model::{Vcluster, VclusterKey};

use super::popup;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::line::Line;
use crate::app::{Address, Effect, Effects, Input, Layer, World};
use crate::text;
use crate::theme::Slot;
use crate::verbs::Errand;

/// So many are shown at a time.
const ROWS: u16 = 12;

/// The choice for one virtual cluster.
pub struct ProbePopup {
    from: VclusterKey,
    words: Line,
    at: usize,
    first: usize,
}

impl ProbePopup {
    /// From this one.
    pub fn new(vcluster: &Vcluster) -> Self {
        ProbePopup { from: vcluster.key.clone(), words: Line::default(), at: 0, first: 0 }
    }

    /// Those in whose name or namespace every typed word is found.
    fn shown(&self, world: &World) -> Vec<VclusterKey> {
        let words = self.words.text().to_lowercase();
        let others = world.fleet.vclusters.iter().map(|vcluster| &vcluster.key);
        let others = others.filter(|key| key.host == self.from.host && key.namespace != self.from.namespace);
        let fits = |key: &&VclusterKey| {
            words.split_whitespace().all(|word| key.name.contains(word) || key.namespace.contains(word))
        };
        others.filter(fits).cloned().collect()
    }

    fn go(&self, world: &World, out: &mut Effects) {
        let Some(to) = self.shown(world).into_iter().nth(self.at) else { return };
        out.push(Effect::Close);
        let errand = Errand::Probe { from: self.from.clone(), to };
        out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
    }

    fn step(&mut self, by: isize, world: &World) {
        let last = self.shown(world).len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }
}

impl Layer for ProbePopup {
    fn address(&self) -> Address {
        Address::of("probe")
    }

    fn title(&self, _: &World) -> String {
        format!("whose pods do those of {}/{} reach?", self.from.namespace, self.from.name)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("type", "narrows"), ("enter", "look"), ("esc", "cancel")]
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        match input {
            Input::Key(key) => match key.code() {
                KeyCode::Enter => self.go(world, out),
                KeyCode::Esc => out.push(Effect::Close),
                KeyCode::Up => self.step(-1, world),
                KeyCode::Down => self.step(1, world),
                _ => {
                    self.at = 0;
                    return self.words.key(*key);
                }
            },
            Input::Paste(pasted) => self.words.insert(pasted),
            Input::Mouse(_) => {}
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let title = self.title(world);
        let inside = popup::frame(popup::centered(area, 72, ROWS + 3), buf, world, &title, Slot::Title);
        let mut rows = inside.rows();
        let Some(row) = rows.next() else { return };
        popup::input(row, buf, world, "> ", &self.words);
        let shown = self.shown(world);
        let page = usize::from(inside.height.saturating_sub(1));
        self.at = self.at.min(shown.len().saturating_sub(1));
        self.first = self.first.clamp(self.at.saturating_sub(page.saturating_sub(1)), self.at);
        if shown.is_empty() {
            let said = format!("no other on {} has that in its name", text::clean(&self.from.host));
            if let Some(row) = rows.next() {
                Text::styled(said, world.theme.style(Slot::Muted)).render(row, buf);
            }
        }
        for ((at, key), row) in shown.iter().enumerate().skip(self.first).zip(rows) {
            let cursor = if at == self.at { world.theme.symbols().cursor } else { " " };
            let said = format!("{cursor} {}/{}", text::clean(&key.namespace), text::clean(&key.name));
            let slot = if at == self.at { Slot::Selection } else { Slot::Text };
            let said = text::pad(&said, usize::from(row.width), text::Align::Left).into_owned();
            Text::styled(said, world.theme.style(slot)).render(row, buf);
        }
    }
}
