//! Figures as a table for people.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

/// One row: what was measured, the bar it is held to, and what came out.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What.
    pub name: &'static str,
    /// What it should be.
    pub bar: String,
    /// What it was, with its unit.
    pub measured: String,
    /// The bare client in the same run and the ratio to it, where there is one.
    pub baseline: Option<(Duration, f64)>,
    /// Whether the bar is met; none where there is none.
    pub met: Option<bool>,
}

/// The figures of one host.
#[derive(Debug, Clone)]
pub struct Section {
    /// Which host, with its version.
    pub host: String,
    /// What it held.
    pub held: String,
    /// Rows.
    pub figures: Vec<Figure>,
    /// What else a reader should know of this run.
    pub notes: Vec<String>,
}

/// Markdown.
pub fn render(machine: &str, sections: &[Section]) -> String {
    let mut text = format!("Machine: {machine}.\n");
    for section in sections {
        let _ = write!(text, "\n### {}\n\n{}\n\n", section.host, section.held);
        text.push_str("| figure | bar | measured | bare client | ratio | met |\n| --- | --- | --- | --- | --- | --- |\n");
        for figure in &section.figures {
            let (bare, ratio) = figure.baseline.map_or_else(
                || ("–".into(), "–".into()),
                |(bare, ratio)| (time(bare), format!("{ratio:.2}")),
            );
            let met = figure.met.map_or("–", |met| if met { "yes" } else { "no" });
            let Figure { name, bar, measured, .. } = figure;
            let _ = writeln!(text, "| {name} | {bar} | {measured} | {bare} | {ratio} | {met} |");
        }
        for note in &section.notes {
            let _ = write!(text, "\n{note}\n");
        }
    }
    text
}

/// A duration with a unit that fits it.
pub fn time(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1e3 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.2} s", ms / 1e3)
    }
}

/// Puts the table between the marks of a document: `<!-- NAME -->` and `<!-- /NAME -->`.
pub fn write(path: &Path, name: &str, table: &str) -> Result<()> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let parts = text.split_once(&begin).and_then(|(head, rest)| Some((head, rest.split_once(&end)?.1)));
    let (head, tail) = parts.with_context(|| format!("{} has no {begin} and {end}", path.display()))?;
    let text = format!("{head}{begin}\n\n{table}\n{end}{tail}");
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
