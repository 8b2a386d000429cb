//! What stands around the table: where it goes, who takes it, and who waits.

use chrono::{DateTime, Utc};
use v9s::fleet::quota::Quota;
use v9s::health::quota::demand::Part;
use v9s::health::quota::trend::about;
use v9s::health::quota::{Blocked, Consumer, Demand, KeyDemand, Outlook, Whose, outlook as first};
use v9s::known::Known;

use super::super::lines::{Line, broken};
use super::super::page::rule;
use super::keys::rate;
use super::{View, share_bar};
use crate::format::{age, elapsed, percent, quantity, short};
use crate::text::{Align, clean, cut_end, cut_middle};
use crate::theme::{Slot, Symbols};

/// The first limit that is hit, and when.
pub(super) fn outlook(view: View<'_>, quota: &Quota, symbols: &Symbols, now: DateTime<Utc>) -> Option<Line> {
    let watch = view.watch?;
    let (slot, said) = match first(quota, |entry| watch.course(entry)) {
        Outlook::Full(full) => {
            let keys: Vec<_> = full.iter().map(|entry| clean(&entry.resource)).collect();
            (Slot::Err, format!("full now: {}", keys.join(", ")))
        }
        Outlook::Hits { entry, per_hour, at } => {
            let said = format!(
                "the first limit is {} in about {}, at +{} an hour",
                clean(&entry.resource),
                about(elapsed(now, at)),
                rate(entry, per_hour)
            );
            (Slot::Info, said)
        }
        Outlook::TooShort(needed) => {
            let needed = short(needed.to_std().unwrap_or_default());
            (Slot::Pending, format!("too early to say which limit is hit first: {needed} more"))
        }
        Outlook::Nothing => (Slot::Ok, "nothing grows towards a limit".to_owned()),
    };
    Some(Line::new(format!(" {} {said}", symbols.of(slot)), slot))
}

/// What changes them.
pub(super) fn press(key: &str) -> Line {
    Line::new("   ", Slot::Text)
        .with(format!("[{key}]"), Slot::Key)
        .with(" other limits; what comes of them is shown first", Slot::Muted)
}

/// Who takes what, and who waits for room.
pub(super) fn taken(
    view: View<'_>,
    columns: usize,
    symbols: &'static Symbols,
    now: DateTime<Utc>,
) -> Vec<Line> {
    if let Some(why) = view.failed {
        return signed(
            Slot::Unknown,
            &format!("what takes it is not known: {}", clean(why)),
            columns,
            symbols,
        );
    }
    let Some(found) = view.found else { return Vec::new() };
    let mut lines = Vec::new();
    match &found.blocked {
        Known::Yes(blocked) if !blocked.is_empty() => {
            lines.push(rule("Pods that wait for room", columns, symbols));
            lines.extend(blocked.iter().map(|pod| waiting(pod, columns, symbols, now)));
        }
        Known::Yes(_) | Known::NotApplicable => {}
        Known::No(why) => {
            let words = format!("which pods wait for room is not known: {}", clean(why));
            lines.extend(signed(Slot::Unknown, &words, columns, symbols));
        }
    }
    match &found.demand {
        Known::Yes(demand) => lines.extend(demanded(demand, columns, symbols)),
        Known::No(why) => {
            let words = format!("what takes it is not known: {}", clean(why));
            lines.extend(signed(Slot::Unknown, &words, columns, symbols));
        }
        Known::NotApplicable => {}
    }
    lines
}

fn signed(slot: Slot, words: &str, columns: usize, symbols: &Symbols) -> Vec<Line> {
    let lines = broken(words, columns.saturating_sub(4)).into_iter().enumerate();
    let sign = |at: usize| if at == 0 { symbols.of(slot) } else { " " };
    lines.map(|(at, words)| Line::new(format!(" {} {words}", sign(at)), slot)).collect()
}

fn waiting(pod: &Blocked, columns: usize, symbols: &Symbols, now: DateTime<Utc>) -> Line {
    let since = age(pod.since, now);
    let said = format!("{}  {}", clean(&pod.title()), clean(&pod.words()));
    let room = columns.saturating_sub(since.len() + 6);
    Line::new(format!(" {} ", symbols.of(Slot::Warn)), Slot::Warn)
        .field(&cut_end(&said, room, symbols.ellipsis), room, Align::Left, Slot::Text)
        .with(format!("  {since}"), Slot::Muted)
}

/// Columns of an amount and its share.
const AMOUNT: usize = 10;
const SHARE: usize = 6;

fn demanded(demand: &Demand, columns: usize, symbols: &Symbols) -> Vec<Line> {
    if demand.keys.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![rule("What its pods ask for", columns, symbols)];
    let key = columns.saturating_sub(3 + 3 * (AMOUNT + SHARE) + 1).clamp(8, 32);
    let bar = columns.saturating_sub(3 + key + 3 * (AMOUNT + SHARE) + 3).min(40);
    let heading = Slot::Header;
    lines.push(
        Line::new("   ", heading)
            .field("KEY", key, Align::Left, heading)
            .field("WORKLOAD", AMOUNT + SHARE, Align::Right, heading)
            .field("CONTROL PLANE", AMOUNT + SHARE, Align::Right, heading)
            .field("OTHERS", AMOUNT + SHARE, Align::Right, heading),
    );
    lines.extend(demand.keys.iter().map(|it| of_key(it, key, bar, symbols)));
    if !demand.consumers.is_empty() {
        lines.push(rule("Who asks for most", columns, symbols));
        lines.extend(demand.consumers.iter().map(|it| consumer(it, columns, symbols)));
    }
    lines
}

fn of_key(it: &KeyDemand, key: usize, bar: usize, symbols: &Symbols) -> Line {
    let name = clean(&it.key);
    let amount = |part: &Part| quantity(&it.key, &part.amount);
    let share = |part: &Part| part.share.map_or_else(|| symbols.unknown.to_owned(), percent);
    let mut line = Line::new("   ", Slot::Text).field(
        &cut_middle(&name, key, symbols.ellipsis),
        key,
        Align::Left,
        Slot::Text,
    );
    for (part, slot) in [(&it.tenant, Slot::Text), (&it.control_plane, Slot::Text), (&it.other, Slot::Muted)]
    {
        line = line.field(&amount(part), AMOUNT, Align::Right, slot).field(
            &share(part),
            SHARE,
            Align::Right,
            Slot::Muted,
        );
    }
    if bar < 10 {
        return line;
    }
    // The tenant's part, and behind it what its control plane costs.
    let whole = [&it.tenant, &it.control_plane].map(|part| part.share.unwrap_or(0.0).clamp(0.0, 1.0));
    let (workload, _) = share_bar(Some(whole[0]), bar, symbols);
    let (both, rest) = share_bar(Some((whole[0] + whole[1]).min(1.0)), bar, symbols);
    let plane = both.chars().count().saturating_sub(workload.chars().count());
    line.with("  ", Slot::Text)
        .with(workload, Slot::Bar)
        .with(symbols.bar.repeat(plane), Slot::Info)
        .with(rest, Slot::BarRest)
}

fn consumer(it: &Consumer, columns: usize, symbols: &Symbols) -> Line {
    let whose = match it.whose {
        Whose::ControlPlane => "control plane",
        Whose::Tenant => "",
        Whose::Other => "somebody else's",
    };
    let name = match &it.namespace {
        Some(namespace) => format!("{}/{}", clean(namespace), clean(&it.name)),
        None => clean(&it.name).into_owned(),
    };
    let key = 20;
    let name_room = columns.saturating_sub(3 + key + 2 + AMOUNT + SHARE + 17 + 1).clamp(10, 60);
    Line::new("   ", Slot::Text)
        .field(&cut_middle(&name, name_room, symbols.ellipsis), name_room, Align::Left, Slot::Text)
        .with(" ", Slot::Text)
        .field(&cut_end(whose, 16, symbols.ellipsis), 16, Align::Left, Slot::Info)
        .field(&cut_middle(&clean(&it.key), key, symbols.ellipsis), key, Align::Left, Slot::Muted)
        .field(&quantity(&it.key, &it.amount), AMOUNT, Align::Right, Slot::Text)
        .field(&percent(it.share), SHARE, Align::Right, Slot::Muted)
}
