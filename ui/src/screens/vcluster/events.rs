//! Events of the namespace, the newest first; read again while they are looked at.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::fleet::model::VclusterKey;

use super::{Seen, Tab};
use crate::actions::{Action, ActionId, Scope};
use crate::app::reads::{Read, Reply};
use crate::app::{Asked, Effect, Effects, Input, News, Offer};
use crate::filter::Language;
use crate::panes::events::{COLUMNS, Event, Events, LANGUAGE, is_fault};
use crate::screens::list::{Item, List, Rows};
use crate::screens::text::event::EventScreen;

/// How long events are looked at before they are read again.
const FRESH: TimeDelta = TimeDelta::seconds(10);

impl Item for Event {
    type Key = SmolStr;

    fn key(&self) -> SmolStr {
        self.uid.clone()
    }

    fn name(&self) -> &str {
        &self.object
    }

    fn is_fault(&self) -> bool {
        is_fault(self)
    }

    fn language() -> &'static Language<Self> {
        &LANGUAGE
    }
}

/// The events.
pub struct EventsTab {
    list: List<Event>,
    events: Events,
    asked: Asked,
    asked_at: Option<DateTime<Utc>>,
}

impl EventsTab {
    /// Nothing is read yet.
    pub fn new() -> Self {
        let list = List::new("Events", COLUMNS, "last");
        Self { list, events: Events::default(), asked: Asked::default(), asked_at: None }
    }

    fn rows(events: &Events) -> Rows<'_, Event> {
        Rows { all: events.rows(), revision: events.revision() }
    }

    fn read(&mut self, seen: Seen<'_>, out: &mut Effects) {
        let VclusterKey { host, namespace, .. } = seen.vcluster.key.clone();
        self.asked.ask(Read::Events { host, namespace }, out);
        self.asked_at = Some(seen.world.now);
        self.events.wait();
    }

    fn open(&self, seen: Seen<'_>, out: &mut Effects) {
        if let Some(event) = self.list.current(Self::rows(&self.events)) {
            let host = seen.vcluster.key.host.clone();
            out.push(Effect::Open(Box::new(EventScreen::new(host, event.clone(), seen.world))));
        }
    }
}

impl Tab for EventsTab {
    fn name(&self) -> &'static str {
        "events"
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

    fn typing(&self) -> bool {
        self.list.typing()
    }

    fn offer(&self, action: &Action, _: Seen<'_>) -> Offer {
        let none = self.list.current(Self::rows(&self.events)).is_none();
        if action.id == ActionId::Open && none {
            Offer::Impossible("there is no event".into())
        } else {
            Offer::Possible
        }
    }

    fn act(&mut self, action: ActionId, seen: Seen<'_>, out: &mut Effects) -> bool {
        match action {
            ActionId::Refresh => {
                self.read(seen, out);
                true
            }
            ActionId::Open => {
                self.open(seen, out);
                true
            }
            _ => self.list.act(action, Self::rows(&self.events), seen.world, out),
        }
    }

    fn input(&mut self, input: &Input, seen: Seen<'_>, out: &mut Effects) -> bool {
        self.list.input(input, Self::rows(&self.events), seen.world, out)
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
            News::Reply(ticket, Reply::Events(told)) if self.asked.take(*ticket) => match told {
                Ok(rows) => self.events.set(rows.to_vec(), seen.world.now),
                Err(why) => self.events.fail(why),
            },
            _ => {}
        }
        self.list.sync(Self::rows(&self.events), seen.world.now);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, seen: Seen<'_>) {
        let (world, head) = (seen.world, Rect { height: area.height.min(1), ..area });
        self.events.render_head(head, buf, &world.theme, world.now);
        let body = Rect { y: head.bottom(), height: area.height - head.height, ..area };
        self.list.draw(body, buf, world, Self::rows(&self.events), self.events.emptiness());
    }
}
