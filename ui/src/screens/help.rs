//! The keys, from the action table: those of this screen first, then all others.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;

use super::popup;
use crate::actions::{ACTIONS, ActionId, Scope};
use crate::app::registry::{Entry, Opened, Opening, no_completion};
use crate::app::{Address, Effects, Layer, World};
use crate::text;
use crate::theme::Slot;

/// The help.
pub const ENTRY: Entry = Entry {
    name: "help",
    aliases: &["h", "keys"],
    title: "all keys and commands",
    argument: "",
    open: |opening| Ok(Opened::Popup(Box::new(Help::new(opening)))),
    complete: no_completion,
};

/// What is neither an action nor a command.
const NOTES: [(&str, &str); 5] = [
    ("in dialogs", "y goes on, or type the count or name that is asked for; enter and esc cancel"),
    ("in filters", "text, !text, -l label=value; enter keeps it, esc clears it"),
    (
        "while typing",
        "ctrl-u clears, ctrl-w takes a word back, tab completes, up and down bring back earlier ones",
    ),
    ("mouse", "while it is on: click selects, click on a heading sorts, wheel moves, shift selects text"),
    ("colours", "every status has a sign and a word; NO_COLOR and --ascii are honoured"),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Row {
    Heading(String),
    Key(String, String),
    Blank,
}

struct Help {
    rows: Vec<Row>,
    first: usize,
    page: usize,
}

impl Help {
    fn new(opening: &Opening<'_>) -> Self {
        let mut rows = Vec::new();
        let here: Vec<Scope> =
            opening.scopes.iter().copied().filter(|scope| *scope != Scope::Moving).collect();
        let mut order: Vec<Scope> = here.iter().rev().copied().collect();
        order.extend([Scope::Everywhere, Scope::Moving]);
        for action in ACTIONS {
            if !order.contains(&action.scope) {
                order.push(action.scope);
            }
        }
        for scope in order {
            let elsewhere = if here.contains(&scope) || matches!(scope, Scope::Everywhere | Scope::Moving) {
                ""
            } else {
                " (on other screens)"
            };
            rows.push(Row::Heading(format!("{}{elsewhere}", scope.title())));
            for action in ACTIONS.iter().filter(|action| action.scope == scope) {
                let keys: Vec<String> =
                    opening.world.config.keymap.keys(action.id).iter().map(ToString::to_string).collect();
                let keys = if keys.is_empty() { format!(":{}", action.name) } else { keys.join(" ") };
                rows.push(Row::Key(keys, action.title.to_owned()));
            }
            rows.push(Row::Blank);
        }
        rows.push(Row::Heading("Commands".to_owned()));
        for entry in opening.registry {
            let names: Vec<&str> = std::iter::once(entry.name).chain(entry.aliases.iter().copied()).collect();
            let left = format!(":{} {}", names.join(" :"), entry.argument);
            rows.push(Row::Key(left.trim_end().to_owned(), entry.title.to_owned()));
        }
        rows.push(Row::Key(":ACTION".to_owned(), "any action by its name, such as :faults".to_owned()));
        rows.push(Row::Blank);
        rows.push(Row::Heading("Good to know".to_owned()));
        rows.extend(NOTES.iter().map(|(left, right)| Row::Key((*left).to_owned(), (*right).to_owned())));
        Self { rows, first: 0, page: 1 }
    }

    fn step(&mut self, by: isize) {
        let last = self.rows.len().saturating_sub(self.page);
        self.first = self.first.saturating_add_signed(by).min(last);
    }
}

impl Layer for Help {
    fn address(&self) -> Address {
        Address::of("help")
    }

    fn title(&self, _: &World) -> String {
        "help".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving]
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        &[("up down pgup pgdn", "move"), ("esc", "close")]
    }

    fn act(&mut self, action: ActionId, _: &World, _: &mut Effects) -> bool {
        let page = isize::try_from(self.page).unwrap_or(1);
        match action {
            ActionId::Up => self.step(-1),
            ActionId::Down => self.step(1),
            ActionId::PageUp => self.step(-page),
            ActionId::PageDown => self.step(page),
            ActionId::Top => self.step(isize::MIN),
            ActionId::Bottom => self.step(isize::MAX),
            _ => return false,
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let theme = &world.theme;
        let inside = popup::frame(popup::centered(area, 104, area.height), buf, world, "help", Slot::Title);
        self.page = usize::from(inside.height).max(1);
        self.step(0);
        let keys = self
            .rows
            .iter()
            .filter_map(|row| if let Row::Key(key, _) = row { Some(text::width(key)) } else { None })
            .max()
            .unwrap_or(0)
            .min(usize::from(inside.width) / 3);
        let ellipsis = theme.symbols().ellipsis;
        for (row, line) in self.rows.iter().skip(self.first).zip(inside.rows()) {
            match row {
                Row::Blank => {}
                Row::Heading(title) => {
                    Text::styled(title.as_str(), theme.style(Slot::Title)).render(line, buf)
                }
                Row::Key(key, title) => {
                    let room = usize::from(line.width).saturating_sub(keys + 2);
                    let key = text::cut_end(key, keys, ellipsis);
                    Text::from(vec![
                        Span::styled(
                            text::pad(&key, keys + 2, text::Align::Left).into_owned(),
                            theme.style(Slot::Key),
                        ),
                        Span::styled(
                            text::cut_end(title, room, ellipsis).into_owned(),
                            theme.style(Slot::Text),
                        ),
                    ])
                    .render(line, buf);
                }
            }
        }
    }
}
