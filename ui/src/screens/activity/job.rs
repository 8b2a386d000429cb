//! One job over everything else: it can be watched, stopped and hidden; hidden, it goes on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::steps::{Lines, slot};
use crate::actions::{Action, ActionId, Scope};
use crate::app::jobs::{Job, JobId};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::{Address, Effect, Effects, Layer, Offer, World};
use crate::format;
use crate::screens::popup;
use crate::theme::Slot;

/// One job.
pub const ENTRY: Entry = Entry {
    name: "job",
    aliases: &[],
    title: "a job and its steps; the newest one without a number",
    argument: "NUMBER",
    open: |opening| {
        let jobs = &opening.world.jobs;
        let job = match opening.argument {
            "" => jobs.all().last(),
            number => number.parse().ok().and_then(|number| jobs.get(JobId(number))),
        };
        match job {
            Some(job) => {
                Ok(Opened::Popup(Box::new(JobPopup { id: job.id, from: None, first: 0, over: false })))
            }
            None => Err("there is no such job".to_owned()),
        }
    },
    complete: no_completion,
};

struct JobPopup {
    id: JobId,
    /// Where the person has moved to; None follows the present step.
    from: Option<usize>,
    /// Where the last frame began.
    first: usize,
    /// Whether it was over then.
    over: bool,
}

impl JobPopup {
    fn job<'a>(&self, world: &'a World) -> Option<&'a Job> {
        world.jobs.get(self.id)
    }
}

/// Whether a job can be stopped.
pub(super) fn stoppable(job: Option<&Job>) -> Offer {
    match job {
        None => Offer::Impossible("there is no job".into()),
        Some(job) if !job.running() => Offer::Impossible("it is over".into()),
        Some(job) if job.stopping => Offer::Impossible("it stops after the present step".into()),
        Some(_) => Offer::Possible,
    }
}

impl Layer for JobPopup {
    fn address(&self) -> Address {
        Address::of("job")
    }

    fn title(&self, world: &World) -> String {
        self.job(world).map_or_else(|| "a job".to_owned(), |job| job.title.to_string())
    }

    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Moving, Scope::Jobs]
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        if self.over { &[("esc", "close")] } else { &[("esc", "hide; it goes on")] }
    }

    fn offer(&self, action: &Action, world: &World) -> Offer {
        match action.id {
            ActionId::CancelJob => stoppable(self.job(world)),
            _ => Offer::Possible,
        }
    }

    fn act(&mut self, action: ActionId, _: &World, out: &mut Effects) -> bool {
        match action {
            ActionId::CancelJob => out.push(Effect::Stop(self.id)),
            ActionId::Up => self.from = Some(self.first.saturating_sub(1)),
            ActionId::Down => self.from = Some(self.first + 1),
            ActionId::PageUp => self.from = Some(self.first.saturating_sub(10)),
            ActionId::PageDown => self.from = Some(self.first + 10),
            ActionId::Top => self.from = Some(0),
            ActionId::Bottom => self.from = None,
            ActionId::Open => out.push(Effect::Close),
            _ => return false,
        }
        true
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let Some(job) = self.job(world) else { return };
        self.over = !job.running();
        let width = area.width.saturating_sub(4).min(110);
        let lines = Lines::of(job, usize::from(width).saturating_sub(4), world);
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).max(5).min(area.height);
        let (state, colour) = match &job.ended {
            None if job.stopping => ("stopping".to_owned(), Slot::Warn),
            None => (format::short(format::elapsed(job.began, world.now)), Slot::Pending),
            Some((at, outcome)) => (format::measured(format::elapsed(job.began, *at)), slot(outcome.ended)),
        };
        let dot = world.theme.symbols().dot;
        let title = format!("{} {dot} {state}", job.title);
        let inside = popup::frame(popup::centered(area, width, height), buf, world, &title, colour);
        let from = self.from;
        self.first = lines.draw(from, inside, buf);
    }
}
