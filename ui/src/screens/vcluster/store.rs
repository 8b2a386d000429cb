//! How its store is. It is read while it is seen, as nothing that is watched knows it, and never while it rests.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;
use v9s::fleet::model::Severity;

use super::overview::{page_offer, wheel};
use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::messages::Level;
use crate::app::reads::{Read, Reply};
use crate::app::stores::rests;
use crate::app::{Asked, Cmd, Effect, Effects, Input, News, Offer};
use crate::panes::store::{StorePane, View};
use crate::screens::text::step;
use crate::screens::verb::{self, VerbDialog};
use crate::theme::Slot;
use crate::verbs::{Errand, Wish};

/// How old a reading may become while it is seen.
const FRESH: TimeDelta = TimeDelta::seconds(10);

/// The store.
#[derive(Default)]
pub struct StoreTab {
    pane: StorePane,
    asked: Asked,
    asked_at: Option<DateTime<Utc>>,
    /// Why it could not even be asked.
    failed: Option<String>,
}

impl StoreTab {
    fn read(&mut self, seen: Seen<'_>, out: &mut Effects) {
        self.asked_at = Some(seen.world.now);
        if rests(seen.vcluster.state) {
            self.asked.forget(out);
        } else {
            self.asked.ask(Read::Store(seen.vcluster.key.clone()), out);
        }
    }

    fn view<'a>(seen: Seen<'a>) -> Option<View<'a>> {
        let looked = seen.world.stores.get(&seen.vcluster.key)?;
        Some(View {
            reading: &looked.newest,
            before: looked.before.as_deref(),
            first: Some(&looked.first),
            thresholds: &seen.world.config.thresholds,
        })
    }
}

impl Tab for StoreTab {
    fn name(&self) -> &'static str {
        "store"
    }

    fn badge(&self, seen: Seen<'_>) -> Option<String> {
        let health =
            seen.vcluster.store_health.get().filter(|health| health.severity >= Severity::Warning)?;
        let slot = Slot::from(health.severity);
        Some(seen.world.theme.symbols().of(slot).to_owned())
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Tabs, Scope::List, Scope::Object, Scope::Vcluster, Scope::Whole, Scope::Store]
    }

    fn offer(&self, action: &Action, seen: Seen<'_>) -> Offer {
        match action.id {
            ActionId::RecoverSpace => verb::offer(action, seen.vcluster, seen.world),
            _ => page_offer(action),
        }
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        match action {
            ActionId::Refresh => self.read(seen, out),
            ActionId::RecoverSpace => {
                if let Some(wish) = Wish::of(action, seen.vcluster) {
                    out.push(Effect::Popup(Box::new(VerbDialog::new(Errand::Verb(wish)))));
                }
            }
            ActionId::CopyRow => match Self::view(seen) {
                Some(view) => {
                    let text = StorePane::text(view, seen.world.now);
                    out.cmd(Cmd::Copy { text, what: "how its store is".to_owned() });
                }
                None => out.say(Level::Info, "nothing is known of its store yet"),
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
            News::Reply(ticket, Reply::Store(_, told)) if self.asked.take(*ticket) => {
                self.asked_at = Some(seen.world.now);
                self.failed = told.as_ref().err().cloned();
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        let world = seen.world;
        let symbols = world.theme.symbols();
        let mut say = |text: String, slot: Slot| {
            Line::styled(text, world.theme.style(slot)).render(area, buf);
        };
        match (Self::view(seen), &self.failed) {
            _ if rests(seen.vcluster.state) => {
                let words = "it does not run, and neither does its store; nothing is asked of it";
                say(format!(" {} {words}", symbols.of(Slot::Paused)), Slot::Paused);
            }
            (_, Some(why)) => {
                say(format!(" {} {}", symbols.unknown, crate::text::clean(why)), Slot::Unknown);
            }
            (Some(view), None) => self.pane.render(view, area, buf, &world.theme, world.now),
            (None, None) => say(format!(" {} looking at its store", symbols.pending), Slot::Pending),
        }
    }
}
