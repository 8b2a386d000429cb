//! Things to choose from: the menu of verbs for the selection, and the palette of everything by name.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use smol_str::SmolStr;

use super::popup;
use crate::actions::{ACTIONS, ActionId, Scope};
use crate::app::line::Line;
use crate::app::messages::Level;
use crate::app::registry::{Entry, Opened, Opening, no_completion};
use crate::app::{Address, Effect, Effects, Input, Layer, Offer, World};
use crate::keymap::Key;
use crate::text;
use crate::theme::Slot;

/// Every verb for what is selected.
pub const MENU: Entry = Entry {
    name: "menu",
    aliases: &[],
    title: "what can be done here",
    argument: "",
    open: |opening| Ok(Opened::Popup(Box::new(menu(opening)))),
    complete: no_completion,
};

/// Every action and command by name.
pub const PALETTE: Entry = Entry {
    name: "palette",
    aliases: &[],
    title: "every action by name",
    argument: "",
    open: |opening| Ok(Opened::Popup(Box::new(palette(opening)))),
    complete: no_completion,
};

#[derive(Debug, Clone)]
enum Does {
    Action(ActionId),
    Command(&'static str),
}

#[derive(Debug, Clone)]
struct Item {
    name: &'static str,
    title: &'static str,
    key: String,
    does: Does,
    /// Why it cannot be done now.
    refused: Option<SmolStr>,
}

/// A list of things that can be done, and of those that cannot, with the reason.
pub struct Chooser {
    address: Address,
    title: &'static str,
    items: Vec<Item>,
    /// Words that narrow the list; none where a letter is the key of an action.
    words: Option<Line>,
    at: usize,
    first: usize,
}

fn menu(opening: &Opening<'_>) -> Chooser {
    let items = opening.offers.iter().filter_map(|(action, offer)| {
        let refused = match offer {
            Offer::Possible => None,
            Offer::Impossible(why) => Some(why.clone()),
            Offer::Absent => return None,
        };
        let (key, does) = (opening.world.config.keymap.label(action.id), Does::Action(action.id));
        Some(Item { name: action.name, title: action.title, key, does, refused })
    });
    Chooser::new("menu", "what can be done here", items.collect(), None)
}

fn palette(opening: &Opening<'_>) -> Chooser {
    let actions = ACTIONS.iter().map(|action| {
        let offer =
            opening.offers.iter().find(|(offered, _)| offered.id == action.id).map(|(_, offer)| offer);
        let refused = match offer {
            Some(Offer::Possible) => None,
            Some(Offer::Impossible(why)) => Some(why.clone()),
            Some(Offer::Absent) => Some("not in read-only mode".into()),
            None if action.scope == Scope::Everywhere || opening.scopes.contains(&action.scope) => None,
            None => Some(format!("on another screen: {}", action.scope).into()),
        };
        let (key, does) = (opening.world.config.keymap.label(action.id), Does::Action(action.id));
        Item { name: action.name, title: action.title, key, does, refused }
    });
    let commands = opening.registry.iter().map(|entry| Item {
        name: entry.name,
        title: entry.title,
        key: String::new(),
        does: Does::Command(entry.name),
        refused: None,
    });
    Chooser::new(
        "palette",
        "every action and screen",
        commands.chain(actions).collect(),
        Some(Line::default()),
    )
}

impl Chooser {
    fn new(screen: &'static str, title: &'static str, items: Vec<Item>, words: Option<Line>) -> Self {
        Self { address: Address::of(screen), title, items, words, at: 0, first: 0 }
    }

    /// The items that every typed word is found in.
    fn shown(&self) -> Vec<&Item> {
        let words = self.words.as_ref().map(|line| line.text().to_lowercase()).unwrap_or_default();
        let found = |item: &&Item| {
            words
                .split_whitespace()
                .all(|word| item.name.contains(word) || item.title.to_lowercase().contains(word))
        };
        self.items.iter().filter(found).collect()
    }

    fn choose(&self, item: &Item, out: &mut Effects) {
        match (&item.refused, &item.does) {
            (Some(why), _) => out.say(Level::Warning, format!("{}: {why}", item.title)),
            (None, Does::Action(id)) => out.push(Effect::Act(*id)),
            (None, Does::Command(name)) => {
                out.push(Effect::Close);
                out.push(Effect::Command((*name).to_owned()));
            }
        }
    }

    fn step(&mut self, by: isize) {
        let last = self.shown().len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    fn draw_row(item: &Item, selected: bool, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let enabled = item.refused.is_none();
        let of = |slot| if enabled { theme.style(slot) } else { theme.style(Slot::Disabled) };
        let cursor = if selected { theme.symbols().cursor } else { " " };
        let title = match &item.refused {
            Some(why) => format!("{}: {}", item.title, text::clean(why)),
            None => item.title.to_owned(),
        };
        let room = usize::from(area.width).saturating_sub(14);
        let title = text::cut_end(&title, room, theme.symbols().ellipsis).into_owned();
        Text::from(vec![
            Span::styled(cursor, of(Slot::Accent)),
            Span::styled(format!("{:<12} ", item.key), of(Slot::Key)),
            Span::styled(text::pad(&title, room, text::Align::Left).into_owned(), of(Slot::Text)),
        ])
        .render(area, buf);
        if selected {
            // Over the parts' own colours, which may not be readable on it.
            buf.set_style(area, theme.style(Slot::Selection));
        }
    }
}

impl Layer for Chooser {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn title(&self, _: &World) -> String {
        self.title.to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        if self.words.is_some() { &[] } else { &[Scope::Moving] }
    }

    fn typing(&self) -> bool {
        self.words.is_some()
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        match self.words {
            Some(_) => &[("type", "narrows"), ("enter", "do it"), ("esc", "close")],
            None => &[("enter", "do it"), ("its key", "does it too"), ("esc", "close")],
        }
    }

    fn act(&mut self, action: ActionId, _: &World, _: &mut Effects) -> bool {
        match action {
            ActionId::Up => self.step(-1),
            ActionId::Down => self.step(1),
            ActionId::PageUp => self.step(-10),
            ActionId::PageDown => self.step(10),
            ActionId::Top => self.step(isize::MIN),
            ActionId::Bottom => self.step(isize::MAX),
            _ => return false,
        }
        true
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        let key = match input {
            Input::Key(key) => *key,
            Input::Paste(pasted) => {
                if let Some(words) = &mut self.words {
                    words.insert(pasted);
                    self.at = 0;
                }
                return true;
            }
            Input::Mouse(_) => return true,
        };
        match key.code() {
            KeyCode::Enter if key == Key::plain(KeyCode::Enter) => {
                if let Some(item) = self.shown().get(self.at) {
                    self.choose(item, out);
                }
                return true;
            }
            KeyCode::Esc => out.push(Effect::Close),
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            _ => {
                if let Some(words) = &mut self.words {
                    self.at = 0;
                    return words.key(key);
                }
                let fits = |item: &&Item| match item.does {
                    Does::Action(id) => world.config.keymap.keys(id).contains(&key),
                    Does::Command(_) => false,
                };
                let Some(item) = self.items.iter().find(fits) else { return false };
                self.choose(item, out);
            }
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let typed = u16::from(self.words.is_some());
        let items = u16::try_from(self.items.len()).unwrap_or(u16::MAX);
        let height = items.saturating_add(2 + typed);
        let area = popup::centered(area, 78, height);
        let inside = popup::frame(area, buf, world, self.title, Slot::Title);
        if inside.height <= typed {
            return;
        }
        if let Some(words) = &self.words {
            popup::input(Rect { height: 1, ..inside }, buf, world, "> ", words);
        }
        let list = Rect { y: inside.y + typed, height: inside.height - typed, ..inside };
        let page = usize::from(list.height);
        let count = self.shown().len();
        self.at = self.at.min(count.saturating_sub(1));
        self.first = self.first.clamp(self.at.saturating_sub(page.saturating_sub(1)), self.at);
        let shown = self.shown();
        for ((at, item), row) in shown.iter().enumerate().skip(self.first).zip(list.rows()) {
            Self::draw_row(item, at == self.at, row, buf, world);
        }
    }
}
