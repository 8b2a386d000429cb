//! Changing a virtual cluster: its `vcluster.yaml` in an editor that knows every setting, and what would come of it before
//! anything is done.

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line as Text;
use ratatui::widgets::Widget;
use smol_str::format_smolstr;
use v9s::fleet::model::VclusterKey;

use super::confirm::wrapped;
use super::create::editor::Editor;
use super::popup;
use super::vcluster;
use super::verb::VerbDialog;
use crate::actions::{ActionId, Scope};
use crate::app::messages::Level;
use crate::app::reads::{Read, Reply, Ticket};
use crate::app::registry::{Entry, Opened};
use crate::app::{Address, Cmd, Effect, Effects, Input, Layer, News, World};
use crate::keymap::Key;
use crate::text;
use crate::theme::Slot;
use crate::verbs::Errand;

/// Lines below the text for what is wrong with it.
const SAID: u16 = 3;

/// The editor of one configuration.
pub const ENTRY: Entry = Entry {
    name: "edit",
    aliases: &[],
    title: "change the vcluster.yaml of a virtual cluster: NAME, NAMESPACE/NAME or HOST/NAMESPACE/NAME",
    argument: "NAME",
    open: |opening| {
        let vcluster = vcluster::find(opening.argument, opening.world)?;
        match opening.world.config.read_only_because(&vcluster.key.host) {
            Some(_) => Err("edit: read-only".to_owned()),
            None => Ok(Opened::Screen(Box::new(EditScreen::new(vcluster.key.clone())))),
        }
    },
    complete: vcluster::ENTRY.complete,
};

/// How far it is.
enum Stage {
    /// The configuration is being read.
    Reading(Option<Ticket>),
    /// It is not to be changed here, and why.
    Refused(String),
    /// It is there.
    Open { editor: Box<Editor>, before: String },
}

/// The editor and what it was opened with.
pub struct EditScreen {
    key: VclusterKey,
    stage: Stage,
    /// Whether leaving takes what was typed along: said once.
    leaving: bool,
}

impl EditScreen {
    /// Reads as soon as it is seen.
    pub fn new(key: VclusterKey) -> Self {
        EditScreen { key, stage: Stage::Reading(None), leaving: false }
    }

    /// Looks at the host, and asks.
    fn go(&mut self, out: &mut Effects) {
        let Stage::Open { editor, before } = &mut self.stage else { return };
        let after = editor.text();
        if let Some(problem) = editor.problems().first() {
            out.say(Level::Warning, problem.to_string());
            editor.jump_to_problem();
        } else if !editor.touched || after == *before {
            out.say(Level::Info, "nothing was changed");
        } else {
            let errand = Errand::Edit { key: self.key.clone(), before: before.clone(), after };
            out.push(Effect::Popup(Box::new(VerbDialog::new(errand))));
        }
    }

    /// What was typed is not thrown away by one key.
    fn leave(&mut self, out: &mut Effects) -> bool {
        let touched = matches!(&self.stage, Stage::Open { editor, .. } if editor.touched);
        if touched && !self.leaving {
            self.leaving = true;
            out.say(Level::Warning, "esc again leaves, and what was typed is gone");
            return true;
        }
        false
    }

    fn paint_said(&self, area: Rect, buf: &mut Buffer, world: &World) {
        let Stage::Open { editor, .. } = &self.stage else { return };
        let theme = &world.theme;
        let symbols = theme.symbols();
        let rule = Rect { height: 1.min(area.height), ..area };
        let line = symbols.rule.repeat(usize::from(area.width));
        Text::styled(line, theme.style(Slot::Border)).render(rule, buf);
        let rest = Rect { y: rule.bottom(), height: area.height - rule.height, ..area };
        let (sign, slot, said) = match editor.told() {
            Some(problem) => (symbols.err, Slot::Err, problem.to_string()),
            None => (
                symbols.ok,
                Slot::Ok,
                "it can be read; ctrl-g looks at the host and shows what would become of it".to_owned(),
            ),
        };
        let lines = wrapped(&text::clean(&said), usize::from(rest.width).saturating_sub(3));
        for (at, (line, row)) in lines.iter().zip(rest.rows()).enumerate() {
            let sign = if at == 0 { sign } else { " " };
            Text::styled(format!(" {sign} {line}"), theme.style(slot)).render(row, buf);
        }
    }
}

impl Layer for EditScreen {
    fn address(&self) -> Address {
        let VclusterKey { host, namespace, name } = &self.key;
        Address { screen: "edit", argument: format_smolstr!("{host}/{namespace}/{name}") }
    }

    fn title(&self, _: &World) -> String {
        format!("change {}", self.key.name)
    }

    fn scopes(&self) -> &'static [Scope] {
        &[]
    }

    fn typing(&self) -> bool {
        true
    }

    fn fixed_keys(&self) -> &'static [(&'static str, &'static str)] {
        match &self.stage {
            Stage::Open { .. } => &[
                ("ctrl-g", "look and change"),
                ("ctrl-u", "undo"),
                ("ctrl-n", "next problem"),
                ("esc", "back"),
            ],
            Stage::Refused(_) => &[("c", "copy"), ("esc", "back")],
            Stage::Reading(_) => &[("esc", "back")],
        }
    }

    fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
        false
    }

    fn input(&mut self, input: &Input, _: &World, out: &mut Effects) -> bool {
        let key = match input {
            Input::Key(key) => *key,
            Input::Paste(pasted) => {
                if let Stage::Open { editor, .. } = &mut self.stage {
                    editor.paste(pasted);
                }
                return true;
            }
            Input::Mouse(_) => return true,
        };
        if key.code() == KeyCode::Esc {
            return self.leave(out);
        }
        self.leaving = false;
        // What hands the terminal over or leaves v9s works here, too.
        if [Key::ctrl('c'), Key::ctrl('z'), Key::ctrl('l'), Key::ctrl('o')].contains(&key) {
            return false;
        }
        if key == Key::ctrl('g') {
            self.go(out);
            return true;
        }
        match &mut self.stage {
            Stage::Open { editor, .. } if key == Key::ctrl('n') => editor.jump_to_problem(),
            Stage::Open { editor, .. } => return editor.key(key),
            Stage::Refused(why) if key.typed() == Some('c') => {
                out.cmd(Cmd::Copy { text: why.clone(), what: "it".to_owned() });
            }
            Stage::Refused(_) | Stage::Reading(_) => return false,
        }
        true
    }

    fn news(&mut self, news: &News, _: &World, out: &mut Effects) {
        match (news, &mut self.stage) {
            (News::Entered, Stage::Reading(asked @ None)) => {
                *asked = Some(out.read(Read::Written(self.key.clone())));
            }
            (News::Reply(ticket, Reply::Text(read)), Stage::Reading(asked)) if *asked == Some(*ticket) => {
                self.stage = match read {
                    Ok(text) => {
                        let editor = Box::new(Editor::new(text));
                        Stage::Open { before: text.clone(), editor }
                    }
                    Err(why) => Stage::Refused(why.clone()),
                };
            }
            _ => {}
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, world: &World) {
        let VclusterKey { namespace, name, .. } = &self.key;
        let body = popup::title_line(area, buf, world, &format!("vcluster.yaml of {namespace}/{name}"));
        let below = SAID.min(body.height);
        let said = Rect { y: body.bottom() - below, height: below, ..body };
        match &mut self.stage {
            Stage::Open { editor, .. } => {
                let text = Rect { height: body.height - below, ..body };
                editor.draw(text, buf, world, true);
            }
            Stage::Reading(_) => {
                let told = format!(" {} reading the configuration", world.theme.symbols().pending);
                Text::styled(told, world.theme.style(Slot::Pending)).render(body, buf);
            }
            Stage::Refused(why) => {
                let room = usize::from(body.width).saturating_sub(2);
                let lines = why.lines().flat_map(|line| wrapped(&text::clean(line), room));
                for (line, row) in lines.zip(body.rows()) {
                    Text::styled(format!(" {line}"), world.theme.style(Slot::Warn)).render(row, buf);
                }
            }
        }
        self.paint_said(said, buf, world);
    }
}
