//! The steps of a job as lines: how far each is, what the present one waits for, how long it took, and what came of it all.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use v9s::operation::{Step, StepState};

use crate::app::World;
use crate::app::jobs::{Ended, Job, Outcome};
use crate::format;
use crate::screens::confirm::wrapped;
use crate::text;
use crate::theme::Slot;

/// Columns before what is said: sign and number.
const HEAD: usize = 7;

/// Lines of a job, each as wide as there is room, and the place of the one to keep in view.
pub struct Lines<'a> {
    lines: Vec<Text<'a>>,
    current: usize,
}

impl Lines<'_> {
    /// What is to be seen of a job.
    pub fn of(job: &Job, width: usize, world: &World) -> Self {
        let mut lines = Lines { lines: Vec::new(), current: 0 };
        for (at, step) in job.steps.iter().enumerate() {
            if matches!(step.state, StepState::Running { .. } | StepState::Failed { .. }) {
                lines.current = lines.lines.len();
            }
            lines.step(job, at, step, width, world);
        }
        if let Some((_, outcome)) = &job.ended {
            lines.outcome(outcome, width, world);
        }
        lines
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Draws them from one on; `None` keeps the present step in view, with what follows it. Answers where it began.
    pub fn draw(self, from: Option<usize>, area: Rect, buf: &mut Buffer) -> usize {
        let room = usize::from(area.height);
        let last = self.lines.len().saturating_sub(room);
        let first = from.unwrap_or((self.current + 3).saturating_sub(room)).min(last);
        for (line, row) in self.lines.into_iter().skip(first).zip(area.rows()) {
            line.render(row, buf);
        }
        first
    }

    fn step(&mut self, job: &Job, at: usize, step: &Step, width: usize, world: &World) {
        let theme = &world.theme;
        let symbols = theme.symbols();
        let took = |took: &std::time::Duration| format::measured(*took);
        let (sign, slot, said, time) = match &step.state {
            StepState::Waiting if job.running() => (symbols.dot, Slot::Muted, "", String::new()),
            StepState::Waiting => (symbols.not_applicable, Slot::Muted, "left out", String::new()),
            StepState::Running { cause, .. } => {
                let began = job.steps_began.get(at).copied().flatten().unwrap_or(job.began);
                let since = format::short(format::elapsed(began, world.now));
                (symbols.step, Slot::Accent, cause.as_deref().unwrap_or_default(), since)
            }
            StepState::Done { took: time, note } => {
                (symbols.ok, Slot::Ok, note.as_deref().unwrap_or_default(), took(time))
            }
            StepState::Skipped { why } => (symbols.not_applicable, Slot::Muted, why.as_str(), String::new()),
            StepState::Failed { took: time, why } => (symbols.err, Slot::Err, why.as_str(), took(time)),
        };
        let time_room = text::width(&time) + usize::from(!time.is_empty());
        let room = width.saturating_sub(HEAD + time_room).max(1);
        let title = text::cut_end(&text::clean(&step.title), room, symbols.ellipsis).into_owned();
        let mut said = wrapped(&text::clean(said), width.saturating_sub(HEAD).max(1));
        let title_slot = if slot == Slot::Muted { Slot::Muted } else { Slot::Text };
        let mut spans = vec![
            Span::styled(format!(" {sign} {:>3} ", at + 1), theme.style(slot)),
            Span::styled(title.clone(), theme.style(title_slot)),
        ];
        let mut used = text::width(&title);
        // What is short stands beside the title, the rest below it.
        if let [one] = said.as_slice()
            && used + 2 + text::width(one) <= room
        {
            used += 2 + text::width(one);
            spans.push(Span::styled(format!("  {one}"), theme.style(slot)));
            said.clear();
        }
        if !time.is_empty() {
            spans.push(Span::raw(" ".repeat((room - used.min(room)) + 1)));
            spans.push(Span::styled(time, theme.style(Slot::Muted)));
        }
        self.lines.push(Text::from(spans));
        self.below(said, slot, world);
    }

    fn below(&mut self, said: Vec<String>, slot: Slot, world: &World) {
        let style = world.theme.style(slot);
        let lines = said.into_iter().filter(|line| !line.is_empty());
        self.lines.extend(lines.map(|line| Text::styled(format!("{:HEAD$}{line}", ""), style)));
    }

    fn outcome(&mut self, outcome: &Outcome, width: usize, world: &World) {
        const WORD: usize = 10;
        let theme = &world.theme;
        let slot = slot(outcome.ended);
        let mut sign = theme.symbols().of(slot);
        self.lines.push(Text::default());
        for line in outcome.said.lines().flat_map(|it| wrapped(&text::clean(it), width.saturating_sub(3))) {
            self.lines.push(Text::styled(format!(" {sign} {line}"), theme.style(slot)));
            sign = " ";
        }
        for (word, facts) in &outcome.facts {
            let mut word = *word;
            for line in facts.iter().flat_map(|it| wrapped(&text::clean(it), width.saturating_sub(WORD + 3)))
            {
                self.lines.push(Text::from(vec![
                    Span::styled(format!("   {word:<WORD$}"), theme.style(Slot::Muted)),
                    Span::styled(line, theme.style(Slot::Text)),
                ]));
                word = "";
            }
        }
    }
}

/// The meaning of how a job ended.
pub fn slot(ended: Ended) -> Slot {
    match ended {
        Ended::Done => Slot::Ok,
        Ended::Partly | Ended::Cancelled => Slot::Warn,
        Ended::Failed => Slot::Err,
    }
}
