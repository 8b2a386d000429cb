//! How its control plane is. Its API server and its host are asked while it is seen, and never while it rests.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use v9s::fleet::model::{Finding, Severity};
use v9s::health::control::code;

use super::overview::{key_of, page_offer, wheel};
use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::messages::Level;
use crate::app::reads::{Read, Reply};
use crate::app::stores::rests;
use crate::app::{Asked, Cmd, Effects, Input, News, Offer};
use crate::panes::control::{ControlPane, View};
use crate::panes::overview::Remedy;
use crate::screens::text::step;
use crate::theme::Slot;

/// How old a reading may become while it is seen.
const FRESH: TimeDelta = TimeDelta::seconds(10);

/// The control plane.
#[derive(Default)]
pub struct ControlTab {
    pane: ControlPane,
    asked: Asked,
    asked_at: Option<DateTime<Utc>>,
    /// Why it could not even be asked.
    failed: Option<String>,
}

impl ControlTab {
    fn read(&mut self, seen: Seen<'_>, out: &mut Effects) {
        self.asked_at = Some(seen.world.now);
        if rests(seen.vcluster.state) {
            self.asked.forget(out);
        } else {
            self.asked.ask(Read::Control(seen.vcluster.key.clone()), out);
        }
    }
}

/// What is known of it, and what to press, to a page.
fn with_view<T>(seen: Seen<'_>, page: impl FnOnce(View<'_>) -> T) -> Option<T> {
    let kept = seen.world.planes.get(&seen.vcluster.key)?;
    let press = |code: &str| {
        let remedy = match code {
            code::NOT_READY => Remedy::Store,
            code::DNS => Remedy::Pods,
            code => Remedy::of_finding(code).filter(|remedy| *remedy != Remedy::Control)?,
        };
        Some((key_of(remedy, seen.world)?, remedy.words()))
    };
    let thresholds = &seen.world.config.thresholds;
    Some(page(View { reading: kept.back()?, kept, thresholds, press: &press }))
}

impl Tab for ControlTab {
    fn name(&self) -> &'static str {
        "control"
    }

    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        let bad = |finding: &&Finding| {
            finding.code.starts_with("control-plane-") && finding.severity >= Severity::Warning
        };
        let worst = seen.vcluster.findings.iter().filter(bad).map(|finding| finding.severity).max()?;
        Some(seen.world.theme.symbols().of(Slot::from(worst)).to_owned())
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Tabs, Scope::List, Scope::Object, Scope::Vcluster, Scope::Whole]
    }

    fn offer(&self, action: &Action, _: Seen<'_>) -> Offer {
        page_offer(action)
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        match action {
            ActionId::Refresh => self.read(seen, out),
            ActionId::CopyRow => match with_view(seen, |view| ControlPane::text(view, seen.world.now)) {
                Some(text) => out.cmd(Cmd::Copy { text, what: "how its control plane is".to_owned() }),
                None => out.say(Level::Info, "nothing is known of its control plane yet"),
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
            News::Reply(ticket, Reply::Control(_, told)) if self.asked.take(*ticket) => {
                self.asked_at = Some(seen.world.now);
                self.failed = told.as_ref().err().cloned();
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        let world = seen.world;
        let symbols = world.theme.symbols();
        if let Some(why) = &self.failed {
            let text = format!(" {} {}", symbols.unknown, crate::text::clean(why));
            return Line::styled(text, world.theme.style(Slot::Unknown)).render(area, buf);
        }
        if rests(seen.vcluster.state) {
            let text = format!(" {} it does not run; nothing is asked of it", symbols.of(Slot::Paused));
            return Line::styled(text, world.theme.style(Slot::Paused)).render(area, buf);
        }
        let pane = &mut self.pane;
        let drawn = with_view(seen, |view| pane.render(view, area, buf, &world.theme, world.now));
        if drawn.is_none() {
            let text = format!(" {} looking at its control plane", symbols.pending);
            Line::styled(text, world.theme.style(Slot::Pending)).render(area, buf);
        }
    }
}
