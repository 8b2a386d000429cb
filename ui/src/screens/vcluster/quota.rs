//! Every key of every quota, where it goes, and who takes it. The pods are asked about while the tab is seen.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use v9s::known::Known;
use v9s::lifecycle::quota::Found;

use super::overview::{page_offer, wheel};
use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope, action};
use crate::app::messages::Level;
use crate::app::reads::{Read, Reply};
use crate::app::{Asked, Cmd, Effects, Input, News, Offer};
use crate::format;
use crate::panes::quota::{QuotaPane, View};
use crate::screens::text::step;
use crate::screens::verb;

/// How old a reading may become while it is seen: it lists every pod of the namespace.
const FRESH: TimeDelta = TimeDelta::seconds(30);

/// The quotas.
#[derive(Default)]
pub struct QuotaTab {
    pane: QuotaPane,
    asked: Asked,
    asked_at: Option<DateTime<Utc>>,
    /// What takes them.
    found: Option<Box<Found>>,
    /// Why that cannot be read.
    failed: Option<String>,
}

impl QuotaTab {
    fn read(&mut self, seen: Seen<'_>, out: &mut Effects) {
        self.asked_at = Some(seen.world.now);
        // Where there is no quota there is nothing that could be taken of it.
        if seen.vcluster.quota.is_known() {
            self.asked.ask(Read::Quota(seen.vcluster.key.clone()), out);
        } else {
            self.asked.forget(out);
        }
    }
}

impl Tab for QuotaTab {
    fn name(&self) -> &'static str {
        "quota"
    }

    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        seen.vcluster.quota.get()?.worst()?.ratio.map(format::percent)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[
            Scope::Moving,
            Scope::Tabs,
            Scope::List,
            Scope::Object,
            Scope::Vcluster,
            Scope::Whole,
            Scope::Residue,
        ]
    }

    fn offer(&self, action: &Action, _: Seen<'_>) -> Offer {
        page_offer(action)
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        match action {
            ActionId::Refresh => self.read(seen, out),
            ActionId::CopyRow => match &seen.vcluster.quota {
                Known::Yes(quota) => {
                    out.cmd(Cmd::Copy { text: QuotaPane::text(quota), what: "the quotas".to_owned() });
                }
                Known::No(_) | Known::NotApplicable => out.say(Level::Info, "there is no quota to copy"),
            },
            _ => match step(action) {
                Some(step) => self.pane.go(step),
                None => return false,
            },
        }
        true
    }

    fn input(&mut self, input: &Input, _: Seen<'_>, _: &mut Effects) -> bool {
        wheel(input, |step| self.pane.go(step))
    }

    fn news(&mut self, news: &News, seen: Seen<'_>, out: &mut Effects) {
        match news {
            News::Entered => self.read(seen, out),
            News::Left => self.asked.forget(out),
            News::Tick => {
                let old = self.asked_at.is_none_or(|at| seen.world.now - at >= FRESH);
                if old && !self.asked.waits() {
                    self.read(seen, out);
                }
            }
            News::Reply(ticket, Reply::Quota(told)) if self.asked.take(*ticket) => {
                self.asked_at = Some(seen.world.now);
                match told {
                    Ok(found) => (self.found, self.failed) = (Some(found.clone()), None),
                    Err(why) => self.failed = Some(why.clone()),
                }
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        let Seen { vcluster, world } = seen;
        let offered = verb::offer(action(ActionId::Quota), vcluster, world) == Offer::Possible;
        let press = Some(world.config.keymap.label(ActionId::Quota)).filter(|key| offered && !key.is_empty());
        let view = View {
            vcluster,
            watch: world.quotas.get(&vcluster.key),
            found: self.found.as_deref(),
            failed: self.failed.as_deref(),
            press: press.as_deref(),
        };
        self.pane.render(view, area, buf, &world.theme, world.now);
    }
}
