//! All virtual clusters of all hosts: where one starts.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::sync::{Arc, LazyLock};

use v9s::fleet::model::{Link, Severity, Vcluster, VclusterKey};

use super::explain::ExplainScreen;
use super::list::{Item, List, Rows};
use super::verb;
use crate::actions::{Action, ActionId, Scope};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effect, Effects, Input, Layer, News, Offer, World};
use crate::columns::{self, Column};
use crate::filter::{self, Language};

/// The fleet.
pub const ENTRY: Entry = Entry {
    name: "fleet",
    aliases: &["vclusters", "home"],
    title: "all virtual clusters, worst first",
    argument: "/FILTER",
    open: |opening| {
        let mut fleet = FleetScreen::new();
        if let Some(typed) = opening.argument.strip_prefix('/') {
            fleet.set_filter(typed);
        }
        Ok(Opened::Screen(Box::new(fleet)))
    },
    complete: no_completion,
};

impl Item for Vcluster {
    type Key = VclusterKey;

    fn key(&self) -> VclusterKey {
        self.key.clone()
    }

    fn name(&self) -> &str {
        &self.key.name
    }

    fn is_fault(&self) -> bool {
        let worst = self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
        self.state.severity().max(worst) >= Severity::Warning
    }

    fn is_stale(&self) -> bool {
        self.stale_since.is_some()
    }

    fn language() -> &'static Language<Self> {
        &filter::fleet::LANGUAGE
    }
}

/// Those that end soon, next first.
pub const EXPIRING: Entry = Entry {
    name: "expiring",
    aliases: &[],
    title: "virtual clusters whose time ends soon, next first; within 7d unless said otherwise",
    argument: "TIME",
    open: |opening| {
        let within = if opening.argument.is_empty() { SOON } else { opening.argument };
        crate::cli::args::duration(within).map_err(|why| format!("expiring {within}: {why}"))?;
        Ok(Opened::Screen(Box::new(FleetScreen::expiring(within))))
    },
    complete: |_| ["1h", "24h", "7d", "30d"].map(str::to_owned).to_vec(),
};

/// The columns of the fleet, of which those that this is about come behind the name and stay.
static EXPIRING_COLUMNS: LazyLock<Vec<Column<Vcluster>>> = LazyLock::new(|| {
    const FIRST: [&str; 3] = ["name", "expires", "owner"];
    let all = columns::fleet::COLUMNS;
    let first = FIRST.iter().filter_map(|id| columns::find(all, id));
    let first = first.map(|column| Column { drop: 0, wide: false, ..*column });
    let rest = all.iter().filter(|column| !FIRST.contains(&column.id)).map(|column| Column { ..*column });
    first.chain(rest).collect()
});

/// What ends within this time ends soon.
const SOON: &str = "7d";

/// The table of all virtual clusters.
pub struct FleetScreen {
    list: List<Vcluster>,
    address: Address,
}

impl FleetScreen {
    /// Sorted worst first.
    pub fn new() -> Self {
        Self { list: List::new("Fleet", columns::fleet::COLUMNS, "state"), address: Address::of("fleet") }
    }

    /// Those that end within a time, next first.
    pub fn expiring(within: &str) -> Self {
        let mut list = List::new("Expiring", EXPIRING_COLUMNS.as_slice(), "expires");
        list.set_filter(&format!("expires<{within}"));
        Self { list, address: Address { screen: "expiring", argument: within.into() } }
    }

    /// Narrows the table before the person does.
    pub fn set_filter(&mut self, typed: &str) {
        self.list.set_filter(typed);
    }

    fn explain(&self, world: &World, out: &mut Effects) {
        if let Some(vcluster) = self.list.current(rows(world)) {
            let screen = ExplainScreen::control_plane(vcluster.key.clone());
            out.push(Effect::Open(Box::new(screen)));
        }
    }

    fn open(&self, tab: &str, world: &World, out: &mut Effects) {
        if let Some(vcluster) = self.list.current(rows(world)) {
            let VclusterKey { host, namespace, name } = &vcluster.key;
            out.push(Effect::Command(format!("vc {host}/{namespace}/{name} {tab}")));
        }
    }
}

impl Default for FleetScreen {
    fn default() -> Self {
        Self::new()
    }
}

fn rows(world: &World) -> Rows<'_, Arc<Vcluster>> {
    Rows { all: &world.fleet.vclusters, revision: world.snapshot }
}

/// What stands in place of rows.
fn nothing_yet(world: &World) -> String {
    let mut links = world.fleet.hosts.iter().map(|host| &host.link);
    if !world.arrived || links.clone().any(|link| matches!(link, Link::Loading { .. })) {
        return "looking for virtual clusters".to_owned();
    }
    match links.find_map(|link| if let Link::Unreachable { error, .. } = link { Some(error) } else { None }) {
        Some(error) => error.to_string(),
        None => "no virtual clusters here; : types a command, such as ctx for another context".to_owned(),
    }
}

impl Layer for FleetScreen {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn title(&self, _: &World) -> String {
        self.address.screen.to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[
            Scope::Moving,
            Scope::Fleet,
            Scope::List,
            Scope::Object,
            Scope::Vcluster,
            Scope::Whole,
            Scope::Residue,
        ]
    }

    fn typing(&self) -> bool {
        self.list.typing()
    }

    fn offer(&self, action: &Action, world: &World) -> Offer {
        if action.id == ActionId::Create {
            // Where one may is looked at before anything is made.
            let mut hosts = world.fleet.hosts.iter().map(|host| &host.context);
            let some = hosts.len() == 0 || hosts.any(|host| world.config.read_only_because(host).is_none());
            return if some && !world.config.read_only { Offer::Possible } else { Offer::Absent };
        }
        if !verb::is_verb(action) {
            return Offer::Possible;
        }
        let chosen = self.list.chosen(rows(world));
        match chosen.as_slice() {
            [] => Offer::Impossible("there is none".into()),
            [one] => verb::offer(action, one, world),
            many => verb::offer_several(action, many, world),
        }
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        match action {
            ActionId::Open | ActionId::Describe => self.open("overview", world, out),
            ActionId::Yaml => self.open("yaml", world, out),
            ActionId::Logs => self.open("logs", world, out),
            ActionId::PreviousLogs => self.open("previous", world, out),
            ActionId::Explain => self.explain(world, out),
            ActionId::Orphans => out.push(Effect::Command("orphans".to_owned())),
            ActionId::Create => out.push(Effect::Command("create".to_owned())),
            ActionId::Wide => return false,
            _ => {
                let chosen = self.list.chosen(rows(world));
                let took = match chosen.as_slice() {
                    [] => false,
                    [one] => verb::act(action, one, out),
                    many => verb::act_on_several(action, many, self.list.hidden_marks(rows(world)), out),
                };
                return took || self.list.act(action, rows(world), world, out);
            }
        }
        true
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        self.list.input(input, rows(world), world, out)
    }

    fn news(&mut self, news: &News, world: &World, _: &mut Effects) {
        if matches!(news, News::Fleet | News::Entered) {
            self.list.sync(rows(world), world.now);
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        self.list.draw(area, buf, world, rows(world), &nothing_yet(world));
    }
}
