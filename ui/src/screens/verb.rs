//! A verb for one virtual cluster: a look first, then the plan and its question, or why it is not to be done here.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use v9s::fleet::model::Vcluster;

use super::confirm::{Confirm, wrapped};
use super::popup;
use crate::actions::{Action, ActionId, Scope};
use crate::app::messages::Level;
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::world::Access;
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, News, Offer, World};
use crate::text;
use crate::theme::Slot;
use crate::verbs::{Looked, Wish};

/// Whether an action is a verb for virtual clusters.
pub fn is_verb(action: &Action) -> bool {
    matches!(action.scope, Scope::Vcluster | Scope::Whole)
}

/// Whether a verb can be done to a virtual cluster. What one may do is asked where one is opened; until then the server says so.
pub fn offer(action: &Action, vcluster: &Vcluster, world: &World) -> Offer {
    match world.permits_on(action, vcluster) {
        Offer::Impossible(_) if !is_known(world, vcluster) => Offer::Possible,
        offer => offer,
    }
}

fn is_known(world: &World, vcluster: &Vcluster) -> bool {
    matches!(world.access(&vcluster.key.host, &vcluster.key.namespace), Some(Access::Known { .. }))
}

/// Does what an action wants of a virtual cluster; false when it is no verb.
pub fn act(action: ActionId, vcluster: &Vcluster, out: &mut Effects) -> bool {
    let Some(wish) = Wish::of(action, vcluster) else { return false };
    out.push(Effect::Popup(Box::new(VerbDialog::new(wish))));
    true
}

/// How far a dialog is.
enum Stage {
    /// The virtual cluster is being looked at.
    Looking(Option<Ticket>),
    /// The person is asked.
    Asking(Box<Confirm>),
    /// It is not done: why, and what does it instead.
    Refused(String, Vec<String>),
}

/// The dialog of one verb.
pub struct VerbDialog {
    wish: Wish,
    stage: Stage,
}

impl VerbDialog {
    /// Looks as soon as it is seen.
    pub fn new(wish: Wish) -> Self {
        Self { wish, stage: Stage::Looking(None) }
    }

    fn enter(&mut self, world: &World, out: &mut Effects) {
        if let Stage::Looking(ticket @ None) = &mut self.stage {
            let (host, namespace) = (self.wish.key.host.clone(), self.wish.key.namespace.clone());
            if world.access(&host, &namespace).is_none() {
                out.cmd(Cmd::Access { host, namespace });
            }
            *ticket = Some(out.read(Read::Plan(self.wish.clone())));
        }
    }

    fn take(&mut self, looked: &Result<Looked, String>, world: &World, out: &mut Effects) {
        match looked {
            Ok(Looked::Ask(plan)) => {
                let mut plan = plan.as_ref().clone();
                match world.access(&self.wish.key.host, &self.wish.key.namespace) {
                    Some(Access::Known { .. }) => {}
                    Some(Access::Failed(why)) => {
                        plan.facts.push(("rights", vec![format!("not known, the server may refuse: {why}")]));
                    }
                    _ => plan.facts.push(("rights", vec!["not known yet, the server may refuse".to_owned()])),
                }
                self.stage = Stage::Asking(Box::new(Confirm::new(plan)));
            }
            Ok(Looked::Nothing(why)) => {
                out.push(Effect::Close);
                out.say(Level::Info, why.clone());
            }
            Ok(Looked::Refused { why, instead }) => {
                self.stage = Stage::Refused(why.clone(), instead.clone());
            }
            Err(why) => self.stage = Stage::Refused(why.clone(), Vec::new()),
        }
    }
}

impl Layer for VerbDialog {
    fn address(&self) -> Address {
        Address::of("verb")
    }

    fn title(&self, _: &World) -> String {
        self.wish.title().to_string()
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        matches!(self.stage, Stage::Asking(_))
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        match &self.stage {
            Stage::Looking(_) => &[("esc", "cancel")],
            Stage::Asking(confirm) => confirm.fixed_keys(),
            Stage::Refused(_, instead) if instead.is_empty() => &[("esc", "close")],
            Stage::Refused(..) => &[("c", "copy the commands"), ("esc", "close")],
        }
    }

    fn act(&mut self, action: ActionId, world: &World, out: &mut Effects) -> bool {
        match &mut self.stage {
            Stage::Asking(confirm) => confirm.act(action, world, out),
            _ => false,
        }
    }

    fn input(&mut self, input: &Input, world: &World, out: &mut Effects) -> bool {
        match (&mut self.stage, input) {
            (Stage::Asking(confirm), input) => return confirm.input(input, world, out),
            (Stage::Refused(_, instead), Input::Key(key)) if key.typed() == Some('c') => {
                if !instead.is_empty() {
                    let text = instead.join("\n");
                    out.cmd(Cmd::Copy { text, what: "the commands".to_owned() });
                }
            }
            (_, Input::Key(key)) if matches!(key.code(), KeyCode::Esc | KeyCode::Enter) => {
                out.push(Effect::Close);
            }
            (_, Input::Key(_)) => return false,
            (_, Input::Paste(_) | Input::Mouse(_)) => {}
        }
        true
    }

    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        match (news, &self.stage) {
            (News::Entered, _) => self.enter(world, out),
            (News::Reply(ticket, Reply::Plan(looked)), Stage::Looking(asked)) if *asked == Some(*ticket) => {
                self.take(looked, world, out);
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let title = self.wish.title();
        match &mut self.stage {
            Stage::Asking(confirm) => confirm.draw(area, buf, world),
            Stage::Looking(_) => {
                let inside = popup::frame(popup::centered(area, 60, 3), buf, world, &title, Slot::Pending);
                let said = format!("{} looking at what this takes", world.theme.symbols().pending);
                Text::styled(said, world.theme.style(Slot::Pending)).render(inside, buf);
            }
            Stage::Refused(why, instead) => draw_refusal(area, buf, world, &title, (why, instead)),
        }
    }
}

fn draw_refusal(area: Rect, buf: &mut Buffer, world: &World, title: &str, said: (&str, &[String])) {
    let theme = &world.theme;
    let width = area.width.saturating_sub(4).min(100);
    let room = usize::from(width).saturating_sub(4);
    let line = |text: String, slot: Slot| Text::from(Span::styled(text, theme.style(slot)));
    let mut lines: Vec<Text<'_>> =
        wrapped(&text::clean(said.0), room).into_iter().map(|it| line(it, Slot::Warn)).collect();
    if !said.1.is_empty() {
        lines.push(Text::default());
        lines.push(line("instead".to_owned(), Slot::Muted));
        for command in said.1 {
            lines.extend(wrapped(&text::clean(command), room).into_iter().map(|it| line(it, Slot::Text)));
        }
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let inside = popup::frame(popup::centered(area, width, height), buf, world, title, Slot::Warn);
    for (line, row) in lines.into_iter().zip(inside.rows()) {
        line.render(row, buf);
    }
}
