//! A verb for one virtual cluster: a look first, then the plan and its question, or why it is not to be done here.

use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::Widget;
use v9s::fleet::model::{Vcluster, VclusterKey};

use super::archives::{ArchivesPopup, Purpose};
use super::backup::BackupPopup;
use super::confirm::{Confirm, wrapped};
use super::connect::ConnectPopup;
use super::extend::ExtendPopup;
use super::popup;
use super::probe::ProbePopup;
use super::quota::QuotaPopup;
use crate::actions::{Action, ActionId, Scope};
use crate::app::jobs::Facts;
use crate::app::messages::Level;
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::registry::{Entry, Opened, no_completion};
use crate::app::world::Access;
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, News, Offer, World};
use crate::text;
use crate::theme::Slot;
use crate::verbs::{Errand, Looked, Several, Wish, out_of_place};

/// Back from the context of a virtual cluster.
pub const DISCONNECT: Entry = Entry {
    name: "disconnect",
    aliases: &[],
    title: "leave its context in your kubeconfig; take stale ones out",
    argument: "",
    open: |_| Ok(Opened::Popup(Box::new(VerbDialog::new(Errand::Disconnect)))),
    complete: no_completion,
};

/// Whether an action is a verb for virtual clusters.
pub fn is_verb(action: &Action) -> bool {
    matches!(action.scope, Scope::Vcluster | Scope::Whole)
}

/// Whether a verb can be done to a virtual cluster. What one may do is asked where one is opened; until then the server says so.
pub fn offer(action: &Action, vcluster: &Vcluster, world: &World) -> Offer {
    let offer = match world.permits_on(action, vcluster) {
        Offer::Impossible(_) if !is_known(world, vcluster) => Offer::Possible,
        offer => offer,
    };
    match offer {
        Offer::Possible => out_of_place(action.id, vcluster).map_or(Offer::Possible, Offer::Impossible),
        offer => offer,
    }
}

fn is_known(world: &World, vcluster: &Vcluster) -> bool {
    matches!(world.access(&vcluster.key.host, &vcluster.key.namespace), Some(Access::Known { .. }))
}

/// Does what an action wants of a virtual cluster; false when it is no verb.
pub fn act(action: ActionId, vcluster: &Vcluster, out: &mut Effects) -> bool {
    match action {
        ActionId::Connect => out.push(Effect::Popup(Box::new(ConnectPopup::new(vcluster)))),
        ActionId::Probe => out.push(Effect::Popup(Box::new(ProbePopup::new(vcluster)))),
        ActionId::Extend => out.push(Effect::Popup(Box::new(ExtendPopup::new(vcluster)))),
        ActionId::Quota => out.push(Effect::Popup(Box::new(QuotaPopup::new(vcluster)))),
        ActionId::Backup => out.push(Effect::Popup(Box::new(BackupPopup::new(&[vcluster], 0)))),
        ActionId::Verify => archives(vcluster, Purpose::Verify, out),
        ActionId::Restore => archives(vcluster, Purpose::Restore, out),
        ActionId::Duplicate => archives(vcluster, Purpose::Duplicate, out),
        ActionId::Recover => {
            let errand = Errand::Recover(vcluster.key.clone());
            out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
        }
        ActionId::Edit => {
            let VclusterKey { host, namespace, name } = &vcluster.key;
            out.push(Effect::Command(format!("edit {host}/{namespace}/{name}")));
        }
        _ => {
            let Some(wish) = Wish::of(action, vcluster) else { return false };
            out.push(Effect::Popup(Box::new(VerbDialog::new(Errand::Verb(wish)))));
        }
    }
    true
}

fn archives(vcluster: &Vcluster, purpose: Purpose, out: &mut Effects) {
    out.push(Effect::Popup(Box::new(ArchivesPopup::new(vcluster, purpose))));
}

/// Whether a verb can be done to several virtual clusters: to each of them, and at once.
pub fn offer_several(action: &Action, chosen: &[&Vcluster], world: &World) -> Offer {
    if action.id == ActionId::Backup {
        // Those that cannot be backed up are passed over, and told.
        let offers = chosen.iter().map(|vcluster| offer(action, vcluster, world));
        return offers.reduce(either).unwrap_or(Offer::Absent);
    }
    if !Wish::goes_for_several(action.id) {
        let why = format!("{} are marked, and this is done to one at a time", chosen.len());
        return Offer::Impossible(why.into());
    }
    let offers = chosen.iter().map(|vcluster| (vcluster, offer(action, vcluster, world)));
    for (vcluster, offer) in offers {
        match offer {
            Offer::Possible => {}
            Offer::Impossible(why) => {
                return Offer::Impossible(format!("{}: {why}", vcluster.key.name).into());
            }
            Offer::Absent => return Offer::Absent,
        }
    }
    Offer::Possible
}

/// What can be done to one of two can be done.
fn either(one: Offer, other: Offer) -> Offer {
    if one == Offer::Possible { one } else { other }
}

/// Does what an action wants of several virtual clusters, of which so many are not shown; false when it is no verb.
pub fn act_on_several(action: ActionId, chosen: &[&Vcluster], hidden: usize, out: &mut Effects) -> bool {
    if action == ActionId::Backup {
        out.push(Effect::Popup(Box::new(BackupPopup::new(chosen, hidden))));
        return true;
    }
    let Some(what) = Wish::of_several(action, chosen) else { return false };
    let keys = chosen.iter().map(|vcluster| vcluster.key.clone()).collect();
    let errand = Errand::Several(Several { what, keys, hidden });
    out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
    true
}

/// How far a dialog is.
enum Stage {
    /// The virtual cluster is being looked at.
    Looking(Option<Ticket>),
    /// The person is asked.
    Asking(Box<Confirm>),
    /// What was asked for.
    Told(Facts, bool),
    /// It is not done: why, and what does it instead.
    Refused(String, Vec<String>),
}

/// The dialog of one verb.
pub struct VerbDialog {
    errand: Errand,
    stage: Stage,
}

impl VerbDialog {
    /// Looks as soon as it is seen.
    pub fn new(errand: Errand) -> Self {
        Self { errand, stage: Stage::Looking(None) }
    }

    fn enter(&mut self, world: &World, out: &mut Effects) {
        if let Stage::Looking(ticket @ None) = &mut self.stage {
            let known = |key: &VclusterKey| world.access(&key.host, &key.namespace).is_some();
            if let (Errand::Verb(_), Some(key)) = (&self.errand, self.errand.key().filter(|key| !known(key)))
            {
                let VclusterKey { host, namespace, .. } = key;
                out.cmd(Cmd::Access { host, namespace });
            }
            *ticket = Some(out.read(Read::Plan(self.errand.clone())));
        }
    }

    fn take(&mut self, looked: &Result<Looked, String>, world: &World, out: &mut Effects) {
        match looked {
            Ok(Looked::Ask(plan)) => {
                let mut plan = plan.as_ref().clone();
                // The look before something is made asks for every right itself.
                if let (Errand::Verb(_), Some(key)) = (&self.errand, self.errand.key()) {
                    let doubt = match world.access(&key.host, &key.namespace) {
                        Some(Access::Known { .. }) => None,
                        Some(Access::Failed(why)) => Some(format!("not known, the server may refuse: {why}")),
                        _ => Some("not known yet, the server may refuse".to_owned()),
                    };
                    plan.facts.extend(doubt.map(|doubt| ("rights", vec![doubt])));
                }
                self.stage = Stage::Asking(Box::new(Confirm::new(plan)));
            }
            Ok(Looked::Begin(verb)) => {
                out.push(Effect::Close);
                out.push(Effect::Operate(Arc::clone(verb)));
            }
            Ok(Looked::Told { facts, warns }) => self.stage = Stage::Told(facts.clone(), *warns),
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
        self.errand.title().to_string()
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
            Stage::Told(..) => &[("esc", "close")],
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
        let title = self.errand.title();
        match &mut self.stage {
            Stage::Asking(confirm) => confirm.draw(area, buf, world),
            Stage::Looking(_) => {
                let inside = popup::frame(popup::centered(area, 60, 3), buf, world, &title, Slot::Pending);
                let said = format!("{} looking at what this takes", world.theme.symbols().pending);
                Text::styled(said, world.theme.style(Slot::Pending)).render(inside, buf);
            }
            Stage::Told(facts, warns) => {
                let slot = if *warns { Slot::Warn } else { Slot::Ok };
                draw_lines(area, buf, world, (&title, slot), |room| told_lines(facts, *warns, room, world));
            }
            Stage::Refused(why, instead) => {
                draw_lines(area, buf, world, (&title, Slot::Warn), |room| refusal(why, instead, room, world));
            }
        }
    }
}

fn styled(text: String, slot: Slot, world: &World) -> Text<'static> {
    Text::styled(text, world.theme.style(slot))
}

fn refusal(why: &str, instead: &[String], room: usize, world: &World) -> Vec<Text<'static>> {
    let broken = |text: &str| wrapped(&text::clean(text), room);
    let why = why.lines().flat_map(broken);
    let mut lines: Vec<Text<'_>> = why.map(|line| styled(line, Slot::Warn, world)).collect();
    if !instead.is_empty() {
        lines.push(Text::default());
        lines.push(styled("instead".to_owned(), Slot::Muted, world));
        let commands = instead.iter().flat_map(|command| broken(command));
        lines.extend(commands.map(|line| styled(line, Slot::Text, world)));
    }
    lines
}

fn told_lines(facts: &Facts, warns: bool, room: usize, world: &World) -> Vec<Text<'static>> {
    const WORD: usize = 8;
    let mut lines = Vec::new();
    for (at, (word, said)) in facts.iter().enumerate() {
        let mut word = *word;
        let slot = if warns && at == 0 { Slot::Warn } else { Slot::Text };
        for line in said.iter().flat_map(|line| wrapped(&text::clean(line), room.saturating_sub(WORD))) {
            lines.push(Text::from(vec![
                Span::styled(format!("{word:<WORD$}"), world.theme.style(Slot::Muted)),
                Span::styled(line, world.theme.style(slot)),
            ]));
            word = "";
        }
    }
    lines
}

/// A frame as high as its lines, which are made for its width.
fn draw_lines(
    area: Rect,
    buf: &mut Buffer,
    world: &World,
    (title, slot): (&str, Slot),
    lines: impl FnOnce(usize) -> Vec<Text<'static>>,
) {
    let width = area.width.saturating_sub(4).min(100);
    let lines = lines(usize::from(width).saturating_sub(4));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let inside = popup::frame(popup::centered(area, width, height), buf, world, title, slot);
    for (line, row) in lines.into_iter().zip(inside.rows()) {
        line.render(row, buf);
    }
}
