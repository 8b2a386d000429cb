//! Other limits for the quota of a virtual cluster: a line for each key, and beside it what comes of what is typed.

use std::collections::BTreeMap;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use smol_str::SmolStr;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::lifecycle::quota::{KeyChange, Wish, amount};

use super::popup;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::line::Line;
use crate::app::{Address, Effect, Effects, Input, Layer, World};
use crate::format::{percent, quantity};
use crate::text;
use crate::theme::Slot;
use crate::verbs::Errand;

/// Columns of the popup.
const WIDTH: u16 = 100;
/// Columns of a limit that is typed.
const TYPED: u16 = 14;
/// Columns of what is used.
const USED: u16 = 12;

/// One key of one quota.
struct Row {
    quota: SmolStr,
    key: SmolStr,
    used: SmolStr,
    hard: SmolStr,
    line: Line,
}

/// The form for one virtual cluster.
pub struct QuotaPopup {
    key: VclusterKey,
    rows: Vec<Row>,
    /// One more, as `KEY=LIMIT`.
    more: Line,
    at: usize,
    /// First row that is shown.
    top: usize,
    mistake: Option<String>,
}

impl Row {
    fn change(&self) -> Result<KeyChange, String> {
        let typed = self.line.text().trim();
        let after = if typed.is_empty() { None } else { Some(amount(typed)?) };
        Ok(KeyChange {
            key: self.key.clone(),
            used: Some(self.used.clone()),
            before: Some(self.hard.clone()),
            after,
        })
    }

    /// What comes of what is typed, in a few words.
    fn effect(&self) -> (String, Slot) {
        let change = match self.change() {
            Ok(change) => change,
            Err(why) => return (why, Slot::Err),
        };
        let share = change.share().map_or_else(|| "all".to_owned(), percent);
        match change.after {
            // Of a ban there is no share.
            _ if !change.is_change() && change.share().is_none() => ("as it is".to_owned(), Slot::Muted),
            _ if !change.is_change() => (format!("{share} used"), Slot::Muted),
            None => ("no limit any more".to_owned(), Slot::Warn),
            Some(_) if change.is_below() => {
                (format!("below what is used ({share}): nothing new starts"), Slot::Err)
            }
            Some(_) => {
                let free = change.free().map(|free| quantity(&self.key, &format!("{free:.3}")));
                (format!("{share} used, {} free", free.unwrap_or_default()), Slot::Ok)
            }
        }
    }
}

impl QuotaPopup {
    /// For this one.
    pub fn new(vcluster: &Vcluster) -> Self {
        let entries = vcluster.quota.get().map(|quota| quota.entries.as_slice()).unwrap_or_default();
        let mut rows: Vec<Row> = entries
            .iter()
            .map(|entry| Row {
                quota: entry.quota.clone(),
                key: entry.resource.clone(),
                used: entry.used.clone(),
                hard: entry.hard.clone(),
                line: Line::new(entry.hard.as_str()),
            })
            .collect();
        // The fullest stays first, the rest of its quota beside it.
        let order: Vec<SmolStr> = rows.iter().map(|row| row.quota.clone()).collect();
        rows.sort_by_key(|row| order.iter().position(|name| *name == row.quota));
        QuotaPopup { key: vcluster.key.clone(), rows, more: Line::default(), at: 0, top: 0, mistake: None }
    }

    /// What was changed: of one quota, as each is written by itself.
    fn wish(&self) -> Result<Wish, String> {
        let mut quota: Option<SmolStr> = None;
        let mut set: BTreeMap<SmolStr, Option<SmolStr>> = BTreeMap::new();
        for row in &self.rows {
            let change = row.change().map_err(|why| format!("{}: {why}", row.key))?;
            if !change.is_change() {
                continue;
            }
            if quota.as_ref().is_some_and(|name| *name != row.quota) {
                return Err(format!("one quota at a time: leave {} for a second turn", row.quota));
            }
            quota = Some(row.quota.clone());
            set.insert(row.key.clone(), change.after);
        }
        let more = self.more.text().trim();
        if !more.is_empty() {
            let (key, limit) = more.split_once('=').ok_or("one more key is written as KEY=LIMIT")?;
            set.insert(key.trim().into(), Some(amount(limit)?));
        }
        if set.is_empty() {
            return Err("nothing was changed".to_owned());
        }
        Ok(Wish { quota, set })
    }

    fn go(&mut self, out: &mut Effects) {
        match self.wish() {
            Ok(wish) => {
                out.push(Effect::Close);
                let errand = Errand::Quota { key: self.key.clone(), wish };
                out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
            }
            Err(why) => self.mistake = Some(why),
        }
    }

    fn step(&mut self, down: bool) {
        let lines = self.rows.len() + 1;
        self.at = if down { (self.at + 1) % lines } else { (self.at + lines - 1) % lines };
    }

    fn line(&mut self) -> &mut Line {
        match self.rows.get_mut(self.at) {
            Some(row) => &mut row.line,
            None => &mut self.more,
        }
    }

    /// Keeps the row one stands on in view.
    fn settle(&mut self, height: usize) {
        let height = height.max(1);
        self.top = self.top.min(self.at).max((self.at + 1).saturating_sub(height));
    }

    fn draw_row(&self, at: usize, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let symbols = theme.symbols();
        let current = at == self.at;
        let slot = if current { Slot::Accent } else { Slot::Text };
        let name = area.width.saturating_sub(TYPED + USED + 2) / 2;
        let put = |buf: &mut Buffer, x: u16, said: &str, room: u16, slot: Slot| {
            let said = text::cut_middle(&text::clean(said), usize::from(room), symbols.ellipsis).into_owned();
            buf.set_span(area.x + x, area.y, &Span::styled(said, theme.style(slot)), room);
        };
        let field = Rect { x: area.x + name + 1 + USED, width: TYPED.min(area.width), ..area };
        let typed = |buf: &mut Buffer, line: &Line, field: Rect| {
            if current {
                popup::input(field, buf, world, "", line);
            } else {
                let said = text::clean(line.text()).into_owned();
                Text::styled(said, theme.style(Slot::Text)).render(field, buf);
            }
        };
        let Some(row) = self.rows.get(at) else {
            put(buf, 0, "one more: KEY=LIMIT", name, slot);
            let wide = Rect { x: area.x + name + 1, width: area.width.saturating_sub(name + 1), ..area };
            return typed(buf, &self.more, wide);
        };
        put(buf, 0, &row.key, name, slot);
        put(buf, name + 1, &quantity(&row.key, &row.used), USED - 2, Slot::Muted);
        typed(buf, &row.line, field.intersection(area));
        let (said, slot) = row.effect();
        let from = name + 1 + USED + TYPED + 1;
        let room = area.width.saturating_sub(from);
        let said = text::cut_end(&text::clean(&said), usize::from(room), symbols.ellipsis).into_owned();
        if room > 0 {
            buf.set_span(area.x + from, area.y, &Span::styled(said, theme.style(slot)), room);
        }
    }
}

impl Layer for QuotaPopup {
    fn address(&self) -> Address {
        Address::of("limits")
    }

    fn title(&self, _: &World) -> String {
        format!("limits of {}/{}", self.key.namespace, self.key.name)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("enter", "look"), ("up/down", "other key"), ("esc", "cancel")]
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, _: &World, out: &mut Effects) -> bool {
        match input {
            Input::Key(key) => match key.code() {
                KeyCode::Enter => self.go(out),
                KeyCode::Tab | KeyCode::Down => self.step(true),
                KeyCode::BackTab | KeyCode::Up => self.step(false),
                KeyCode::Esc => out.push(Effect::Close),
                _ => {
                    self.mistake = None;
                    return self.line().key(*key);
                }
            },
            Input::Paste(pasted) => self.line().insert(pasted),
            Input::Mouse(_) => {}
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let title = self.title(world);
        let lines = u16::try_from(self.rows.len() + 1).unwrap_or(u16::MAX);
        let height = lines.saturating_add(4).min(area.height);
        let width = WIDTH.min(area.width.saturating_sub(2));
        let inside = popup::frame(popup::centered(area, width, height), buf, world, &title, Slot::Title);
        let Some(room) = inside.height.checked_sub(2) else { return };
        self.settle(usize::from(room));
        let heading = match self.rows.get(self.at).map(|row| row.quota.as_str()) {
            Some(quota) => format!("{} of {}  quota {quota}", self.at + 1, self.rows.len()),
            None if self.rows.is_empty() => "there is no limit yet".to_owned(),
            None => "a key that is not limited yet".to_owned(),
        };
        let head = Rect { height: 1, ..inside };
        Text::styled(text::clean(&heading).into_owned(), theme.style(Slot::Muted)).render(head, buf);
        for (offset, at) in (self.top..=self.rows.len()).take(usize::from(room)).enumerate() {
            let y = inside.y + 1 + u16::try_from(offset).unwrap_or_default();
            self.draw_row(at, Rect { y, height: 1, ..inside }, buf, world);
        }
        let foot = Rect { y: inside.bottom().saturating_sub(1), height: 1, ..inside };
        let (said, slot) = match &self.mistake {
            Some(mistake) => (mistake.as_str(), Slot::Warn),
            None => ("enter shows what comes of it; empty takes a limit away", Slot::Muted),
        };
        Text::styled(text::clean(said).into_owned(), theme.style(slot)).render(foot, buf);
    }
}
