//! The list of leftovers and what is done with it, for the screen of all tenants and the tab of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::{SmolStr, format_smolstr};
use v9s::fleet::model::{Host, Scope as Watched, VclusterKey};
use v9s::gc::{Place, Scope, Survey};

use super::evidence::EvidenceScreen;
use crate::actions::{Action, ActionId};
use crate::app::messages::Level;
use crate::app::reads::{Looking, Reply, Ticket};
use crate::app::{Cmd, Effect, Effects, Input, News, Offer, World};
use crate::filter::Language;
use crate::panes::leftovers::{COLUMNS, Is, LANGUAGE, Leftovers, Row};
use crate::screens::list::{Item, List, Rows};
use crate::screens::text::yaml::YamlScreen;
use crate::screens::verb::VerbDialog;
use crate::verbs::{Errand, Gathering};

impl Item for Row {
    type Key = (SmolStr, SmolStr);

    fn key(&self) -> Self::Key {
        (self.host.clone(), self.id.clone())
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_fault(&self) -> bool {
        matches!(self.is, Is::Proven | Is::Stuck)
    }

    fn language() -> &'static Language<Self> {
        &LANGUAGE
    }
}

/// Leftovers of all tenants, or of one.
pub struct Board {
    only: Option<VclusterKey>,
    list: List<Row>,
    left: Leftovers,
    /// Looks that are under way, and at which host.
    asked: BTreeMap<Ticket, SmolStr>,
    /// Whether it is seen.
    seen: bool,
    /// Jobs that had ended when it was last looked.
    ended: usize,
}

impl Board {
    /// Nothing is known yet. With a key, of that virtual cluster only.
    pub fn new(only: Option<VclusterKey>) -> Self {
        let place = only.as_ref().map(|key| Place::new(key.namespace.clone(), key.name.clone()));
        Board {
            only,
            list: List::new("Orphans", COLUMNS, "is"),
            left: Leftovers::new(place),
            asked: BTreeMap::new(),
            seen: false,
            ended: 0,
        }
    }

    /// Narrows the list before the person does.
    pub fn set_filter(&mut self, typed: &str) {
        self.list.set_filter(typed);
    }

    /// How many are proven; none while nothing was found.
    pub fn proven(&self) -> Option<usize> {
        self.left.proven()
    }

    /// Whether keys are text now.
    pub fn typing(&self) -> bool {
        self.list.typing()
    }

    fn rows(left: &Leftovers) -> Rows<'_, Row> {
        Rows { all: left.rows(), revision: left.revision() }
    }

    fn current(&self) -> Option<&Row> {
        self.list.current(Self::rows(&self.left))
    }

    /// Looks at a host; a look that is under way there begins anew.
    fn look(&mut self, host: &Host, world: &World, out: &mut Effects) {
        let host_name = &host.context;
        let before: Vec<Ticket> =
            self.asked.iter().filter(|(_, it)| *it == host_name).map(|(ticket, _)| *ticket).collect();
        for ticket in before {
            self.asked.remove(&ticket);
            out.cmd(Cmd::Forget(ticket));
        }
        let watched = match &host.scope {
            Watched::All => world.session.namespaces.clone(),
            Watched::Namespaces(named) => named.clone(),
        };
        let (name, namespaces) = match &self.only {
            // What has no namespace can only be looked at with all of them.
            Some(key) if watched.is_empty() => (Some(key.name.clone()), Vec::new()),
            Some(key) => (Some(key.name.clone()), vec![key.namespace.clone()]),
            None => (None, watched),
        };
        let scope = Scope { name, namespaces, ..Scope::default() };
        self.asked.insert(out.look(host_name.clone(), scope), host_name.clone());
        self.left.wait(host_name, "reaching it");
    }

    fn hosts<'a>(&self, world: &'a World) -> impl Iterator<Item = &'a Arc<Host>> + use<'a> {
        let only = self.only.as_ref().map(|key| key.host.clone());
        world.fleet.hosts.iter().filter(move |host| only.as_ref().is_none_or(|only| host.context == *only))
    }

    fn look_again(&mut self, world: &World, out: &mut Effects) {
        self.ended = ended(world);
        for host in self.hosts(world) {
            self.look(host, world, out);
        }
    }

    /// Looks where nobody has looked yet.
    fn look_first(&mut self, world: &World, out: &mut Effects) {
        for host in self.hosts(world) {
            let asked = self.asked.values().any(|asked| *asked == host.context);
            if !asked && !self.left.is_told(&host.context) {
                self.ended = ended(world);
                self.look(host, world, out);
            }
        }
    }

    fn forget(&mut self, out: &mut Effects) {
        for (ticket, host) in std::mem::take(&mut self.asked) {
            out.cmd(Cmd::Forget(ticket));
            self.left.stop(&host);
        }
    }

    /// What is marked or under the cursor, as far as it can be collected, and why the rest cannot.
    fn chosen(&self) -> Result<Gathering, SmolStr> {
        let chosen = self.list.chosen(Self::rows(&self.left));
        let (goes, stays): (Vec<&Row>, Vec<&Row>) = chosen.into_iter().partition(|row| row.kept.is_none());
        let Some(first) = goes.first() else {
            let why = stays.first().and_then(|row| row.kept.clone());
            return Err(why.unwrap_or_else(|| "there is none".into()));
        };
        if goes.iter().any(|row| row.host != first.host) {
            return Err("they are on several hosts, and this is done on one at a time".into());
        }
        let Some(survey) = self.left.found(&first.host) else { return Err("it is being looked at".into()) };
        let stay =
            |row: &&Row| row.kept.as_ref().map(|why| format_smolstr!("{} {}: {why}", row.kind, row.name));
        Ok(Gathering {
            host: first.host.clone(),
            survey: Arc::clone(survey),
            uids: goes.iter().map(|row| row.id.clone()).collect(),
            stays: stays.iter().filter_map(stay).collect(),
            hidden: self.list.hidden_marks(Self::rows(&self.left)),
        })
    }

    fn evidence(&self) -> Option<(&Row, &Arc<Survey>)> {
        let row = self.current()?;
        Some((row, self.left.found(&row.host)?))
    }

    /// Whether an action can be done now.
    pub fn offer(&self, action: &Action, world: &World) -> Offer {
        let none = || Offer::Impossible("there is none".into());
        match action.id {
            ActionId::Open if self.current().is_none() => none(),
            ActionId::Yaml => match self.current().map(|row| row.object.is_some()) {
                Some(true) => Offer::Possible,
                Some(false) => Offer::Impossible("it is no object of the host".into()),
                None => none(),
            },
            ActionId::Logs | ActionId::PreviousLogs | ActionId::Describe => Offer::Absent,
            ActionId::MarkProven if !self.left.rows().iter().any(is_for_all) => {
                Offer::Impossible("nothing is proven that goes by itself".into())
            }
            ActionId::Collect => match self.current().map(|row| &row.host) {
                Some(host) if world.config.read_only_because(host).is_some() => Offer::Absent,
                None if world.config.read_only => Offer::Absent,
                _ => self.chosen().map_or_else(Offer::Impossible, |_| Offer::Possible),
            },
            _ => Offer::Possible,
        }
    }

    /// Does an action. False when it means nothing here.
    pub fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        match action {
            ActionId::Refresh => self.look_again(world, out),
            ActionId::Open => {
                if let Some((row, survey)) = self.evidence() {
                    out.push(Effect::Open(Box::new(EvidenceScreen::new(row, survey, world))));
                }
            }
            ActionId::Yaml => {
                if let Some((host, object)) =
                    self.current().and_then(|row| Some((&row.host, row.object.clone()?)))
                {
                    out.push(Effect::Open(Box::new(YamlScreen::new(host.clone(), object))));
                }
            }
            ActionId::MarkProven => self.list.mark_all(Self::rows(&self.left), is_for_all),
            ActionId::Collect => match self.chosen() {
                Ok(gathering) => {
                    let errand = Errand::Collect(Box::new(gathering));
                    out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
                }
                Err(why) => out.say(Level::Info, why),
            },
            _ => return self.list.act(action, Self::rows(&self.left), world, out),
        }
        true
    }

    /// Takes what is typed into the filter, and the mouse.
    pub fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        self.list.input(input, Self::rows(&self.left), world, out)
    }

    /// Takes in what happened outside: it looks when it is seen, and stops when it is left.
    pub fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        match news {
            News::Entered => {
                self.seen = true;
                self.look_first(world, out);
            }
            News::Left => {
                self.seen = false;
                self.forget(out);
            }
            News::Fleet if self.seen => self.look_first(world, out),
            // What a job has done may have taken some away, or left some.
            News::Tick if self.seen && ended(world) > self.ended => self.look_again(world, out),
            News::Reply(ticket, Reply::Leftovers(told)) => self.take(*ticket, told, world),
            _ => {}
        }
        self.list.sync(Self::rows(&self.left), world.now);
    }

    fn take(&mut self, ticket: Ticket, told: &Looking, world: &World) {
        let Some(host) = self.asked.get(&ticket).cloned() else { return };
        match told {
            Looking::Under(doing) => return self.left.wait(&host, doing.clone()),
            Looking::Done(found) => self.left.set(&host, Arc::clone(found), world.now),
            Looking::Failed(why) => self.left.fail(&host, why),
        }
        self.asked.remove(&ticket);
    }

    /// Paints the line above and the list.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let head = Rect { height: area.height.min(1), ..area };
        self.left.render_head(head, buf, &world.theme, world.now);
        let body = Rect { y: head.bottom(), height: area.height - head.height, ..area };
        self.list.draw(body, buf, world, Self::rows(&self.left), self.left.emptiness());
    }
}

/// What goes when nobody picks: what holds data is picked by hand.
fn is_for_all(row: &Row) -> bool {
    row.kept.is_none() && !row.is_data
}

/// Jobs that have ended.
fn ended(world: &World) -> usize {
    world.jobs.all().len() - world.jobs.running()
}
