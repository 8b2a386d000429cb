//! What v9s does and has said: jobs with their steps, and messages.

mod rows;

use crossterm::event::{MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use smol_str::SmolStr;

use super::list::{List, Rows};
use super::tabs::Tabs;
use crate::actions::{Action, ActionId, Scope};
use crate::app::jobs::{Job, Outcome, StepState};
use crate::app::messages::Message;
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effect, Effects, Input, Layer, News, Offer, World};
use crate::text;
use crate::theme::Slot;

/// Jobs first.
pub const JOBS: Entry = Entry {
    name: "jobs",
    aliases: &["job", "activity"],
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
            ActionId::CancelJob => match self.job(world) {
                None => Offer::Impossible("there is no job".into()),
                Some(job) if !job.running() => Offer::Impossible("it is over".into()),
                Some(job) if job.stopping => Offer::Impossible("it stops after the present step".into()),
                Some(_) => Offer::Possible,
            },
            ActionId::Open => Offer::Absent,
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
        let steps = self.job(world).map_or(0, |job| u16::try_from(job.steps.len() + 2).unwrap_or(u16::MAX));
        let below = steps.min(area.height / 2);
        let above = Rect { height: area.height - below, ..area };
        self.jobs.draw(above, buf, world, jobs(world), "no jobs yet");
        if let Some(job) = self.job(world) {
            draw_steps(job, Rect { y: above.bottom(), height: below, ..area }, buf, world);
        }
    }
}

/// The steps of a job, the running one in view.
fn draw_steps(job: &Job, area: Rect, buf: &mut Buffer, world: &World) {
    let theme = &world.theme;
    let symbols = theme.symbols();
    let mut lines = Vec::new();
    for (at, step) in job.steps.iter().enumerate() {
        let (sign, slot, said) = match &step.state {
            StepState::Waiting => (symbols.dot, Slot::Muted, ""),
            StepState::Running(cause) => (symbols.step, Slot::Accent, cause.as_str()),
            StepState::Done(said) => (symbols.ok, Slot::Ok, said.as_str()),
            StepState::Failed(said) => (symbols.err, Slot::Err, said.as_str()),
            StepState::Skipped => (symbols.not_applicable, Slot::Muted, "left out"),
        };
        lines.push(Text::from(vec![
            Span::styled(format!(" {sign} {:>3} ", at + 1), theme.style(slot)),
            Span::styled(text::clean(&step.title).into_owned(), theme.style(Slot::Text)),
            Span::styled(format!("  {}", text::clean(said)), theme.style(slot)),
        ]));
    }
    if let Some((_, outcome)) = &job.ended {
        let (slot, said) = match outcome {
            Outcome::Done(said) => (Slot::Ok, said.as_str()),
            Outcome::Failed(said) => (Slot::Err, said.as_str()),
            Outcome::Cancelled => (Slot::Warn, "stopped"),
        };
        let said = format!(" {} {}", symbols.of(slot), text::clean(said));
        lines.push(Text::styled(said, theme.style(slot)));
    }
    let rule = symbols.rule.repeat(usize::from(area.width));
    let mut rows = area.rows();
    if let Some(row) = rows.next() {
        Text::styled(rule, theme.style(Slot::Border)).render(row, buf);
    }
    let room = usize::from(area.height.saturating_sub(1));
    let running =
        job.steps.iter().position(|step| matches!(step.state, StepState::Running(_))).unwrap_or(lines.len());
    let skip = (running + 1).saturating_sub(room).min(lines.len().saturating_sub(room));
    for (line, row) in lines.into_iter().skip(skip).zip(rows) {
        line.render(row, buf);
    }
}
