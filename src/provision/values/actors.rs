//! Which program acts on a setting that v9s does. Data, in `table/actors.txt`.

use std::sync::LazyLock;

use super::problem::{Path, Step};
use super::table::{Entry, Form, TABLE, Treatment};

/// A program that acts on settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The one that mirrors objects.
    Syncer,
    /// The one that makes the objects of the control plane.
    Create,
    /// Each of them.
    Both,
}

impl Actor {
    /// The word in the table and in the documentation.
    pub fn word(self) -> &'static str {
        match self {
            Actor::Syncer => "syncer",
            Actor::Create => "create",
            Actor::Both => "both",
        }
    }

    fn of_word(word: &str) -> Option<Actor> {
        [Actor::Syncer, Actor::Create, Actor::Both].into_iter().find(|actor| actor.word() == word)
    }
}

/// The lines of the data: a path, and who acts on it and on what is inside.
pub(super) static ACTORS: LazyLock<Vec<(Vec<&'static str>, Actor)>> = LazyLock::new(|| {
    let lines = include_str!("table/actors.txt").lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let (path, word) = line.split_once(' ')?;
        Some((path.split('.').collect(), Actor::of_word(word)?))
    };
    lines.filter_map(read).collect()
});

/// Who acts on a setting of the table; none when nobody was named.
pub(super) fn of(path: &Path) -> Option<Actor> {
    let keys = keys(path);
    let about = ACTORS.iter().filter(|(prefix, _)| keys.starts_with(prefix));
    about.max_by_key(|(prefix, _)| prefix.len()).map(|(_, actor)| *actor)
}

pub(super) fn keys(path: &Path) -> Vec<&str> {
    let keys = path.steps().iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    });
    keys.collect()
}

/// Paths of all settings that the syncer acts on, items of lists and keys of maps left out: `sync.toHost.pods.enabled`.
pub fn of_the_syncer() -> Vec<String> {
    let mut found = Vec::new();
    leaves(&TABLE, &Path::default(), &mut found);
    let acts = |path: &Path| matches!(of(path), Some(Actor::Syncer | Actor::Both));
    found.into_iter().filter(acts).map(|path| keys(&path).join(".")).collect()
}

/// Every setting that v9s does.
pub(super) fn leaves(entry: &Entry, path: &Path, found: &mut Vec<Path>) {
    let done = entry.verdict.as_ref().is_some_and(|verdict| verdict.treatment == Treatment::Done);
    if done && matches!(entry.form, Form::Value(_)) {
        found.push(path.clone());
    }
    entry.inside().iter().for_each(|inside| leaves(inside, &path.key(&inside.key), found));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_acts_on_every_setting_that_v9s_does_and_no_line_is_idle() {
        let mut done = Vec::new();
        leaves(&TABLE, &Path::default(), &mut done);
        let nobody: Vec<String> =
            done.iter().filter(|path| of(path).is_none()).map(ToString::to_string).collect();
        assert!(nobody.is_empty(), "nobody acts on {nobody:?}");
        let lines = include_str!("table/actors.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(ACTORS.len(), lines, "a line cannot be read");
        for (prefix, actor) in ACTORS.iter() {
            let used = done.iter().any(|path| keys(path).starts_with(prefix) && of(path) == Some(*actor));
            assert!(used, "{} is about nothing that v9s does", prefix.join("."));
        }
    }
}
