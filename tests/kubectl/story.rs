//! Playing a story on both hosts.

use crate::mask::{in_order, mask, without_prose};
use anyhow::{Context as _, Result, ensure};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::seat::{Said, Seat, words};

/// One command of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    line: String,
    stdin: String,
    /// It is repeated until it succeeds, and what it says is not compared: a real server does some things a moment later.
    patient: bool,
}

/// Nobody waits that long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// `$ ` begins a command and `~ ` one that is waited for, what stands below it is typed into it, `# ` begins a remark.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        let command = |mark| line.strip_prefix(mark).map(str::to_owned);
        if let Some((line, patient)) = command("$ ").map(|c| (c, false)).or(command("~ ").map(|c| (c, true)))
        {
            steps.push(Step { line, stdin: String::new(), patient });
        } else if let Some(step) = steps.last_mut().filter(|_| !line.starts_with("# ") && !line.is_empty()) {
            step.stdin += line;
            step.stdin.push('\n');
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
    let (kubeconfig, steps) = (host.kubeconfig.clone(), steps.to_vec());
    let host_name = host.name;
    let told = tokio::task::spawn_blocking(move || -> Result<Vec<String>> {
        let seat = Seat::new(&kubeconfig, &namespace)?;
        let step = |step: &Step| {
            let line = step.line.replace("NAMESPACE", &namespace);
            let stdin = step.stdin.replace("NAMESPACE", &namespace);
            let run =
                || seat.run(&words(&line), &stdin).with_context(|| format!("{} on {host_name}", step.line));
            let mut said = run()?;
            if !step.patient {
                return Ok(shown(step, &said, &namespace));
            }
            let deadline = Instant::now() + PATIENCE;
            while said.code != Some(0) {
                ensure!(
                    Instant::now() < deadline,
                    "{} on {host_name} never succeeded: {}",
                    step.line,
                    said.err
                );
                said = run()?;
            }
            Ok(String::new())
        };
        steps.iter().map(step).collect()
    });
    told.await?
}

fn shown(step: &Step, said: &Said, namespace: &str) -> String {
    let out = match step.line.split(' ').take(2).collect::<Vec<_>>().as_slice() {
        ["explain", _] => without_prose(&said.out),
        ["get", "--raw"] => in_order(&said.out),
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
    let steps = steps("# a remark\n$ apply -f -\nkind: X\n\n  a: b\n# another\n~ get x\n");
    let read: Vec<_> = steps.iter().map(|step| (step.line.as_str(), step.patient)).collect();
    assert_eq!(read, [("apply -f -", false), ("get x", true)]);
    assert_eq!(steps[0].stdin, "kind: X\n  a: b\n");
}
