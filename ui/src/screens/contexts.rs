//! The contexts of the kubeconfig: choose which hosts to watch, also while the present one is dead.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::fleet::model::Link;

use super::list::{Item, List, Rows};
use crate::actions::{Action, ActionId, Scope};
use crate::app::registry::{Entry, Opened};
use crate::app::world::{Contexts, Session};
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, News, Offer, World};
use crate::columns::{Cell, Column, Cut, Direction, Value};
use crate::filter::{Field, Kind, Language};
use crate::theme::Slot;

/// The contexts, or one at once.
pub const ENTRY: Entry = Entry {
    name: "contexts",
    aliases: &["ctx", "context"],
    title: "choose hosts; with names, switch at once: a,b or *",
    argument: "NAME",
    open: |opening| {
        if opening.argument.is_empty() {
            return Ok(Opened::Screen(Box::new(ContextScreen::new())));
        }
        let named: Vec<SmolStr> =
            opening.argument.split([',', ' ']).filter(|name| !name.is_empty()).map(SmolStr::new).collect();
        if let Contexts::Read(known) = &opening.world.contexts
            && let Some(missing) =
                named.iter().find(|name| *name != "*" && known.iter().all(|row| row.name != **name))
        {
            return Err(format!("the kubeconfig has no context {missing:?}"));
        }
        Ok(Opened::Effects(vec![Effect::Switch(session(named, opening.world))]))
    },
    complete: |world| match &world.contexts {
        Contexts::Read(rows) => rows.iter().map(|row| row.name.to_string()).collect(),
        _ => Vec::new(),
    },
};

/// Another session; the namespaces belong to the old contexts and are dropped.
fn session(contexts: Vec<SmolStr>, world: &World) -> Session {
    let all_contexts = contexts.iter().any(|name| name == "*");
    let namespaces = world.config.namespaces.clone();
    Session { contexts: if all_contexts { Vec::new() } else { contexts }, all_contexts, namespaces }
}

/// One row of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    name: SmolStr,
    server: SmolStr,
    namespace: SmolStr,
    current: bool,
    seen: Seen,
}

/// Whether a context is watched now, and how that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    No,
    Loading,
    Live,
    Stale,
    Unreachable,
}

impl Seen {
    fn of(link: &Link) -> Self {
        match link {
            Link::Loading { .. } => Seen::Loading,
            Link::Live { .. } => Seen::Live,
            Link::Stale { .. } => Seen::Stale,
            Link::Unreachable { .. } => Seen::Unreachable,
        }
    }

    fn word(self) -> (&'static str, Slot) {
        match self {
            Seen::No => ("", Slot::Muted),
            Seen::Loading => ("loading", Slot::Pending),
            Seen::Live => ("live", Slot::Ok),
            Seen::Stale => ("stale", Slot::Stale),
            Seen::Unreachable => ("unreachable", Slot::Err),
        }
    }
}

static LANGUAGE: Language<Row> = Language {
    words: |row| vec![&row.name, &row.server],
    fields: &[
        Field { names: &["name"], kind: Kind::Text, value: |row, _| Value::Text(&row.name) },
        Field { names: &["server"], kind: Kind::Text, value: |row, _| Value::Text(&row.server) },
    ],
    labels: |_| None,
};

const fn column(id: &'static str, title: &'static str, width: u16, drop: u8) -> Column<Row> {
    Column::words(id, title, width, drop, Cut::Middle)
}

static COLUMNS: [Column<Row>; 5] = [
    Column {
        cell: |row, _| Cell::foreign(&row.name, Slot::Text),
        value: |row| Value::Text(&row.name),
        preferred: 36,
        grow: 40,
        ..column("name", "NAME", 16, 0)
    },
    Column {
        cell: |row, look| match row.seen {
            Seen::No => Cell::empty(),
            seen => Cell::status(seen.word().0, seen.word().1, look),
        },
        value: |row| Value::Text(row.seen.word().0),
        first: Direction::Down,
        ..column("watched", "WATCHED", 13, 0)
    },
    Column {
        cell: |row, _| Cell::new(if row.current { "current" } else { "" }, Slot::Accent),
        value: |row| Value::Number(if row.current { 0.0 } else { 1.0 }),
        ..column("kubeconfig", "KUBECONFIG", 10, 3)
    },
    Column {
        cell: |row, _| Cell::foreign(&row.namespace, Slot::Muted),
        value: |row| Value::Text(&row.namespace),
        preferred: 20,
        ..column("namespace", "NAMESPACE", 10, 2)
    },
    Column {
        cell: |row, _| Cell::foreign(&row.server, Slot::Muted),
        value: |row| Value::Text(&row.server),
        preferred: 40,
        grow: 40,
        ..column("server", "SERVER", 20, 1)
    },
];

impl Item for Row {
    type Key = SmolStr;

    fn key(&self) -> SmolStr {
        self.name.clone()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_fault(&self) -> bool {
        matches!(self.seen, Seen::Stale | Seen::Unreachable)
    }

    fn language() -> &'static Language<Self> {
        &LANGUAGE
    }
}

struct ContextScreen {
    list: List<Row>,
    rows: Vec<Row>,
    revision: u64,
}

impl ContextScreen {
    fn new() -> Self {
        Self { list: List::new("Contexts", &COLUMNS, "name"), rows: Vec::new(), revision: 0 }
    }

    fn gather(&mut self, world: &World) {
        let Contexts::Read(contexts) = &world.contexts else { return };
        let seen = |name: &str| world.fleet.host(name).map_or(Seen::No, |host| Seen::of(&host.link));
        let rows: Vec<Row> = contexts
            .iter()
            .map(|context| Row {
                seen: seen(&context.name),
                name: context.name.clone(),
                server: context.server.clone(),
                namespace: context.namespace.clone(),
                current: context.current,
            })
            .collect();
        if rows != self.rows {
            self.rows = rows;
            self.revision += 1;
        }
    }
}

impl Layer for ContextScreen {
    fn address(&self) -> Address {
        Address::of("contexts")
    }

    fn title(&self, _: &World) -> String {
        "contexts".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::List]
    }

    fn typing(&self) -> bool {
        self.list.typing()
    }

    fn offer(&self, action: &Action, _: &World) -> Offer {
        match action.id {
            ActionId::Open if self.rows.is_empty() => Offer::Impossible("there is no context".into()),
            _ => Offer::Possible,
        }
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        let rows = Rows { all: &self.rows, revision: self.revision };
        match action {
            ActionId::Open => {
                let names: Vec<SmolStr> =
                    self.list.chosen(rows).into_iter().map(|row| row.name.clone()).collect();
                if !names.is_empty() {
                    out.push(Effect::Switch(session(names, world)));
                }
                true
            }
            ActionId::Refresh => {
                out.cmd(Cmd::Contexts);
                true
            }
            _ => self.list.act(action, rows, world, out),
        }
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        let rows = Rows { all: &self.rows, revision: self.revision };
        self.list.input(input, rows, world, out)
    }

    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        if matches!(news, News::Entered) {
            out.cmd(Cmd::Contexts);
        }
        self.gather(world);
        let rows = Rows { all: &self.rows, revision: self.revision };
        self.list.sync(rows, world.now);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let empty = match &world.contexts {
            Contexts::Unread => "reading the kubeconfig".to_owned(),
            Contexts::Read(_) => "the kubeconfig has no contexts".to_owned(),
            Contexts::Failed(why) => why.clone(),
        };
        let rows = Rows { all: &self.rows, revision: self.revision };
        self.list.draw(area, buf, world, rows, &empty);
    }
}
