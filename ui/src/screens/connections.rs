//! Ways into virtual clusters that are open: how each is doing, a shell in it, its kubeconfig, and closing it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::list::{Item, List, Rows};
use crate::actions::{Action, ActionId, Scope};
use crate::app::connections::{Connection, ConnectionId, Way};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, News, Offer, World};
use crate::columns::{Cell, Column, Cut, Value};
use crate::filter::Language;
use crate::format;
use crate::text::{self, Align};
use crate::theme::Slot;

/// The list.
pub const ENTRY: Entry = Entry {
    name: "connections",
    aliases: &["tunnels", "pf"],
    title: "ways into virtual clusters that are open",
    argument: "",
    open: |_| Ok(Opened::Screen(Box::new(ConnectionsScreen::new()))),
    complete: no_completion,
};

const fn column(id: &'static str, title: &'static str, width: u16, drop: u8) -> Column<Connection> {
    Column::words(id, title, width, drop, Cut::End)
}

static COLUMNS: [Column<Connection>; 6] = [
    Column {
        cell: |one, _| Cell::foreign(&one.key.name, Slot::Text),
        value: |one| Value::Text(&one.key.name),
        preferred: 24,
        grow: 10,
        ..column("name", "NAME", 14, 0)
    },
    Column {
        cell: |one, _| Cell::foreign(&one.key.namespace, Slot::Muted),
        value: |one| Value::Text(&one.key.namespace),
        preferred: 24,
        ..column("namespace", "NAMESPACE", 14, 3)
    },
    Column {
        cell: |one, look| {
            let slot = if one.is_ready() { Slot::Ok } else { Slot::Warn };
            Cell::status(text::clean(&one.state()).into_owned(), slot, look)
        },
        value: |one| Value::Number(f64::from(u8::from(one.is_ready()))),
        preferred: 36,
        grow: 40,
        ..column("state", "STATE", 18, 0)
    },
    Column {
        cell: |one, _| Cell::foreign(&one.server, Slot::Text),
        value: |one| Value::Text(&one.server),
        ..column("server", "ADDRESS", 24, 1)
    },
    Column {
        cell: |one, _| match &one.way {
            Way::Tunnel(state) => Cell::new(format!("{}", state.open), Slot::Text),
            Way::Straight(_) => Cell::empty(),
        },
        value: |one| match &one.way {
            Way::Tunnel(state) => Value::Number(state.open as f64),
            Way::Straight(_) => Value::NotApplicable,
        },
        align: Align::Right,
        ..column("open", "OPEN", 5, 2)
    },
    Column {
        cell: |one, look| Cell::new(format::age(one.since, look.now), Slot::Muted),
        value: |one| Value::age(Some(one.since)),
        align: Align::Right,
        ..column("age", "AGE", 5, 4)
    },
];

static LANGUAGE: Language<Connection> =
    Language { words: |one| vec![&one.key.name, &one.key.namespace], fields: &[], labels: |_| None };

impl Item for Connection {
    type Key = ConnectionId;

    fn key(&self) -> ConnectionId {
        self.id
    }

    fn name(&self) -> &str {
        &self.key.name
    }

    fn is_fault(&self) -> bool {
        !self.is_ready()
    }

    fn language() -> &'static Language<Self> {
        &LANGUAGE
    }
}

struct ConnectionsScreen {
    list: List<Connection>,
}

impl ConnectionsScreen {
    fn new() -> Self {
        ConnectionsScreen { list: List::new("Connections", &COLUMNS, "name") }
    }
}

fn rows(world: &World) -> Rows<'_, Connection> {
    Rows { all: world.connections.all(), revision: world.connections.revision() }
}

impl Layer for ConnectionsScreen {
    fn address(&self) -> Address {
        Address::of("connections")
    }

    fn title(&self, _: &World) -> String {
        "connections".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::List, Scope::Connections]
    }

    fn typing(&self) -> bool {
        self.list.typing()
    }

    fn offer(&self, action: &Action, world: &World) -> Offer {
        let one = [ActionId::Shell, ActionId::CopyPath, ActionId::CloseConnection, ActionId::Open];
        let needs = one.contains(&action.id);
        match self.list.current(rows(world)) {
            None if needs => Offer::Impossible("there is none; C opens one from the fleet".into()),
            _ => Offer::Possible,
        }
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        let current = self.list.current(rows(world));
        match (action, current) {
            (ActionId::Open, Some(one)) => {
                let key = &one.key;
                out.push(Effect::Command(format!("vc {}/{}/{}", key.host, key.namespace, key.name)));
            }
            (ActionId::Disconnect, _) => out.push(Effect::Command("disconnect".to_owned())),
            (ActionId::Shell, Some(one)) => out.cmd(Cmd::Shell(one.id)),
            (ActionId::CopyPath, Some(one)) => {
                let text = format!("export KUBECONFIG={}", one.file.display());
                out.cmd(Cmd::Copy { text, what: "the path of its kubeconfig".to_owned() });
            }
            (ActionId::CloseConnection, Some(_)) => {
                for one in self.list.chosen(rows(world)) {
                    out.cmd(Cmd::Disconnect(one.id));
                }
            }
            _ => return self.list.act(action, rows(world), world, out),
        }
        true
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        self.list.input(input, rows(world), world, out)
    }

    fn news(&mut self, _: &News, world: &World, _: &mut Effects) {
        self.list.sync(rows(world), world.now);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        self.list.draw(area, buf, world, rows(world), "none is open; C on a virtual cluster opens one");
    }
}
