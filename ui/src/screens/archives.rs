//! Which backup of a virtual cluster, what opens it, and what becomes of it: verified, restored, or another one made of it.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use v9s::fleet::model::{Vcluster, VclusterKey};

use super::fields::Fields;
use super::popup;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::{Address, Cmd, Effect, Effects, Habits, Input, Layer, News, World};
use crate::format;
use crate::text;
use crate::theme::Slot;
use crate::verbs::{Archive, Archived, Duplicate, Errand};

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is read to its end.
    Verify,
    /// It takes the place of what is stored.
    Restore,
    /// Another virtual cluster is made of it.
    Duplicate,
}

/// The lines of the form; the last two are for another virtual cluster.
const FROM: usize = 0;
const IDENTITY: usize = 1;
const NAME: usize = 2;
const NAMESPACE: usize = 3;
/// Rows for backups.
const ROWS: usize = 8;

/// What lies there.
enum Shelf {
    /// Not looked at, or it is being looked at.
    Looking(Option<Ticket>),
    /// The good ones, newest first.
    Found(Vec<Archive>),
    /// It cannot be looked at.
    Failed(String),
}

/// The form for one virtual cluster.
pub struct ArchivesPopup {
    key: VclusterKey,
    purpose: Purpose,
    fields: Fields<4>,
    /// Where its last good backup lies, as it is noted.
    noted: Option<String>,
    habits: Option<Ticket>,
    /// The place that was looked at.
    seen: String,
    shelf: Shelf,
    at: usize,
    mistake: Option<String>,
}

impl ArchivesPopup {
    /// For this one.
    pub fn new(vcluster: &Vcluster, purpose: Purpose) -> Self {
        let good = vcluster.backups.good.get().and_then(Option::as_ref);
        ArchivesPopup {
            key: vcluster.key.clone(),
            purpose,
            fields: Fields::new(["from", "identity", "name", "namespace"]),
            noted: good.map(|good| good.to.to_string()),
            habits: None,
            seen: String::new(),
            shelf: Shelf::Looking(None),
            at: 0,
            mistake: None,
        }
    }

    /// Lines that are filled in for this purpose.
    fn lines(&self) -> usize {
        if self.purpose == Purpose::Duplicate { 4 } else { 2 }
    }

    fn offer(&mut self, habits: &Habits) {
        let from = self.noted.clone().unwrap_or_else(|| habits.to.clone());
        self.fields.offer(FROM, &from);
        self.fields.offer(IDENTITY, &habits.identity);
        let name = format!("{}-copy", self.key.name);
        self.fields.offer(NAMESPACE, &format!("vcluster-{name}"));
        self.fields.offer(NAME, &name);
    }

    /// Looks at the place that is written there.
    fn look(&mut self, out: &mut Effects) {
        let at = self.fields.text(FROM).to_owned();
        self.seen.clone_from(&at);
        self.at = 0;
        self.shelf = Shelf::Looking(Some(out.read(Read::Shelf { key: self.key.clone(), at })));
    }

    fn go(&mut self, out: &mut Effects) {
        if self.seen != self.fields.text(FROM) {
            return self.look(out);
        }
        let chosen = match &self.shelf {
            Shelf::Found(found) => found.get(self.at),
            Shelf::Failed(_) => return self.look(out),
            Shelf::Looking(_) => return,
        };
        let Some(chosen) = chosen else {
            self.mistake = Some("no good backup of it lies there".to_owned());
            return;
        };
        let identity = self.fields.text(IDENTITY).to_owned();
        if chosen.sealed && identity.is_empty() {
            self.mistake = Some("it is encrypted: name the file with the identity that opens it".to_owned());
            return;
        }
        let of = Archived {
            key: self.key.clone(),
            at: self.seen.clone(),
            file: chosen.file.clone(),
            identity: identity.clone(),
        };
        let errand = match self.purpose {
            Purpose::Verify => Errand::Verify(of),
            Purpose::Restore => Errand::Restore(of),
            Purpose::Duplicate => {
                let (name, namespace) = (self.fields.text(NAME), self.fields.text(NAMESPACE));
                let (name, namespace) = (name.to_owned(), namespace.to_owned());
                Errand::Duplicate(Duplicate { of, namespace, name })
            }
        };
        out.cmd(Cmd::Keep(Habits { identity, ..Habits::default() }));
        out.push(Effect::Close);
        out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
    }

    fn step(&mut self, by: isize) {
        let last = if let Shelf::Found(found) = &self.shelf { found.len().saturating_sub(1) } else { 0 };
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// What is said instead of backups.
    fn instead(&self) -> Option<(String, Slot)> {
        match &self.shelf {
            Shelf::Looking(_) => Some(("looking at what lies there".to_owned(), Slot::Pending)),
            Shelf::Failed(why) => Some((why.clone(), Slot::Err)),
            Shelf::Found(found) if found.is_empty() => {
                Some(("no good backup of it lies there; enter looks at another place".to_owned(), Slot::Warn))
            }
            Shelf::Found(_) => None,
        }
    }

    fn draw_archives(&self, rows: &mut impl Iterator<Item = Rect>, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let Shelf::Found(found) = &self.shelf else { return };
        let first = self.at.saturating_sub(ROWS - 1);
        for ((at, archive), row) in found.iter().enumerate().skip(first).zip(rows.take(ROWS)) {
            let cursor = if at == self.at { theme.symbols().cursor } else { " " };
            let seal = if archive.sealed { "encrypted" } else { "open" };
            let told = format!(
                "{}  {:>8} ago  {:>7} keys  {:>9}  {seal}",
                archive.at.format("%Y-%m-%d %H:%M"),
                format::age(archive.at, world.now),
                archive.keys,
                format::bytes(archive.length as f64),
            );
            Text::from(vec![
                Span::styled(cursor, theme.style(Slot::Accent)),
                Span::styled(told, theme.style(Slot::Text)),
            ])
            .render(row, buf);
            if at == self.at {
                buf.set_style(row, theme.style(Slot::Selection));
            }
        }
    }
}

impl Layer for ArchivesPopup {
    fn address(&self) -> Address {
        Address::of("archives")
    }

    fn title(&self, _: &World) -> String {
        let verb = match self.purpose {
            Purpose::Verify => "verify a backup of",
            Purpose::Restore => "restore a backup of",
            Purpose::Duplicate => "make another virtual cluster of a backup of",
        };
        format!("{verb} {}/{}", self.key.namespace, self.key.name)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("enter", "look"), ("up down", "which backup"), ("tab", "other line"), ("esc", "cancel")]
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, _: &World, out: &mut Effects) -> bool {
        match input {
            Input::Key(key) => {
                self.mistake = None;
                match key.code() {
                    KeyCode::Enter => self.go(out),
                    KeyCode::Esc => out.push(Effect::Close),
                    KeyCode::Up => self.step(-1),
                    KeyCode::Down => self.step(1),
                    KeyCode::Tab | KeyCode::BackTab => {
                        self.fields.key(*key);
                        // Lines that do not show are passed over.
                        while self.fields.at() >= self.lines() {
                            self.fields.key(*key);
                        }
                    }
                    _ => return self.fields.key(*key),
                }
            }
            Input::Paste(pasted) => self.fields.insert(pasted),
            Input::Mouse(_) => {}
        }
        true
    }

    fn news(&mut self, news: &News, _: &World, out: &mut Effects) {
        match (news, &self.shelf) {
            (News::Entered, _) if self.habits.is_none() => self.habits = Some(out.read(Read::Habits)),
            (News::Reply(ticket, Reply::Habits(habits)), _) if self.habits == Some(*ticket) => {
                self.offer(habits);
                self.look(out);
            }
            (News::Reply(ticket, Reply::Shelf(found)), Shelf::Looking(asked)) if *asked == Some(*ticket) => {
                self.shelf = match found {
                    Ok(found) => Shelf::Found(found.clone()),
                    Err(why) => Shelf::Failed(why.clone()),
                };
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let listed = if let Shelf::Found(found) = &self.shelf { found.len().clamp(1, ROWS) } else { 2 };
        let height = u16::try_from(self.lines() + listed + 5).unwrap_or(u16::MAX);
        let width = area.width.saturating_sub(4).min(100);
        let title = self.title(world);
        let inside = popup::frame(popup::centered(area, width, height), buf, world, &title, Slot::Title);
        let mut rows = inside.rows();
        self.fields.draw(&mut rows.by_ref().take(self.lines()), buf, world);
        rows.next();
        match self.instead() {
            Some((said, slot)) => {
                let said = super::confirm::wrapped(&text::clean(&said), usize::from(inside.width));
                for (line, row) in said.into_iter().zip(rows.by_ref().take(listed)) {
                    Text::styled(line, theme.style(slot)).render(row, buf);
                }
            }
            None => self.draw_archives(&mut rows.by_ref().take(listed), buf, world),
        }
        rows.next();
        if let Some(row) = rows.next() {
            let (said, slot) = match &self.mistake {
                Some(mistake) => (mistake.as_str(), Slot::Warn),
                None if self.fields.at() == IDENTITY => {
                    ("the file that age-keygen made; none for a backup that is not encrypted", Slot::Muted)
                }
                None => ("a change of the place is looked at with enter; enter again goes on", Slot::Muted),
            };
            Text::styled(text::clean(said).into_owned(), theme.style(slot)).render(row, buf);
        }
    }
}
