//! What v9s does and has said: jobs with their steps, and messages.

mod job;
mod rows;
mod steps;

use crossterm::event::{MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line as Text;
use ratatui::widgets::Widget;
use smol_str::SmolStr;

use self::steps::Lines;
use super::list::{List, Rows};
use super::tabs::Tabs;
use crate::actions::{Action, ActionId, Scope};
use crate::app::jobs::Job;
use crate::app::messages::Message;
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effect, Effects, Input, Layer, News, Offer, World};
use crate::theme::Slot;

pub use self::job::ENTRY as JOB;

/// Jobs first.
pub const JOBS: Entry = Entry {
    name: "jobs",
    aliases: &["activity"],
    title: "jobs and their steps",
    argument: "",
    open: |_| Ok(Opened::Screen(Box::new(Activity::new(0)))),
    complete: no_completion,
};

/// Messages first.
pub const MESSAGES: Entry = Entry {
    name: "messages",
    aliases: &["msg"],
    title: "everything v9s has said",
    argument: "",
    open: |_| Ok(Opened::Screen(Box::new(Activity::new(1)))),
    complete: no_completion,
};

/// The tabs.
const PLACES: [&str; 2] = ["jobs", "messages"];

struct Activity {
    tabs: Tabs,
    jobs: List<Job>,
    messages: List<Message>,
}

impl Activity {
    fn new(tab: usize) -> Self {
        let mut tabs = Tabs::default();
        tabs.open(tab);
        Self {
            tabs,
            jobs: List::new("Jobs", &rows::JOBS, "began"),
            messages: List::new("Messages", &rows::MESSAGES, "when"),
        }
    }

    fn job<'a>(&self, world: &'a World) -> Option<&'a Job> {
        self.jobs.current(jobs(world))
    }

    fn on_jobs(&self) -> bool {
        self.tabs.at() == 0
    }
}

fn jobs(world: &World) -> Rows<'_, Job> {
    Rows { all: world.jobs.all(), revision: world.jobs.revision() }
}

fn messages(world: &World) -> Rows<'_, Message> {
    Rows { all: world.messages.all(), revision: world.messages.revision() }
}

impl Layer for Activity {
    fn address(&self) -> Address {
        Address::of("jobs")
    }

    fn place(&self) -> SmolStr {
        PLACES[self.tabs.at().min(1)].into()
    }

    fn go_to(&mut self, place: &str) {
        if let Some(tab) = PLACES.iter().position(|known| *known == place) {
            self.tabs.open(tab);
        }
    }

    fn title(&self, _: &World) -> String {
        "jobs and messages".to_owned()
    }

    fn scopes(&self) -> &'static [Scope] {
        if self.on_jobs() {
            &[Scope::Moving, Scope::Tabs, Scope::List, Scope::Jobs]
        } else {
            &[Scope::Moving, Scope::Tabs, Scope::List]
        }
    }

    fn typing(&self) -> bool {
        if self.on_jobs() { self.jobs.typing() } else { self.messages.typing() }
    }

    fn offer(&self, action: &Action, world: &World) -> Offer {
        match action.id {
            ActionId::CancelJob => job::stoppable(self.job(world)),
            ActionId::Open if !self.on_jobs() => Offer::Absent,
            ActionId::Open if self.job(world).is_none() => Offer::Impossible("there is no job".into()),
            _ => Offer::Possible,
        }
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        if let Some(tab) = self.tabs.target(action, 2) {
            self.tabs.open(tab);
            return true;
        }
        match action {
            ActionId::CancelJob => {
                if let Some(job) = self.job(world) {
                    out.push(Effect::Stop(job.id));
                }
                true
            }
            ActionId::Open => {
                if let Some(job) = self.job(world) {
                    out.push(Effect::Command(format!("job {}", job.id.0)));
                }
                true
            }
            _ if self.on_jobs() => self.jobs.act(action, jobs(world), world, out),
            _ => self.messages.act(action, messages(world), world, out),
        }
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        if let Input::Mouse(event) = input
            && event.kind == MouseEventKind::Down(MouseButton::Left)
            && let Some(tab) = self.tabs.hit(Position { x: event.column, y: event.row })
        {
            self.tabs.open(tab);
            return true;
        }
        if self.on_jobs() {
            self.jobs.input(input, jobs(world), world, out)
        } else {
            self.messages.input(input, messages(world), world, out)
        }
    }

    fn news(&mut self, _: &News, world: &World, _: &mut Effects) {
        self.jobs.sync(jobs(world), world.now);
        self.messages.sync(messages(world), world.now);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let names =
            [format!("jobs {}", world.jobs.running()), format!("messages {}", world.messages.all().len())];
        self.tabs.draw(Rect { height: 1.min(area.height), ..area }, buf, world, &names);
        let area = Rect { y: area.y + 1.min(area.height), height: area.height.saturating_sub(1), ..area };
        if !self.on_jobs() {
            return self.messages.draw(area, buf, world, messages(world), "nothing has been said yet");
        }
        let lines = self.job(world).map(|job| Lines::of(job, usize::from(area.width), world));
        let wanted = lines.as_ref().map_or(0, |lines| u16::try_from(lines.len() + 1).unwrap_or(u16::MAX));
        let below = wanted.min(area.height * 2 / 3);
        let above = Rect { height: area.height - below, ..area };
        self.jobs.draw(above, buf, world, jobs(world), "no jobs yet");
        if let Some(lines) = lines.filter(|_| below > 0) {
            let rule = Rect { y: above.bottom(), height: 1, ..area };
            let line = world.theme.symbols().rule.repeat(usize::from(area.width));
            Text::styled(line, world.theme.style(Slot::Border)).render(rule, buf);
            lines.draw(None, Rect { y: rule.bottom(), height: below - 1, ..area }, buf);
        }
    }
}
