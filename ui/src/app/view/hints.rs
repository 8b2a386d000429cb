//! The line at the bottom: what can be pressed here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use crate::actions::{ACTIONS, ActionId, Scope};
use crate::app::layer::Offer;
use crate::app::state::State;
use crate::text;
use crate::theme::Slot;

/// Keys and words, the most special first; what does not fit is left out, help never.
pub fn paint(area: Rect, buf: &mut Buffer, state: &State) {
    let theme = &state.world.theme;
    let help = (state.world.config.keymap.label(ActionId::Help), "help".to_owned());
    let mut hints = hints(state);
    let popup = !state.top().fixed_keys().is_empty();
    let last = (!popup && !help.0.is_empty()).then_some(help);
    let width = |(key, word): &(String, String)| text::width(key) + text::width(word) + 3;
    let mut room = usize::from(area.width).saturating_sub(1 + last.as_ref().map_or(0, width));
    hints.retain(|hint| {
        let fits = width(hint) <= room;
        room = if fits { room - width(hint) } else { 0 };
        fits
    });
    let mut spans = vec![Span::raw(" ")];
    for (key, word) in hints.into_iter().chain(last) {
        spans.push(Span::styled(key, theme.style(Slot::Key)));
        spans.push(Span::styled(format!(" {word}  "), theme.style(Slot::Muted)));
    }
    Line::from(spans).render(area, buf);
}

fn hints(state: &State) -> Vec<(String, String)> {
    let top = state.top();
    let fixed = top.fixed_keys();
    let fixed: Vec<(String, String)> =
        fixed.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned())).collect();
    let mut scopes = state.scopes();
    if !fixed.is_empty() {
        // A popup says what it has itself, and what of the action table is its own.
        scopes.retain(|scope| *scope != Scope::Everywhere);
    }
    let symbols = state.world.theme.symbols();
    let actions = ACTIONS
        .iter()
        .filter(|action| scopes.contains(&action.scope) && action.id != ActionId::Help)
        .filter(|action| {
            action.scope == Scope::Everywhere || top.offer(action, &state.world) == Offer::Possible
        })
        .filter_map(|action| {
            let key = state.world.config.keymap.label(action.id);
            let key = if key == "enter" { symbols.enter.to_owned() } else { key };
            (!key.is_empty()).then_some((key, action.hint?.to_owned()))
        });
    fixed.into_iter().chain(actions).collect()
}
