//! How long a virtual cluster is to live, and whose it is: two lines to fill in.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use smol_str::SmolStr;
use v9s::fleet::model::{Vcluster, VclusterKey};
use v9s::known::Known;

use super::popup;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::line::Line;
use crate::app::{Address, Effect, Effects, Input, Layer, World};
use crate::cli::args::duration;
use crate::format;
use crate::text;
use crate::theme::Slot;
use crate::verbs::{Ends, Errand, Lifetime};

/// Room for the words in front.
const WORD: u16 = 8;

/// The form for one virtual cluster.
pub struct ExtendPopup {
    key: VclusterKey,
    /// How long from now on; empty leaves it.
    lives: Line,
    owner: Line,
    /// Who answers for it as it is.
    before: SmolStr,
    on_owner: bool,
    mistake: Option<String>,
}

impl ExtendPopup {
    /// For this one.
    pub fn new(vcluster: &Vcluster) -> Self {
        let before = vcluster.owner.clone().unwrap_or_default();
        ExtendPopup {
            key: vcluster.key.clone(),
            lives: Line::default(),
            owner: Line::new(before.as_str()),
            before,
            on_owner: false,
            mistake: None,
        }
    }

    fn lifetime(&self) -> Result<Lifetime, String> {
        let ends = match self.lives.text().trim() {
            "" => None,
            "forever" => Some(Ends::Never),
            typed => Some(Ends::After(duration(typed)?)),
        };
        let owner = self.owner.text().trim();
        let owner = (owner != self.before).then(|| SmolStr::from(owner));
        if ends.is_none() && owner.is_none() {
            return Err("nothing was changed".to_owned());
        }
        Ok(Lifetime { ends, owner })
    }

    fn go(&mut self, out: &mut Effects) {
        match self.lifetime() {
            Ok(lifetime) => {
                out.push(Effect::Close);
                let errand = Errand::Extend { key: self.key.clone(), lifetime };
                out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
            }
            Err(why) => self.mistake = Some(why),
        }
    }

    /// How it is now.
    fn now(&self, world: &World) -> String {
        match world.fleet.find(&self.key).map(|vcluster| &vcluster.expires) {
            Some(Known::Yes(ends)) if *ends <= world.now => "its time is over".to_owned(),
            Some(Known::Yes(ends)) => {
                format!("ends in {}", format::short(format::elapsed(world.now, *ends)))
            }
            Some(Known::NotApplicable) => "does not end by itself".to_owned(),
            Some(Known::No(why)) => format!("it is not known when it ends: {why}"),
            None => String::new(),
        }
    }
}

impl Layer for ExtendPopup {
    fn address(&self) -> Address {
        Address::of("extend")
    }

    fn title(&self, _: &World) -> String {
        format!("how long {}/{} lives", self.key.namespace, self.key.name)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("enter", "look"), ("tab", "other line"), ("esc", "cancel")]
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, _: &World, out: &mut Effects) -> bool {
        let line = if self.on_owner { &mut self.owner } else { &mut self.lives };
        match input {
            Input::Key(key) => match key.code() {
                KeyCode::Enter => self.go(out),
                KeyCode::Tab | KeyCode::BackTab | KeyCode::Up | KeyCode::Down => {
                    self.on_owner = !self.on_owner;
                }
                KeyCode::Esc => out.push(Effect::Close),
                _ => {
                    self.mistake = None;
                    return line.key(*key);
                }
            },
            Input::Paste(pasted) => line.insert(pasted),
            Input::Mouse(_) => {}
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let title = self.title(world);
        let inside = popup::frame(popup::centered(area, 72, 6), buf, world, &title, Slot::Title);
        let mut rows = inside.rows();
        let fields = [("lives", &self.lives, !self.on_owner), ("owner", &self.owner, self.on_owner)];
        if let Some(row) = rows.next() {
            let words = [("now", Slot::Muted), (self.now(world).as_str(), Slot::Text)].map(|(said, slot)| {
                Span::styled(format!("{said:<0$}", usize::from(WORD)), theme.style(slot))
            });
            Text::from(words.to_vec()).render(row, buf);
        }
        for ((word, line, current), row) in fields.into_iter().zip(rows.by_ref()) {
            let slot = if current { Slot::Accent } else { Slot::Muted };
            buf.set_span(row.x, row.y, &Span::styled(word, theme.style(slot)), row.width);
            let skip = WORD.min(row.width);
            let field = Rect { x: row.x + skip, width: row.width - skip, ..row };
            if current {
                popup::input(field, buf, world, "", line);
            } else {
                let said = text::clean(line.text()).into_owned();
                Text::styled(said, theme.style(Slot::Text)).render(field, buf);
            }
        }
        if let Some(row) = rows.next() {
            let (said, slot) = match &self.mistake {
                Some(mistake) => (mistake.as_str(), Slot::Warn),
                None => ("from now on: 8h, 3d, or forever; empty leaves it as it is", Slot::Muted),
            };
            Text::styled(text::clean(said).into_owned(), theme.style(slot)).render(row, buf);
        }
    }
}
