//! The state of the dashboard and how messages change it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crossterm::event::KeyCode;
use ratatui::layout::Size;

use super::certificates::Ends;
use super::effect::{Cmd, Effect, Effects};
use super::jobs::{Ended, JobEvent, JobId, Then};
use super::layer::{Input, Layer, News, Offer};
use super::messages::Level;
use super::msg::Msg;
use super::operation::Verb;
use super::planes::Planes;
use super::reads::{Reply, Ticket};
use super::registry::{self, Below, Opened, Registry};
use super::stack::Stack;
use super::stores::Stores;
use super::world::{Access, Session, World};
use crate::actions::{self, ACTIONS, Action, ActionId, Scope};
use crate::keymap::Key;

/// The smallest terminal that shows anything but a request for more room.
pub const SMALLEST: Size = Size { width: 60, height: 15 };

/// The command that shows one job.
const JOB: &str = "job";

/// What one effect may lead to: a bound, so that no pair of layers can keep each other busy for ever.
const MOST_EFFECTS: usize = 64;

/// Everything there is, and nothing that does I/O.
pub struct State {
    /// What layers look at.
    pub world: World,
    pub(super) stack: Stack,
    pub(super) popups: Vec<Box<dyn Layer>>,
    registry: Registry,
    effects: Effects,
    session: u64,
    size: Size,
    focused: bool,
    dirty: bool,
}

impl State {
    /// A state that shows the first screen of the registry.
    pub fn new(world: World, root: Box<dyn Layer>, registry: Registry) -> Self {
        Self {
            world,
            stack: Stack::new(root),
            popups: Vec::new(),
            registry,
            effects: Effects::default(),
            session: 0,
            size: Size { width: 80, height: 24 },
            focused: true,
            dirty: true,
        }
    }

    /// The number of the present session: fleets of earlier ones are not looked at.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Whether the person is looking: no focus, no ticks.
    pub fn focused(&self) -> bool {
        self.focused
    }

    /// Whether something has changed that shows; asking takes the mark away.
    pub fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.dirty)
    }

    /// Whether there is less room than [`SMALLEST`].
    pub fn too_small(&self) -> bool {
        self.size.width < SMALLEST.width || self.size.height < SMALLEST.height
    }

    /// The terminal has this size.
    pub fn resize_to(&mut self, size: Size) {
        self.size = size;
        self.dirty = true;
    }

    /// The topmost layer.
    pub fn top(&self) -> &dyn Layer {
        match self.popups.last() {
            Some(popup) => popup.as_ref(),
            None => self.stack.top(),
        }
    }

    /// Takes in one message. What is to be done outside comes back.
    pub fn update(&mut self, msg: Msg, now: DateTime<Utc>) -> Vec<Cmd> {
        self.world.now = now;
        self.dirty = true;
        match msg {
            Msg::Key(key) => self.key(key),
            Msg::Mouse(event) => self.input(&Input::Mouse(event)),
            Msg::Paste(text) => self.input(&Input::Paste(text)),
            Msg::Resize(width, height) => self.resize_to(Size { width, height }),
            Msg::Focus(focused) => self.focused = focused,
            Msg::Tick => self.tick(),
            Msg::Fleet(session, fleet) => {
                if session == self.session {
                    self.world.told = fleet;
                    self.world.see_quotas();
                    self.world.put_looked_in();
                    self.world.arrived = true;
                    self.tell_seen(&News::Fleet);
                }
            }
            Msg::Contexts(contexts) => {
                self.world.contexts = contexts;
                self.tell_seen(&News::Fleet);
            }
            Msg::Reply(ticket, reply) => self.reply(ticket, reply),
            Msg::Access { host, namespace, access } => {
                self.world.access.insert((host, namespace), access);
                self.tell_seen(&News::Access);
            }
            Msg::Job(id, event) => self.job(id, event),
            Msg::Connection(connection) => {
                self.world.connections.put(*connection);
                self.tell_seen(&News::Connections);
            }
            Msg::Disconnected(id) => {
                self.world.connections.remove(id);
                self.tell_seen(&News::Connections);
            }
            Msg::Say(level, text) => self.world.messages.add(level, text, now),
            Msg::Theme(theme) => self.world.theme = theme,
        }
        self.settle()
    }

    /// Tells the root that it is seen. To be called once, before the first message.
    pub fn begin(&mut self, now: DateTime<Utc>) -> Vec<Cmd> {
        self.world.now = now;
        self.tell_top(&News::Entered);
        self.effects.cmd(Cmd::Contexts);
        self.effects.cmd(Cmd::Watch(self.session, self.world.session.clone()));
        self.settle()
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply) {
        let looked = match &reply {
            Reply::Store(key, Ok(reading)) => {
                self.world.stores.put(key.clone(), reading.as_ref().clone());
                true
            }
            Reply::Control(key, Ok(reading)) => {
                self.world.planes.put(key.clone(), reading.as_ref().clone());
                true
            }
            Reply::Certificates(key, end) => {
                self.world.ends.put(key.clone(), end.clone(), self.world.now);
                true
            }
            _ => false,
        };
        if looked {
            self.world.put_looked_in();
        }
        self.tell_all(&News::Reply(ticket, reply));
        if looked {
            self.tell_seen(&News::Fleet);
        }
    }

    fn tick(&mut self) {
        self.effects.cmd(Cmd::LookAtTheme);
        self.world.see_quotas();
        if self.world.looked() != self.world.looked_shown {
            self.world.put_looked_in();
            self.tell_seen(&News::Fleet);
        }
        self.tell_seen(&News::Tick);
    }

    fn job(&mut self, id: JobId, event: JobEvent) {
        let Some(job) = self.world.jobs.report(id, event, self.world.now) else { return };
        let Some((_, outcome)) = &job.ended else { return };
        let level = match outcome.ended {
            Ended::Done => Level::Info,
            Ended::Partly | Ended::Cancelled => Level::Warning,
            Ended::Failed => Level::Error,
        };
        let said = format!("{}: {}", job.title, outcome.said);
        let then = outcome.then.clone();
        self.world.messages.add(level, said, self.world.now);
        match then {
            Some(Then::Begin(verb)) => self.effects.push(Effect::Operate(verb)),
            // The terminal is not taken from somebody who does something else by now.
            Some(Then::Shell(id)) if self.top().address().screen == JOB => {
                self.effects.push(Effect::Close);
                self.effects.cmd(Cmd::Shell(id));
            }
            Some(Then::Shell(_)) => {
                self.effects.say(Level::Info, "connected; s in :connections opens the shell");
            }
            None => {}
        }
    }

    /// Begins a job, and shows its steps unless the person is in the middle of something else by now.
    fn operate(&mut self, verb: Arc<dyn Verb>, cmds: &mut Vec<Cmd>) {
        let (title, now) = (verb.title(), self.world.now);
        let job = self.world.jobs.begin(title.clone(), verb.steps(), now);
        self.world.messages.add(Level::Info, format!("{title}: begun"), now);
        let busy = self.popups.iter().any(|popup| popup.address().screen != JOB) || self.top().typing();
        if verb.is_watched() && !busy {
            self.run(&format!("{JOB} {}", job.0));
        }
        cmds.push(Cmd::Operate(job, verb));
    }

    fn key(&mut self, key: Key) {
        self.world.messages.seen();
        if self.too_small() {
            self.key_without_room(key);
            return;
        }
        let popup = !self.popups.is_empty();
        if (popup || self.top().typing()) && self.input_handled(&Input::Key(key)) {
            return;
        }
        let scopes = self.scopes();
        match self.world.config.keymap.find(key, &scopes) {
            Some(action) => self.act(action),
            None if popup => {}
            None => self.input(&Input::Key(key)),
        }
    }

    /// Nobody can see a question here, so leaving does not ask unless a job would be cut off.
    fn key_without_room(&mut self, key: Key) {
        let leave = [Key::char('q'), Key::plain(KeyCode::Esc), Key::ctrl('c')].contains(&key);
        if leave && self.world.jobs.running() == 0 {
            self.effects.push(Effect::Exit);
        }
    }

    /// The scopes that are active now.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes = vec![Scope::Everywhere];
        if !self.top().typing() {
            scopes.extend(self.top().scopes());
        }
        scopes
    }

    /// What can be done on the present screen, popups aside, in the order of the action table.
    pub fn offers(&self) -> Vec<(&'static Action, Offer)> {
        let screen = self.stack.top();
        let here = |action: &&'static Action| {
            screen.scopes().contains(&action.scope) && action.scope != Scope::Moving
        };
        ACTIONS.iter().filter(here).map(|action| (action, screen.offer(action, &self.world))).collect()
    }

    /// Does an action as if its key had been pressed.
    pub fn act(&mut self, action: &'static Action) {
        let layer: &mut Box<dyn Layer> = match self.popups.last_mut() {
            Some(popup) => popup,
            None => self.stack.top_mut(),
        };
        if layer.scopes().contains(&action.scope) {
            match layer.offer(action, &self.world) {
                Offer::Possible => {}
                Offer::Impossible(why) => {
                    return self.effects.say(Level::Warning, format!("{}: {why}", action.title));
                }
                Offer::Absent if action.destructive => {
                    return self.effects.say(Level::Warning, format!("{}: read-only", action.title));
                }
                Offer::Absent => {
                    return self.effects.say(Level::Info, format!("{}: not here", action.title));
                }
            }
        }
        if !layer.act(action.id, &self.world, &mut self.effects) {
            self.act_on_world(action.id);
        }
    }

    fn act_on_world(&mut self, id: ActionId) {
        match id {
            ActionId::Help => self.run("help"),
            ActionId::Menu => self.run("menu"),
            ActionId::Palette => self.run("palette"),
            ActionId::Activity => self.run("jobs"),
            ActionId::Connections => self.run("connections"),
            ActionId::Command => self.run("command"),
            ActionId::Exit => self.run("quit"),
            ActionId::Quit if self.popups.is_empty() && self.stack.at_root() => self.run("quit"),
            ActionId::Back | ActionId::Quit => self.close(),
            ActionId::JumpBack => self.move_in_stack(Stack::back),
            ActionId::JumpForward => self.move_in_stack(Stack::forward),
            ActionId::JumpLast => self.move_in_stack(Stack::last),
            ActionId::Refresh => {
                self.effects.cmd(Cmd::Retry(None));
                self.effects.say(Level::Info, "reading again");
            }
            ActionId::Redraw => self.effects.cmd(Cmd::Repaint),
            ActionId::Suspend => self.effects.cmd(Cmd::Suspend),
            ActionId::Wide => self.world.wide = !self.world.wide,
            ActionId::Header => self.world.header = !self.world.header,
            ActionId::Mouse => {
                self.world.mouse = !self.world.mouse;
                self.effects.cmd(Cmd::Mouse(self.world.mouse));
                let said = if self.world.mouse { "mouse on: hold shift to select text" } else { "mouse off" };
                self.effects.say(Level::Info, said);
            }
            _ => {}
        }
    }

    /// Carries out a command line.
    pub fn run(&mut self, line: &str) {
        let offers = self.offers();
        let below = Below { offers: &offers, scopes: self.stack.top().scopes() };
        // An action's name is a command too.
        if let Some(action) =
            actions::by_name(line.trim()).filter(|_| registry::find(self.registry, line).is_none())
        {
            return self.act(action);
        }
        match registry::open(line, &self.world, below, self.registry) {
            Ok(Opened::Screen(screen)) => self.open(screen),
            Ok(Opened::Popup(popup)) => self.popup(popup),
            Ok(Opened::Effects(effects)) => effects.into_iter().for_each(|effect| self.effects.push(effect)),
            Err(why) => self.effects.say(Level::Warning, why),
        }
    }

    fn open(&mut self, screen: Box<dyn Layer>) {
        self.popups.clear();
        let place = screen.place();
        self.tell_top(&News::Left);
        drop(self.stack.open(screen));
        // It may be one that was kept, at another place.
        self.stack.top_mut().go_to(&place);
        self.tell_top(&News::Entered);
    }

    fn popup(&mut self, popup: Box<dyn Layer>) {
        // One of each kind: a key that opens a popup cannot pile them up.
        self.popups.retain(|open| open.address().screen != popup.address().screen);
        self.popups.push(popup);
        self.tell_top(&News::Entered);
    }

    fn close(&mut self) {
        if self.popups.pop().is_none() {
            self.move_in_stack(Stack::back);
        }
    }

    fn move_in_stack(&mut self, step: fn(&mut Stack) -> bool) {
        self.popups.clear();
        self.tell_top(&News::Left);
        step(&mut self.stack);
        self.tell_top(&News::Entered);
    }

    fn switch(&mut self, session: Session) {
        self.session += 1;
        self.world.session = session.clone();
        self.world.fleet = std::sync::Arc::default();
        self.world.told = std::sync::Arc::default();
        self.world.stores = Stores::default();
        self.world.planes = Planes::default();
        self.world.ends = Ends::default();
        self.world.snapshot += 1;
        self.world.arrived = false;
        self.world.access.clear();
        self.popups.clear();
        self.stack.forget_all_but_root();
        self.tell_top(&News::Entered);
        self.effects.cmd(Cmd::Watch(self.session, session));
    }

    fn input(&mut self, input: &Input) {
        self.input_handled(input);
    }

    fn input_handled(&mut self, input: &Input) -> bool {
        let layer = match self.popups.last_mut() {
            Some(popup) => popup,
            None => self.stack.top_mut(),
        };
        layer.input(input, &self.world, &mut self.effects)
    }

    fn tell_top(&mut self, news: &News) {
        let layer = match self.popups.last_mut() {
            Some(popup) => popup,
            None => self.stack.top_mut(),
        };
        layer.news(news, &self.world, &mut self.effects);
    }

    fn tell_seen(&mut self, news: &News) {
        self.stack.top_mut().news(news, &self.world, &mut self.effects);
        for popup in &mut self.popups {
            popup.news(news, &self.world, &mut self.effects);
        }
    }

    fn tell_all(&mut self, news: &News) {
        for layer in self.stack.all_mut().chain(self.popups.iter_mut()) {
            layer.news(news, &self.world, &mut self.effects);
        }
    }

    /// Carries out what layers want until nobody wants anything; what needs I/O comes back.
    fn settle(&mut self) -> Vec<Cmd> {
        let mut cmds = Vec::new();
        let mut left = MOST_EFFECTS;
        loop {
            let wanted = self.effects.take();
            if wanted.is_empty() {
                return cmds;
            }
            for effect in wanted {
                if left == 0 {
                    tracing::error!(?effect, "effects without end, the rest is dropped");
                    return cmds;
                }
                left -= 1;
                self.apply(effect, &mut cmds);
            }
        }
    }

    fn apply(&mut self, effect: Effect, cmds: &mut Vec<Cmd>) {
        match effect {
            Effect::Cmd(cmd) => {
                match &cmd {
                    Cmd::Access { host, namespace } => {
                        self.world.access.insert((host.clone(), namespace.clone()), Access::Asked);
                    }
                    Cmd::Remember(line) => self.world.history.push(line.clone()),
                    _ => {}
                }
                cmds.push(cmd);
            }
            Effect::Command(line) => self.run(&line),
            Effect::Open(screen) => self.open(screen),
            Effect::Popup(popup) => self.popup(popup),
            Effect::Close => self.close(),
            Effect::Act(id) => {
                self.popups.pop();
                self.act(actions::action(id));
            }
            Effect::Say(level, text) => self.world.messages.add(level, text, self.world.now),
            Effect::Operate(verb) => self.operate(verb, cmds),
            Effect::Stop(job) => {
                if self.world.jobs.stop(job) {
                    cmds.push(Cmd::Stop(job));
                }
            }
            Effect::Switch(session) => self.switch(session),
            Effect::Exit => cmds.push(Cmd::Exit),
        }
    }
}
