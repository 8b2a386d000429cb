//! What is wrong anywhere, worst first: one line for each finding of the fleet.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::fleet::Fleet;
use v9s::fleet::model::{Finding, Severity, VclusterKey};

use super::explain::ExplainScreen;
use super::list::{Item, List, Rows};
use crate::actions::{Action, ActionId, Scope};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effect, Effects, Input, Layer, News, Offer, World};
use crate::columns::{Cell, Column, Cut, Direction, Value};
use crate::filter::{Field, Kind, Language};
use crate::format;
use crate::panes::overview::Remedy;
use crate::text::Align;
use crate::theme::Slot;

/// The list.
pub const ENTRY: Entry = Entry {
    name: "findings",
    aliases: &["problems"],
    title: "everything that is wrong in the fleet, worst first",
    argument: "/FILTER",
    open: |opening| {
        let mut screen = FindingsScreen::new(opening.world);
        if let Some(typed) = opening.argument.strip_prefix('/') {
            screen.list.set_filter(typed);
        }
        Ok(Opened::Screen(Box::new(screen)))
    },
    complete: no_completion,
};

/// One finding of one virtual cluster.
pub struct Found {
    tenant: VclusterKey,
    finding: Finding,
    /// Which one of those with the same code.
    nth: usize,
    stale: bool,
}

const fn column(id: &'static str, title: &'static str, width: u16, drop: u8) -> Column<Found> {
    Column::words(id, title, width, drop, Cut::End)
}

static COLUMNS: [Column<Found>; 8] = [
    Column {
        cell: |one, look| Cell::status(word(one.finding.severity), one.finding.severity.into(), look),
        value: |one| Value::Number(f64::from(one.finding.severity as u8)),
        first: Direction::Down,
        ..column("severity", "SEVERITY", 10, 0)
    },
    Column {
        cell: |one, _| Cell::foreign(&one.tenant.name, Slot::Text),
        value: |one| Value::Text(&one.tenant.name),
        preferred: 18,
        grow: 14,
        cut: Cut::Middle,
        ..column("name", "TENANT", 12, 0)
    },
    Column {
        cell: |one, _| Cell::foreign(&one.tenant.namespace, Slot::Muted),
        value: |one| Value::Text(&one.tenant.namespace),
        preferred: 18,
        cut: Cut::Middle,
        ..column("namespace", "NAMESPACE", 12, 4)
    },
    Column {
        cell: |one, _| Cell::foreign(&one.tenant.host, Slot::Muted),
        value: |one| Value::Text(&one.tenant.host),
        cut: Cut::Middle,
        ..column("host", "HOST", 12, 5)
    },
    Column {
        cell: |one, _| Cell::foreign(&one.finding.message, Slot::Text),
        value: |one| Value::Text(&one.finding.message),
        preferred: 60,
        grow: 120,
        ..column("finding", "FINDING", 28, 1)
    },
    Column {
        cell: |one, look| match one.finding.since {
            Some(since) => Cell::new(format::age(since, look.now), Slot::Muted),
            None => Cell::unknown(look),
        },
        value: |one| Value::age(one.finding.since),
        align: Align::Right,
        ..column("since", "FOR", 5, 2)
    },
    Column {
        cell: |one, _| match tab_of(one) {
            Some(remedy) => Cell::new(remedy.words(), Slot::Key),
            None => Cell::new("overview", Slot::Muted),
        },
        value: |one| Value::Text(tab_of(one).map_or("overview", Remedy::words)),
        preferred: 22,
        ..column("opens", "ENTER OPENS", 11, 3)
    },
    Column {
        cell: |one, _| Cell::new(one.finding.code, Slot::Muted),
        value: |one| Value::Text(one.finding.code),
        wide: true,
        ..column("code", "CODE", 20, 6)
    },
];

static LANGUAGE: Language<Found> = Language {
    words: |one| vec![&one.tenant.name, &one.tenant.namespace, &one.finding.message, one.finding.code],
    fields: FIELDS,
    labels: |_| None,
};

static FIELDS: &[Field<Found>] = &[
    Field { names: &["name", "tenant"], kind: Kind::Text, value: |one, _| Value::Text(&one.tenant.name) },
    Field {
        names: &["ns", "namespace"],
        kind: Kind::Text,
        value: |one, _| Value::Text(&one.tenant.namespace),
    },
    Field {
        names: &["host", "ctx", "context"],
        kind: Kind::Text,
        value: |one, _| Value::Text(&one.tenant.host),
    },
    Field { names: &["severity"], kind: Kind::Text, value: |one, _| Value::Text(word(one.finding.severity)) },
    Field { names: &["code"], kind: Kind::Text, value: |one, _| Value::Text(one.finding.code) },
];

/// What helps, where that is a tab of its own.
fn tab_of(one: &Found) -> Option<Remedy> {
    Remedy::of_finding(one.finding.code).filter(|remedy| *remedy != Remedy::Certificates)
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

impl Item for Found {
    type Key = (VclusterKey, SmolStr, usize);

    fn key(&self) -> Self::Key {
        (self.tenant.clone(), self.finding.code.into(), self.nth)
    }

    fn name(&self) -> &str {
        &self.tenant.name
    }

    fn is_fault(&self) -> bool {
        self.finding.severity >= Severity::Warning
    }

    fn is_stale(&self) -> bool {
        self.stale
    }

    fn language() -> &'static Language<Self> {
        &LANGUAGE
    }
}

struct FindingsScreen {
    list: List<Found>,
    found: Vec<Found>,
    revision: u64,
}

/// Every finding, those of a virtual cluster together and in their order.
fn all(fleet: &Fleet) -> Vec<Found> {
    let of_one = |vcluster: &std::sync::Arc<v9s::fleet::Vcluster>| {
        let findings = vcluster.findings.iter().enumerate().map(|(at, finding)| Found {
            tenant: vcluster.key.clone(),
            finding: finding.clone(),
            nth: vcluster.findings.iter().take(at).filter(|one| one.code == finding.code).count(),
            stale: vcluster.stale_since.is_some(),
        });
        findings.collect::<Vec<_>>()
    };
    fleet.vclusters.iter().flat_map(of_one).collect()
}

impl FindingsScreen {
    fn new(world: &World) -> Self {
        let list = List::new("Findings", &COLUMNS, "severity");
        FindingsScreen { list, found: all(&world.fleet), revision: world.snapshot }
    }

    fn look(&mut self, world: &World) {
        if self.revision != world.snapshot {
            (self.found, self.revision) = (all(&world.fleet), world.snapshot);
        }
        let rows = Rows { all: &self.found, revision: self.revision };
        self.list.sync(rows, world.now);
    }

    fn rows(&self) -> Rows<'_, Found> {
        Rows { all: &self.found, revision: self.revision }
    }

    fn explain(&self, out: &mut Effects) {
        if let Some(one) = self.list.current(self.rows()) {
            let screen = ExplainScreen::control_plane(one.tenant.clone());
            out.push(Effect::Open(Box::new(screen)));
        }
    }

    fn open(&self, tab: Option<&str>, out: &mut Effects) {
        if let Some(one) = self.list.current(self.rows()) {
            let VclusterKey { host, namespace, name } = &one.tenant;
            let there = Remedy::of_finding(one.finding.code).map_or("overview", Remedy::place);
            out.push(Effect::Command(format!("vc {host}/{namespace}/{name} {}", tab.unwrap_or(there))));
        }
    }
}

/// What stands in place of rows.
fn nothing(world: &World) -> &'static str {
    let blind = world.fleet.vclusters.iter().any(|vcluster| !vcluster.unknown.is_empty());
    match (world.arrived, blind) {
        (false, _) => "looking for virtual clusters",
        (true, true) => {
            "nothing was found that is wrong; not everything could be looked at (`?` in the fleet)"
        }
        (true, false) => "nothing was found that is wrong",
    }
}

impl Layer for FindingsScreen {
    fn address(&self) -> Address {
        Address::of("findings")
    }

    fn title(&self, _: &World) -> String {
        "findings".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::List, Scope::Object]
    }

    fn typing(&self) -> bool {
        self.list.typing()
    }

    fn offer(&self, action: &Action, _: &World) -> Offer {
        let needs = action.scope == Scope::Object || action.id == ActionId::Open;
        match self.list.current(self.rows()) {
            None if needs => Offer::Impossible("there is none".into()),
            _ => Offer::Possible,
        }
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        match action {
            ActionId::Open => self.open(None, out),
            ActionId::Describe => self.open(Some("overview"), out),
            ActionId::Yaml => self.open(Some("yaml"), out),
            ActionId::Logs => self.open(Some("logs"), out),
            ActionId::PreviousLogs => self.open(Some("previous"), out),
            ActionId::Explain => self.explain(out),
            ActionId::Wide => return false,
            _ => {
                let rows = Rows { all: &self.found, revision: self.revision };
                return self.list.act(action, rows, world, out);
            }
        }
        true
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        let rows = Rows { all: &self.found, revision: self.revision };
        self.list.input(input, rows, world, out)
    }

    fn news(&mut self, news: &News, world: &World, _: &mut Effects) {
        if matches!(news, News::Fleet | News::Entered) {
            self.look(world);
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let rows = Rows { all: &self.found, revision: self.revision };
        self.list.draw(area, buf, world, rows, nothing(world));
    }
}
