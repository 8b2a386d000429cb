//! An object as YAML.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use smol_str::SmolStr;
use v9s::cluster::ObjectRef;

use super::Reader;
use crate::actions::{ActionId, Scope};
use crate::app::reads::{Read, Reply};
use crate::app::{Address, Asked, Effects, Input, Layer, News, World};
use crate::panes::text::{Highlight, TextPane};

/// The YAML of one object, read when it is looked at.
pub struct Yaml {
    host: SmolStr,
    object: ObjectRef,
    managed_fields: bool,
    asked: Asked,
    reader: Reader<TextPane>,
}

/// The scopes of YAML that stands alone.
const SCOPES: &[Scope] = &[Scope::Moving, Scope::Text, Scope::Yaml];

impl Yaml {
    /// Nothing is read yet.
    pub fn new(host: SmolStr, object: ObjectRef) -> Self {
        let reader = Reader::new(TextPane::new(Highlight::Yaml));
        Self { host, object, managed_fields: false, asked: Asked::default(), reader }
    }

    /// Whether keys are text now.
    pub fn typing(&self) -> bool {
        self.reader.typing()
    }

    fn read(&mut self, out: &mut Effects) {
        let read = Read::Yaml {
            host: self.host.clone(),
            object: self.object.clone(),
            managed_fields: self.managed_fields,
        };
        self.asked.ask(read, out);
        self.reader.pane.wait(&format!("reading {} of {}", self.object.resource.kind, self.object.name));
    }

    /// Does an action.
    pub fn act(&mut self, action: ActionId, out: &mut Effects) -> bool {
        match action {
            ActionId::ManagedFields => {
                self.managed_fields = !self.managed_fields;
                self.read(out);
            }
            ActionId::Refresh => self.read(out),
            _ => return self.reader.act(action, &format!("{}.yaml", self.object.name), out),
        }
        true
    }

    /// Takes what is typed, and the wheel.
    pub fn input(&mut self, input: &Input) -> bool {
        self.reader.input(input)
    }

    /// Reads when it comes into view, and takes the answer.
    pub fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        match news {
            News::Entered => self.read(out),
            News::Left => self.asked.forget(out),
            News::Reply(ticket, Reply::Text(text)) if self.asked.take(*ticket) => match text {
                Ok(text) => self.reader.pane.set(text, world.now),
                Err(why) => self.reader.pane.fail(why),
            },
            _ => {}
        }
    }

    /// Paints itself.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = self.reader.draw_prompt(area, buf, world);
        self.reader.pane.render(area, buf, &world.theme, world.now);
    }
}

/// YAML as a screen of its own.
pub struct YamlScreen {
    yaml: Yaml,
}

impl YamlScreen {
    /// The YAML of an object on a host.
    pub fn new(host: SmolStr, object: ObjectRef) -> Self {
        Self { yaml: Yaml::new(host, object) }
    }
}

impl Layer for YamlScreen {
    fn address(&self) -> Address {
        Address { screen: "yaml", argument: format!("{}/{}", self.yaml.host, self.yaml.object.path()).into() }
    }

    fn title(&self, _: &World) -> String {
        format!("{} {} @ {}", self.yaml.object.resource.kind, self.yaml.object.name, self.yaml.host)
    }

    fn scopes(&self) -> &'static [Scope] {
        SCOPES
    }

    fn typing(&self) -> bool {
        self.yaml.typing()
    }

    fn act(&mut self, action: ActionId, _: &World, out: &mut Effects) -> bool {
        self.yaml.act(action, out)
    }

    fn input(&mut self, input: &Input, _: &World, _: &mut Effects) -> bool {
        self.yaml.input(input)
    }

    fn news(&mut self, news: &News, world: &World, out: &mut Effects) {
        self.yaml.news(news, world, out);
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let area = super::super::popup::title_line(area, buf, world, &self.title(world));
        self.yaml.draw(area, buf, world);
    }
}
