//! What a screen has asked for and waits for.

use super::effect::{Cmd, Effects};
use super::reads::{Read, Ticket};

/// At most one question that is under way. A newer one takes the place of an older one, whose answer is then nobody's.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked(Option<Ticket>);

impl Asked {
    /// Asks, and no longer waits for what was asked before.
    pub fn ask(&mut self, read: Read, out: &mut Effects) {
        self.forget(out);
        self.0 = Some(out.read(read));
    }

    /// No longer waits, and says so: the answer need not be fetched any more.
    pub fn forget(&mut self, out: &mut Effects) {
        if let Some(ticket) = self.0.take() {
            out.cmd(Cmd::Forget(ticket));
        }
    }

    /// Whether an answer is waited for.
    pub fn waits(&self) -> bool {
        self.0.is_some()
    }

    /// Whether this is the answer that is waited for; then it is there, and no other is waited for.
    pub fn take(&mut self, ticket: Ticket) -> bool {
        let taken = self.0 == Some(ticket);
        if taken {
            self.0 = None;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Effect;

    fn tickets(out: &mut Effects) -> (Vec<Ticket>, Vec<Ticket>) {
        let (mut asked, mut forgotten) = (Vec::new(), Vec::new());
        for effect in out.take() {
            match effect {
                Effect::Cmd(Cmd::Read(ticket, _)) => asked.push(ticket),
                Effect::Cmd(Cmd::Forget(ticket)) => forgotten.push(ticket),
                _ => {}
            }
        }
        (asked, forgotten)
    }

    #[test]
    fn only_the_answer_to_the_newest_question_is_taken_and_only_once() {
        let (mut asked, mut out) = (Asked::default(), Effects::default());
        assert!(!asked.waits());
        asked.ask(Read::Presets, &mut out);
        asked.ask(Read::Presets, &mut out);
        let (questions, forgotten) = tickets(&mut out);
        let [older, newer] = questions.as_slice() else { panic!("{questions:?}") };
        assert_eq!(forgotten, [*older]);
        assert!(!asked.take(*older) && asked.waits());
        assert!(asked.take(*newer) && !asked.waits());
        assert!(!asked.take(*newer));
    }

    #[test]
    fn what_is_forgotten_is_not_fetched_and_nothing_is_forgotten_twice() {
        let (mut asked, mut out) = (Asked::default(), Effects::default());
        asked.ask(Read::Presets, &mut out);
        asked.forget(&mut out);
        asked.forget(&mut out);
        let (questions, forgotten) = tickets(&mut out);
        assert_eq!(questions, forgotten);
        assert!(!asked.waits() && !asked.take(questions[0]));
    }
}
