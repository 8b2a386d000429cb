//! The first line: which cluster, how many virtual clusters in which state, how live the picture is.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use v9s::fleet::model::{Host, Link};
use v9s::fleet::state::State as Word;

use crate::app::connections::Connection;
use crate::app::world::World;
use crate::config::Tone;
use crate::format;
use crate::text;
use crate::theme::Slot;

/// How much is said; each is tried in turn until the line fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Full,
    /// Signs instead of words for the states.
    Signs,
    /// No version, no count of namespaces.
    Short,
    /// Where one is, what is wrong, how live it is.
    Least,
}

type Part = (String, Slot);

/// Paints the header; does nothing where there is no line for it.
pub fn paint(area: Rect, buf: &mut Buffer, world: &World) {
    if area.height == 0 {
        return;
    }
    let mut line = Vec::new();
    for detail in [Detail::Full, Detail::Signs, Detail::Short, Detail::Least] {
        line = parts(world, detail);
        if line.iter().map(|(text, _)| text::width(text)).sum::<usize>() <= usize::from(area.width) {
            break;
        }
    }
    let spans: Vec<Span> =
        line.into_iter().map(|(text, slot)| Span::styled(text, world.theme.style(slot))).collect();
    Line::from(spans).render(area, buf);
}

fn parts(world: &World, detail: Detail) -> Vec<Part> {
    let dot = format!(" {} ", world.theme.symbols().dot);
    let groups = [place(world, detail), counts(world, detail), links(world, detail), modes(world)];
    let mut line = Vec::new();
    for group in groups.into_iter().filter(|group| !group.is_empty()) {
        if !line.is_empty() {
            line.push((dot.clone(), Slot::Muted));
        }
        line.extend(group);
    }
    line
}

/// Badge and name of the context, or how many there are.
fn place(world: &World, detail: Detail) -> Vec<Part> {
    let contexts: Vec<&str> = match world.fleet.hosts.as_slice() {
        [] => world.session.contexts.iter().map(AsRef::as_ref).collect(),
        hosts => hosts.iter().map(|host| host.context.as_str()).collect(),
    };
    let rules = || contexts.iter().filter_map(|context| world.config.rule(context));
    let loud = rules().find(|rule| rule.tone == Tone::Prod);
    let badge = loud.or_else(|| rules().next()).and_then(|rule| rule.badge.clone());
    let slot = if loud.is_some() { Slot::Prod } else { Slot::Badge };
    let mut parts = Vec::new();
    match badge {
        Some(badge) => parts.push((format!(" {} ", text::clean(&badge)), slot)),
        None if loud.is_some() => parts.push((" PROD ".to_owned(), slot)),
        None => {}
    }
    let name = match contexts.as_slice() {
        [] => "current context".to_owned(),
        [one] => text::clean(one).into_owned(),
        many => format!("{} hosts", many.len()),
    };
    let room = if detail == Detail::Least { 16 } else { 40 };
    let name = text::cut_middle(&name, room, world.theme.symbols().ellipsis).into_owned();
    parts.push((format!(" {name}"), Slot::Title));
    if let ([host], true) = (world.fleet.hosts.as_slice(), detail < Detail::Short)
        && let Some(version) = host.version.get()
    {
        parts.push((format!(" ({})", text::clean(version)), Slot::Muted));
    }
    parts
}

/// How many in which state, worst first.
fn counts(world: &World, detail: Detail) -> Vec<Part> {
    if !world.arrived {
        return Vec::new();
    }
    let symbols = world.theme.symbols();
    let all = world.fleet.vclusters.len() as u64;
    let mut parts = Vec::new();
    if detail <= Detail::Signs {
        let mut namespaces: Vec<_> =
            world.fleet.vclusters.iter().map(|v| (&v.key.host, &v.key.namespace)).collect();
        namespaces.dedup();
        let (one, other) = (plural(all, "vcluster"), plural(namespaces.len() as u64, "namespace"));
        parts.push((format!("{one} in {other}"), Slot::Text));
    } else if detail == Detail::Short {
        parts.push((plural(all, "vcluster"), Slot::Text));
    }
    let mut states: BTreeMap<Word, u64> = BTreeMap::new();
    for vcluster in &world.fleet.vclusters {
        *states.entry(vcluster.state).or_default() += 1;
    }
    // One sign stands for several states where words do not fit.
    let mut groups: Vec<(Slot, u64, &str)> = Vec::new();
    for (state, count) in states {
        let slot = Slot::from(state);
        match groups.last_mut().filter(|last| detail > Detail::Full && last.0 == slot) {
            Some(last) => last.1 += count,
            None => groups.push((slot, count, state.word())),
        }
    }
    for (slot, count, word) in groups {
        if !parts.is_empty() {
            parts.push(("  ".to_owned(), Slot::Text));
        }
        let word = if detail == Detail::Full { format!(" {word}") } else { String::new() };
        parts.push((format!("{} {}{word}", symbols.of(slot), format::count(count)), slot));
    }
    parts
}

fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", format::count(n), if n == 1 { "" } else { "s" })
}

/// How live the picture is: one word when all is well, else every host that is not.
fn links(world: &World, detail: Detail) -> Vec<Part> {
    let many = world.fleet.hosts.len() > 1;
    if world.fleet.hosts.is_empty() {
        return vec![(format!("{} connecting", world.theme.symbols().pending), Slot::Pending)];
    }
    let mut parts: Vec<Part> = Vec::new();
    let (live, ill): (Vec<_>, Vec<_>) =
        world.fleet.hosts.iter().partition(|host| matches!(host.link, Link::Live { .. }));
    if let Some(oldest) = live.iter().filter_map(|host| last_seen(host)).min() {
        let seen = format::short(format::elapsed(oldest, world.now));
        let count = if many && !ill.is_empty() { format!("{} ", live.len()) } else { String::new() };
        parts.push((format!("{} {count}live {seen}", world.theme.symbols().live), Slot::Ok));
    }
    for host in ill.into_iter().take(if detail == Detail::Least { 1 } else { 3 }) {
        if !parts.is_empty() {
            parts.push(("  ".to_owned(), Slot::Text));
        }
        let name = if many { format!("{}: ", text::clean(&host.context)) } else { String::new() };
        let (said, slot) = link(host, world);
        parts.push((format!("{} {name}{said}", world.theme.symbols().of(slot)), slot));
    }
    parts
}

fn last_seen(host: &Host) -> Option<DateTime<Utc>> {
    match host.link {
        Link::Live { last_seen } => Some(last_seen),
        _ => None,
    }
}

fn link(host: &Host, world: &World) -> (String, Slot) {
    let until = |next: DateTime<Utc>| match (next - world.now).num_seconds() {
        ..1 => "trying now".to_owned(),
        seconds => format!("next try in {seconds}s"),
    };
    match &host.link {
        Link::Loading { objects: 0, .. } => ("connecting".to_owned(), Slot::Pending),
        Link::Loading { objects, .. } => (format!("loading {}", format::count(*objects)), Slot::Pending),
        Link::Live { .. } => ("live".to_owned(), Slot::Ok),
        Link::Stale { since, next_try, .. } => {
            let age = format::short(format::elapsed(*since, world.now));
            (format!("stale {age}, {}", until(*next_try)), Slot::Stale)
        }
        Link::Unreachable { next_try, .. } => (format!("unreachable, {}", until(*next_try)), Slot::Err),
    }
}

/// Read-only mode and running jobs.
fn modes(world: &World) -> Vec<Part> {
    let mut parts = Vec::new();
    let all_read_only = !world.fleet.hosts.is_empty()
        && world.fleet.hosts.iter().all(|host| world.config.read_only_because(&host.context).is_some());
    if world.config.read_only || all_read_only {
        parts.push((" read-only ".to_owned(), Slot::Badge));
    }
    let open = world.connections.all();
    if !open.is_empty() {
        let slot = if open.iter().all(Connection::is_ready) { Slot::Ok } else { Slot::Warn };
        let sign = world.theme.symbols().of(slot);
        parts.push((format!(" {sign} {} ", plural(open.len() as u64, "connection")), slot));
    }
    let running = world.jobs.running();
    if running > 0 {
        let step = world.theme.symbols().step;
        parts.push((format!(" {step} {} ", plural(running as u64, "job")), Slot::Badge));
    }
    parts
}
