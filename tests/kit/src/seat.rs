//! `kubectl` on one host, with a home folder of its own.

use anyhow::{Context as _, Result};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

use crate::real::assets::{Assets, Program};

/// Where kubectl is run.
pub struct Seat {
    program: PathBuf,
    home: TempDir,
}

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit code; none when it was killed.
    pub code: Option<i32>,
    /// Its output.
    pub out: String,
    /// Its errors.
    pub err: String,
}

impl Seat {
    /// With a kubeconfig, whose context has this namespace.
    ///
    /// # Errors
    /// When kubectl cannot be had or does not take the kubeconfig.
    pub fn new(kubeconfig: &str, namespace: &str) -> Result<Self> {
        let program = Assets::find()?.path(Program::Kubectl)?;
        let home = TempDir::with_prefix("v9s-kubectl-")?;
        fs::write(home.path().join("config"), kubeconfig)?;
        let seat = Self { program, home };
        let set = seat.run(&words(&format!("config set-context --current --namespace={namespace}")), "")?;
        anyhow::ensure!(set.code == Some(0), "kubectl config: {}", set.err);
        Ok(seat)
    }

    /// kubectl itself.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Where commands run.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command before it runs.
    pub fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("config"))
            .env("KUBE_EDITOR", format!("sed -i -f {}", self.home.path().join("changes").display()))
            // What diff and cp need.
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs kubectl to its end. What is typed into a command that edits are the changes that its editor makes, for sed.
    ///
    /// # Errors
    /// When kubectl cannot be started.
    pub fn run(&self, arguments: &[String], stdin: &str) -> Result<Said> {
        fs::write(self.home.path().join("changes"), stdin)?;
        let mut child = self.command(arguments).spawn().context("starting kubectl")?;
        // One that reads nothing closes the pipe.
        let _ = child.stdin.take().context("a pipe")?.write_all(stdin.as_bytes());
        let output = child.wait_with_output().context("waiting for kubectl")?;
        Ok(Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

/// The words of a command line; quotes hold words together.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[test]
fn quotes_hold_words_together() {
    assert_eq!(words("get -o 'a b' \"it's\"  ''"), ["get", "-o", "a b", "it's", ""]);
}
