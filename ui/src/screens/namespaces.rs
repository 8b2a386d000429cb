//! The namespaces of the hosts: narrow the watches to some of them, or widen them again.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;

use super::list::{Item, List, Rows};
use crate::actions::{ActionId, Scope};
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::registry::{Entry, Opened};
use crate::app::world::Session;
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, News, World};
use crate::columns::{Cell, Column, Cut, Direction, Value};
use crate::filter::{Field, Kind, Language};
use crate::format;
use crate::text::{self, Align};
use crate::theme::Slot;

/// The namespaces, or one at once.
pub const ENTRY: Entry = Entry {
    name: "namespaces",
    aliases: &["ns", "namespace"],
    title: "choose namespaces; with names, switch at once: a,b or *",
    argument: "NAME",
    open: |opening| {
        if opening.argument.is_empty() {
            return Ok(Opened::Screen(Box::new(NamespaceScreen::new())));
        }
        let named =
            opening.argument.split([',', ' ']).filter(|name| !name.is_empty()).map(SmolStr::new).collect();
        Ok(Opened::Effects(vec![Effect::Switch(session(named, opening.world))]))
    },
    complete: |world| {
        let mut names: Vec<String> =
            world.fleet.vclusters.iter().map(|vcluster| vcluster.key.namespace.to_string()).collect();
        names.sort_unstable();
        names.dedup();
        names
    },
};

/// The same contexts with other namespaces; `*` is all of them.
fn session(mut namespaces: Vec<SmolStr>, world: &World) -> Session {
    if namespaces.iter().any(|name| name == "*") {
        namespaces.clear();
    }
    Session { namespaces, ..world.session.clone() }
}

/// One row of the screen: a namespace of one or more hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    name: SmolStr,
    vclusters: u32,
    hosts: u32,
    watched: bool,
}

static LANGUAGE: Language<Row> = Language {
    words: |row| vec![&row.name],
    fields: &[Field { names: &["name"], kind: Kind::Text, value: |row, _| Value::Text(&row.name) }],
    labels: |_| None,
};

const fn number(id: &'static str, title: &'static str, drop: u8) -> Column<Row> {
    Column { align: Align::Right, first: Direction::Down, ..Column::words(id, title, 9, drop, Cut::End) }
}

static COLUMNS: [Column<Row>; 4] = [
    Column {
        cell: |row, _| match row.name.as_str() {
            "*" => Cell::new("* (all)", Slot::Accent),
            name => Cell::foreign(name, Slot::Text),
        },
        value: |row| Value::Text(&row.name),
        align: Align::Left,
        cut: Cut::Middle,
        min: 26,
        preferred: 40,
        grow: 40,
        first: Direction::Up,
        ..number("name", "NAME", 0)
    },
    Column {
        cell: |row, look| if row.watched { Cell::status("watched", Slot::Ok, look) } else { Cell::empty() },
        value: |row| Value::Number(if row.watched { 1.0 } else { 0.0 }),
        align: Align::Left,
        ..number("watched", "WATCHED", 1)
    },
    Column {
        cell: |row, _| Cell::new(format::count(u64::from(row.vclusters)), Slot::Text),
        value: |row| Value::Number(f64::from(row.vclusters)),
        ..number("vclusters", "VCLUSTERS", 2)
    },
    Column {
        cell: |row, look| match row.hosts {
            0 => Cell::not_applicable(look),
            hosts => Cell::new(format::count(u64::from(hosts)), Slot::Muted),
        },
        value: |row| Value::Number(f64::from(row.hosts)),
        ..number("hosts", "HOSTS", 3)
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

    fn language() -> &'static Language<Self> {
        &LANGUAGE
    }
}

struct NamespaceScreen {
    list: List<Row>,
    rows: Vec<Row>,
    revision: u64,
    /// What each host has told.
    told: BTreeMap<SmolStr, Result<Vec<SmolStr>, String>>,
    asked: BTreeMap<Ticket, SmolStr>,
}

impl NamespaceScreen {
    fn new() -> Self {
        let list = List::new("Namespaces", &COLUMNS, "name");
        Self { list, rows: Vec::new(), revision: 0, told: BTreeMap::new(), asked: BTreeMap::new() }
    }

    fn ask(&mut self, world: &World, out: &mut Effects) {
        for (ticket, _) in std::mem::take(&mut self.asked) {
            out.cmd(Cmd::Forget(ticket));
        }
        for host in &world.fleet.hosts {
            let ticket = out.read(Read::Namespaces { host: host.context.clone() });
            self.asked.insert(ticket, host.context.clone());
        }
    }

    /// All namespaces that hosts have told of, and those where virtual clusters have been seen or looked for.
    fn gather(&mut self, world: &World) {
        let mut rows: BTreeMap<SmolStr, Row> = BTreeMap::new();
        let told = self.told.values().flatten().flatten().map(|name| (name, 1));
        let wanted = world.session.namespaces.iter().map(|name| (name, 0));
        for (name, hosts) in told.chain(wanted) {
            rows.entry(name.clone()).or_default().hosts += hosts;
        }
        for vcluster in &world.fleet.vclusters {
            rows.entry(vcluster.key.namespace.clone()).or_default().vclusters += 1;
        }
        rows.entry("*".into()).or_default().vclusters = world.fleet.vclusters.len() as u32;
        let watched = &world.session.namespaces;
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|(name, row)| {
                let watched = if name == "*" { watched.is_empty() } else { watched.contains(&name) };
                Row { name, watched, ..row }
            })
            .collect();
        if rows != self.rows {
            self.rows = rows;
            self.revision += 1;
        }
    }

    /// Why the list may not be whole, in one line.
    fn missing(&self) -> Option<&String> {
        self.told.values().find_map(|told| told.as_ref().err())
    }
}

impl Layer for NamespaceScreen {
    fn address(&self) -> Address {
        Address::of("namespaces")
    }

    fn title(&self, _: &World) -> String {
        "namespaces".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::List]
    }

    fn typing(&self) -> bool {
        self.list.typing()
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
                self.ask(world, out);
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
        match news {
            News::Entered => self.ask(world, out),
            News::Reply(ticket, Reply::Namespaces(told)) => {
                if let Some(host) = self.asked.remove(ticket) {
                    self.told.insert(host, told.clone());
                }
            }
            _ => {}
        }
        self.gather(world);
        self.list.sync(Rows { all: &self.rows, revision: self.revision }, world.now);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let rows = Rows { all: &self.rows, revision: self.revision };
        let Some(missing) = self.missing().filter(|_| area.height > 2) else {
            return self.list.draw(area, buf, world, rows, "");
        };
        let note = Rect { y: area.bottom() - 1, height: 1, ..area };
        let (symbols, style) = (world.theme.symbols(), world.theme.style(Slot::Unknown));
        let said = format!(" {} not all are shown: {}", symbols.unknown, text::clean(missing));
        buf.set_stringn(note.x, note.y, &said, usize::from(note.width), style);
        self.list.draw(Rect { height: area.height - 1, ..area }, buf, world, rows, "");
    }
}
