//! Changes the text of a kubeconfig line by line, so that comments, order and spelling of the rest stay.
//!
//! This knows the form that kubectl and people write: sections at the left edge, items as a block of lines that begins with `-`.
//! Whether the result says what it should is checked by whoever asked; where the form is another, there is none.

use std::ops::Range;

use serde_json::Value;

use super::document::{CURRENT, Change, name_of, parse};

/// The changed text; none where its form is not known.
pub(super) fn splice(text: &str, change: &Change) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (section, name) in change.removed() {
        remove(&mut lines, section, name)?;
    }
    for (section, item) in change.put_into() {
        put(&mut lines, section, item)?;
    }
    if let Some(current) = change.current() {
        set_current(&mut lines, current.map_or("", |name| name.as_str()))?;
    }
    let mut text = lines.join("\n");
    text.push('\n');
    Some(text)
}

/// A section: the line of its key, and the lines of its items.
struct Section {
    key: usize,
    items: Vec<Range<usize>>,
    indentation: usize,
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn begins_item(line: &str) -> bool {
    let rest = line.trim_start_matches(' ');
    rest == "-" || rest.starts_with("- ")
}

/// None when the key is there in another form or more than once; `Some(None)` when it is not there.
fn find(lines: &[String], key: &str) -> Option<Option<Section>> {
    let is_key = |line: &String| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    let mut at = lines.iter().enumerate().filter(|(_, line)| is_key(line)).map(|(at, _)| at);
    let Some(start) = at.next() else { return Some(None) };
    if at.next().is_some() {
        return None;
    }
    let value = lines.get(start)?.get(key.len() + 1..)?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    if !matches!(value, "" | "[]" | "null" | "~") {
        return None;
    }
    let body = lines.iter().enumerate().skip(start + 1);
    let end = body
        .clone()
        .find(|(_, line)| !(line.is_empty() || line.starts_with([' ', '-', '#'])) || line.starts_with("---"))
        .map_or(lines.len(), |(at, _)| at);
    let body = body.take_while(|(at, _)| *at < end);
    let Some(indent) = body.clone().find(|(_, line)| begins_item(line)).map(|(_, line)| indentation(line))
    else {
        return Some(Some(Section { key: start, items: Vec::new(), indentation: 0 }));
    };
    let starts: Vec<usize> =
        body.filter(|(_, line)| begins_item(line) && indentation(line) == indent).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([end]);
    let items =
        starts.iter().copied().zip(ends).map(|(from, to)| from..without_tail(lines, from, to)).collect();
    Some(Some(Section { key: start, items, indentation: indent }))
}

/// Comments and empty lines behind an item belong to what follows.
fn without_tail(lines: &[String], from: usize, to: usize) -> usize {
    let content = |line: &String| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let last = lines.get(from..to).and_then(|lines| lines.iter().rposition(content));
    last.map_or(to, |last| from + last + 1)
}

fn item_named(lines: &[String], section: &Section, name: &str) -> Option<Range<usize>> {
    let is = |range: &&Range<usize>| {
        let text = lines.get((*range).clone()).map(|lines| lines.join("\n")).unwrap_or_default();
        matches!(parse(&text), Ok(Value::Array(items)) if items.first().and_then(name_of) == Some(name))
    };
    section.items.iter().find(is).cloned()
}

fn remove(lines: &mut Vec<String>, key: &str, name: &str) -> Option<()> {
    let Some(section) = find(lines, key)? else { return Some(()) };
    let Some(item) = item_named(lines, &section, name) else { return Some(()) };
    if section.items.len() == 1 {
        *lines.get_mut(section.key)? = format!("{key}: []");
    }
    lines.drain(item);
    Some(())
}

fn put(lines: &mut Vec<String>, key: &str, item: &Value) -> Option<()> {
    let rendered = serde_saphyr::to_string(&Value::Array(vec![item.clone()])).ok()?;
    let rendered = |indent: usize| -> Vec<String> {
        let pad = " ".repeat(indent);
        rendered.lines().filter(|line| !line.is_empty()).map(|line| format!("{pad}{line}")).collect()
    };
    match find(lines, key)? {
        None => {
            lines.push(format!("{key}:"));
            lines.extend(rendered(0));
        }
        Some(section) => {
            let same = name_of(item).and_then(|name| item_named(lines, &section, name));
            let place = match (same, section.items.last()) {
                (Some(same), _) => same,
                (None, Some(last)) => last.end..last.end,
                (None, None) => {
                    *lines.get_mut(section.key)? = format!("{key}:");
                    section.key + 1..section.key + 1
                }
            };
            lines.splice(place, rendered(section.indentation));
        }
    }
    Some(())
}

fn set_current(lines: &mut Vec<String>, name: &str) -> Option<()> {
    let quoted = Value::from(name).to_string();
    let plain =
        !name.is_empty() && parse(name).is_ok_and(|said| said == *name) && !name.contains(['#', ':', '\n']);
    let line = format!("{CURRENT}: {}", if plain { name } else { &quoted });
    let is_key = |line: &&mut String| line.strip_prefix(CURRENT).is_some_and(|rest| rest.starts_with(':'));
    match lines.iter_mut().find(is_key) {
        Some(place) => *place = line,
        None => lines.push(line),
    }
    Some(())
}
