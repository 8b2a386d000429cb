//! A text in a person's editor, until it is right or given up. Nothing that was typed is lost.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use v9s::provision::values::{Problem, Problems};

/// Lines that begin so are ours, and go before the text is read.
const OURS: &str = "# v9s:";

/// What came of it.
#[derive(Debug)]
pub(super) enum Edited<T> {
    /// It was changed and is right.
    Right(T),
    /// It is as it was before.
    Unchanged,
    /// It was left with mistakes; where it is kept.
    Wrong { problems: Problems, kept: PathBuf },
}

/// Opens a text in an editor again and again, until `read` can read it or a person leaves its mistakes as they are.
///
/// # Errors
/// When there is no editor, it fails, or the file cannot be written or read. The file is kept then.
pub(super) fn edit<T>(
    before: &str,
    editor: &str,
    read: impl Fn(&str) -> Result<T, Problems>,
) -> anyhow::Result<Edited<T>> {
    let folder = tempfile::Builder::new()
        .prefix("v9s-edit-")
        .tempdir()
        .context("cannot make a folder for the text")?;
    let path = folder.path().join("vcluster.yaml");
    let mut shown = before.to_owned();
    loop {
        std::fs::write(&path, &shown).with_context(|| format!("cannot write {}", path.display()))?;
        if let Err(error) = open(editor, &path) {
            let kept = folder.keep().join("vcluster.yaml");
            return Err(error.context(format!("the text is kept in {}", kept.display())));
        }
        let typed =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = without_notes(&typed);
        if text == without_notes(before) {
            return Ok(Edited::Unchanged);
        }
        match read(&text) {
            Ok(read) => return Ok(Edited::Right(read)),
            Err(problems) if typed == shown => {
                std::fs::write(&path, &text).context("cannot keep the text")?;
                return Ok(Edited::Wrong { problems, kept: folder.keep().join("vcluster.yaml") });
            }
            Err(problems) => shown = with_notes(&text, &problems),
        }
    }
}

/// Who is to be asked for: `$VISUAL`, else `$EDITOR`, else vi.
pub(super) fn own_editor() -> String {
    let set = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned())
}

/// It may be a command with arguments, as for git.
fn open(editor: &str, path: &Path) -> anyhow::Result<()> {
    let ended = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(path).status();
    let ended = ended.with_context(|| format!("cannot run the editor {editor:?}"))?;
    if !ended.success() {
        bail!("the editor {editor:?} ended with {ended}; $EDITOR says which one is used");
    }
    Ok(())
}

/// Each mistake above the line where it is, those without a place at the top.
fn with_notes(text: &str, problems: &Problems) -> String {
    let note = |problem: &Problem, indent: &str| {
        let path = problem.path.to_string();
        let path = if path.is_empty() { path } else { format!("{path}: ") };
        format!("{indent}{OURS} {path}{}\n", problem.what.replace('\n', " "))
    };
    let mut noted = format!(
        "{OURS} this cannot be used yet; what is wrong stands above its line. Leave it as it is to give up.\n"
    );
    problems
        .all()
        .iter()
        .filter(|problem| problem.at.is_none())
        .for_each(|problem| noted += &note(problem, ""));
    let mut lines = 0;
    for (at, line) in text.lines().enumerate() {
        lines = at + 1;
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let here =
            problems.all().iter().filter(|problem| problem.at.is_some_and(|place| place.line == at + 1));
        here.for_each(|problem| noted += &note(problem, &indent));
        let _ = writeln!(noted, "{line}");
    }
    let beyond = problems.all().iter().filter(|problem| problem.at.is_some_and(|place| place.line > lines));
    beyond.for_each(|problem| noted += &note(problem, ""));
    noted
}

fn without_notes(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(OURS));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use v9s::provision::create::Request;

    use super::*;

    fn read(text: &str) -> Result<Request, Problems> {
        Request::new("shop", "team", text)
    }

    /// Runs one of these commands each time the editor is opened; `$1` is the file.
    fn edited(before: &str, scripts: &[&str]) -> Edited<Request> {
        let folder = tempfile::tempdir().unwrap();
        for (at, script) in scripts.iter().enumerate() {
            std::fs::write(folder.path().join(at.to_string()), script).unwrap();
        }
        let place = folder.path().display();
        // The first script that is left is taken; the last one stays.
        let editor = format!(
            "sh -c 'cd {place}; set -- \"$1\" $(ls | sort -n); s=$2; [ $# -gt 2 ] && mv $s .now || cp $s .now; sh .now \"$1\"' sh"
        );
        edit(before, &editor, read).unwrap()
    }

    #[test]
    fn a_mistake_is_told_above_its_line_and_nothing_is_lost() {
        let mistake = "printf 'sync:\\n  toHost:\\n    podz: {}\\n' > \"$1\"";
        let mend = "grep -q '^    # v9s: sync.toHost.podz: unknown key' \"$1\" && sed -i s/podz/pods/ \"$1\"";
        let Edited::Right(request) = edited("", &[mistake, mend]) else { panic!("it was mended") };
        assert_eq!(request.config, "sync:\n  toHost:\n    pods: {}\n");
    }

    #[test]
    fn who_leaves_a_mistake_gets_the_place_where_it_is_kept() {
        let mistake = "printf 'sync:\\n  toHost:\\n    podz: {}\\n' > \"$1\"";
        let Edited::Wrong { problems, kept } = edited("", &[mistake, "true"]) else { panic!("it is wrong") };
        assert!(problems.to_string().contains("podz"), "{problems}");
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "sync:\n  toHost:\n    podz: {}\n");
        std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    }

    #[test]
    fn nothing_typed_is_nothing_to_do_and_an_editor_that_fails_is_told() {
        assert!(matches!(edited("a: 1\n", &["true"]), Edited::Unchanged));
        let error = format!("{:#}", edit("a: 1\n", "false", read).unwrap_err());
        assert!(error.contains("the text is kept in") && error.contains("$EDITOR"), "{error}");
    }

    #[test]
    fn notes_come_and_go_with_the_text_as_it_was() {
        let text = "sync:\n  toHost:\n    podz: {}\n    pods: {enabled: 3}\nnonsense: 1\n";
        let noted = with_notes(text, &read(text).unwrap_err());
        assert_eq!(noted.lines().count(), 5 + 4, "{noted}");
        assert_eq!(without_notes(&noted), text);
    }
}
