//! Where backups go and who can read them: asked before the first one, and offered as it was answered last.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Widget;
use smol_str::SmolStr;
use v9s::fleet::model::{Vcluster, VclusterKey};

use super::confirm::wrapped;
use super::fields::Fields;
use super::popup;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::{Address, Cmd, Effect, Effects, Habits, Input, Layer, News, World};
use crate::text;
use crate::theme::Slot;
use crate::verbs::{Errand, Saving, UNENCRYPTED, place, readers};

/// The lines of the form.
const TO: usize = 0;
const READERS: usize = 1;

/// The form for one virtual cluster or for several.
pub struct BackupPopup {
    keys: Vec<VclusterKey>,
    hidden: usize,
    fields: Fields<2>,
    asked: Option<Ticket>,
    mistake: Option<String>,
}

impl BackupPopup {
    /// For these, of which so many do not show.
    pub fn new(chosen: &[&Vcluster], hidden: usize) -> Self {
        BackupPopup {
            keys: chosen.iter().map(|vcluster| vcluster.key.clone()).collect(),
            hidden,
            fields: Fields::new(["to", "readers"]),
            asked: None,
            mistake: None,
        }
    }

    fn go(&mut self, world: &World, out: &mut Effects) {
        let (to, for_whom) = (self.fields.text(TO), self.fields.text(READERS));
        if let Err(why) = place(to).map(drop).and_then(|()| readers(for_whom).map(drop)) {
            self.mistake = Some(why);
            return;
        }
        let (to, for_whom) = (to.to_owned(), for_whom.to_owned());
        out.cmd(Cmd::Keep(Habits { to: to.clone(), readers: for_whom.clone(), ..Habits::default() }));
        let mut unnoted: Vec<SmolStr> = self.keys.iter().map(|key| key.host.clone()).collect();
        unnoted.retain(|host| world.config.read_only_because(host).is_some());
        let (keys, hidden) = (self.keys.clone(), self.hidden);
        let errand = Errand::Backup(Saving { keys, hidden, unnoted, to, readers: for_whom });
        out.push(Effect::Close);
        out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
    }
}

impl Layer for BackupPopup {
    fn address(&self) -> Address {
        Address::of("backup")
    }

    fn title(&self, _: &World) -> String {
        match self.keys.as_slice() {
            [VclusterKey { namespace, name, .. }] => format!("back up {namespace}/{name}"),
            keys => format!("back up {} virtual clusters", keys.len()),
        }
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("enter", "look"), ("tab", "other line"), ("ctrl-u", "empty the line"), ("esc", "cancel")]
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        match input {
            Input::Key(key) => match key.code() {
                KeyCode::Enter => self.go(world, out),
                KeyCode::Esc => out.push(Effect::Close),
                _ => {
                    self.mistake = None;
                    return self.fields.key(*key);
                }
            },
            Input::Paste(pasted) => self.fields.insert(pasted),
            Input::Mouse(_) => {}
        }
        true
    }

    fn news(&mut self, news: &News, _: &World, out: &mut Effects) {
        match news {
            News::Entered if self.asked.is_none() => self.asked = Some(out.read(Read::Habits)),
            News::Reply(ticket, Reply::Habits(habits)) if self.asked == Some(*ticket) => {
                self.fields.offer(TO, &habits.to);
                self.fields.offer(READERS, &habits.readers);
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let width = area.width.saturating_sub(4).min(100);
        let (said, slot) = match (&self.mistake, self.fields.at()) {
            (Some(mistake), _) => (mistake.clone(), Slot::Warn),
            (None, TO) => {
                ("a folder of this machine, or s3://BUCKET/PREFIX?url=…&region=…".to_owned(), Slot::Muted)
            }
            (None, _) => (
                format!(
                    "public keys (age1…) with commas between, or {UNENCRYPTED}: then certificates and keys are left out, and whoever gets it reads every Secret"
                ),
                Slot::Muted,
            ),
        };
        let said = wrapped(&text::clean(&said), usize::from(width).saturating_sub(4));
        let height = u16::try_from(said.len()).unwrap_or(u16::MAX).saturating_add(5);
        let title = self.title(world);
        let inside = popup::frame(popup::centered(area, width, height), buf, world, &title, Slot::Title);
        let mut rows = inside.rows();
        self.fields.draw(&mut rows.by_ref().take(2), buf, world);
        rows.next();
        for (line, row) in said.into_iter().zip(rows) {
            Text::styled(line, theme.style(slot)).render(row, buf);
        }
    }
}
