//! Playing a story on both hosts.

use crate::beside::Beside;
use crate::mask::{in_order, mask, without_prose};
use anyhow::{Context as _, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::seat::{Said, Seat, words};

/// One command of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    how: How,
    line: String,
    /// What is typed into it.
    text: String,
}

/// What becomes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It runs to its end, and what it says is compared.
    Compared,
    /// It is repeated until it succeeds, and what it says is not compared: a real server does some things a moment later.
    Patient,
    /// It runs beside the others from here on, until it has said the word it begins with; then it is stopped and
    /// compared.
    Beside,
    /// No command, but a file that later ones read.
    File,
}

impl How {
    /// What kind of step a line begins.
    fn of(line: &str) -> Option<(Self, &str)> {
        let marks = [("$ ", Self::Compared), ("~ ", Self::Patient), ("& ", Self::Beside), ("> ", Self::File)];
        marks.into_iter().find_map(|(mark, how)| Some((how, line.strip_prefix(mark)?)))
    }
}

/// Nobody waits that long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// `$ ` begins a command, `~ ` one that is waited for, `& WORD ` one that runs beside the others until it says the word,
/// `> ` a file; what stands below it is typed into it, `# ` begins a remark.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some((how, line)) = How::of(line) {
            steps.push(Step { how, line: line.to_owned(), text: String::new() });
        } else if let Some(step) = steps.last_mut().filter(|_| !line.starts_with("# ") && !line.is_empty()) {
            step.text += line;
            step.text.push('\n');
        }
    }
    steps
}

/// Plays a story on both hosts and compares.
///
/// # Errors
/// Every command that said something else, with both answers.
pub fn play(name: &str, text: &str, needs: Needs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let steps = steps(text);
    ensure!(!steps.is_empty(), "the story {name} has no commands");
    let told = runtime.block_on(async {
        let (embedded, real) = tokio::try_join!(Host::embedded(needs), Host::real(needs))?;
        tokio::try_join!(tell(&embedded, name, &steps), tell(&real, name, &steps))
    });
    let (embedded, real) = told?;
    let mut differences = String::new();
    for ((step, ours), theirs) in steps.iter().zip(embedded).zip(real) {
        if ours != theirs {
            write!(differences, "\n$ {}\n{}", step.line, compared(&theirs, &ours))?;
        }
    }
    ensure!(differences.is_empty(), "the embedded host (+) differs from the real one (-):\n{differences}");
    Ok(())
}

async fn tell(host: &Host, name: &str, steps: &[Step]) -> Result<Vec<String>> {
    let namespace = host.namespace(name).await?;
    let (kubeconfig, steps, host_name) = (host.kubeconfig.clone(), steps.to_vec(), host.name);
    let told = tokio::task::spawn_blocking(move || -> Result<Vec<String>> {
        let seat = Seat::new(&kubeconfig, &namespace)?;
        let mut teller = Teller { seat, namespace, beside: Vec::new() };
        let mut told = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            told.push(teller.play(at, step).with_context(|| format!("{} on {host_name}", step.line))?);
        }
        for (at, step, beside) in std::mem::take(&mut teller.beside) {
            let said = beside.end().with_context(|| format!("{} on {host_name}", step.line))?;
            told[at] = shown(&step, &said, &teller.namespace);
        }
        Ok(told)
    });
    told.await?
}

/// Who plays a story on one host.
struct Teller {
    seat: Seat,
    namespace: String,
    /// Commands that run beside the others, with their places in the story.
    beside: Vec<(usize, Step, Beside)>,
}

impl Teller {
    /// Plays a step; what it said, where that is compared.
    fn play(&mut self, at: usize, step: &Step) -> Result<String> {
        let line = step.line.replace("NAMESPACE", &self.namespace);
        let text = step.text.replace("NAMESPACE", &self.namespace);
        match step.how {
            How::Compared => Ok(shown(step, &self.seat.run(&words(&line), &text)?, &self.namespace)),
            How::Patient => self.wait(&line, &text).map(|()| String::new()),
            How::Beside => {
                let (word, command) = line.split_once(' ').context("no command after the word")?;
                let beside = Beside::start(&self.seat, command, word)?;
                self.beside.push((at, step.clone(), beside));
                Ok(String::new())
            }
            How::File => {
                let path = self.seat.home().join(line);
                fs::create_dir_all(path.parent().context("a file has a folder")?)?;
                fs::write(path, text)?;
                Ok(String::new())
            }
        }
    }

    /// Repeats a command until it succeeds.
    fn wait(&self, line: &str, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.seat.run(&words(line), text)?;
            if said.code == Some(0) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "it never succeeded: {}", said.err);
        }
    }
}

fn shown(step: &Step, said: &Said, namespace: &str) -> String {
    let out = match step.line.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["explain", _] => without_prose(&said.out),
        [_, raw] if raw.starts_with("--raw") => in_order(&said.out),
        // Another story may be defining kinds at this moment.
        ["api-resources" | "api-versions", ..] => without_customs(&said.out),
        // In protobuf, in which only the real server answers, a list without items is no list.
        ["cluster-info", "dump"] => said.out.replace("items: null", "items: []"),
        _ => said.out.clone(),
    };
    let code = said.code.map_or("killed".to_owned(), |code| code.to_string());
    format!("{}\n{}\nexit code {code}", mask(&out, namespace), mask(&said.err, namespace)).trim().to_owned()
}

/// A list of kinds without those that a story defines.
fn without_customs(out: &str) -> String {
    out.lines().filter(|line| !line.contains(".example.org")).map(|line| format!("{line}\n")).collect()
}

/// The lines that one of them has and the other not.
fn compared(theirs: &str, ours: &str) -> String {
    let diff = similar::TextDiff::from_lines(theirs, ours);
    let mut text = String::new();
    for change in diff.iter_all_changes() {
        let sign = match change.tag() {
            similar::ChangeTag::Delete => "-",
            similar::ChangeTag::Insert => "+",
            similar::ChangeTag::Equal => " ",
        };
        text += &format!("{sign} {}\n", change.value().trim_end());
    }
    text
}

#[test]
fn what_stands_below_a_command_is_typed_into_it() {
    let steps =
        steps("# a remark\n$ apply -f -\nkind: X\n\n  a: b\n# another\n~ get x\n& last get y -w\n> d/f\nt\n");
    let read: Vec<_> = steps.iter().map(|step| (step.how, step.line.as_str(), step.text.as_str())).collect();
    assert_eq!(
        read,
        [
            (How::Compared, "apply -f -", "kind: X\n  a: b\n"),
            (How::Patient, "get x", ""),
            (How::Beside, "last get y -w", ""),
            (How::File, "d/f", "t\n"),
        ]
    );
}
