//! A shell or a command in which everything talks to one virtual cluster.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use v9s::connect::kubeconfig::{Entry, write_private};

/// A folder that only this person can read, with the kubeconfig of the session. It goes with the session.
pub(crate) struct Seat {
    folder: TempDir,
}

impl Seat {
    /// Writes the kubeconfig.
    pub(crate) fn new(entry: &Entry) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("v9s-")
            .tempdir()
            .context("cannot make a folder for the session")?;
        write_private(&folder.path().join("kubeconfig"), &entry.to_yaml())?;
        Ok(Seat { folder })
    }

    /// The file.
    pub(crate) fn kubeconfig(&self) -> std::path::PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// The command, as it is to run.
    pub(crate) fn command(&self, words: &[OsString], tenant: &str) -> anyhow::Result<Command> {
        let (program, arguments) = words.split_first().context("no command was given")?;
        let mut command = Command::new(program);
        command.args(arguments).env("KUBECONFIG", self.kubeconfig()).env("V9S_VCLUSTER", tenant);
        Ok(command)
    }

    /// The person's shell, with the name of the tenant in its prompt.
    pub(crate) fn shell(&self, shell: &Path, tenant: &str) -> anyhow::Result<Command> {
        let kubeconfig = quoted(&self.kubeconfig().display().to_string());
        let mut command = self.command(&[shell.as_os_str().to_owned()], tenant)?;
        let kind = shell.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match kind {
            "bash" => {
                let rc = self.folder.path().join("bashrc");
                write_private(
                    &rc,
                    &format!(
                        "[ -f ~/.bashrc ] && . ~/.bashrc\nexport KUBECONFIG={kubeconfig}\nPS1=\"({tenant}) $PS1\"\n"
                    ),
                )?;
                command.arg("--rcfile").arg(rc).arg("-i");
            }
            "zsh" => {
                let own = std::env::var("ZDOTDIR").or_else(|_| std::env::var("HOME")).unwrap_or_default();
                let own = quoted(&own);
                write_private(
                    &self.folder.path().join(".zshrc"),
                    &format!(
                        "ZDOTDIR={own}\n[ -f \"$ZDOTDIR/.zshrc\" ] && . \"$ZDOTDIR/.zshrc\"\nexport KUBECONFIG={kubeconfig}\nPROMPT=\"({tenant}) $PROMPT\"\n"
                    ),
                )?;
                command.env("ZDOTDIR", self.folder.path());
            }
            "fish" => {
                command.arg("-C").arg(format!(
                    "set -gx KUBECONFIG {kubeconfig}; functions -c fish_prompt v9s_prompt; \
                     function fish_prompt; echo -n '({tenant}) '; v9s_prompt; end"
                ));
            }
            _ => {
                command.env("PS1", format!("({tenant}) $ "));
            }
        }
        Ok(command)
    }
}

/// In single quotes for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The person's shell.
pub(crate) fn own_shell() -> std::path::PathBuf {
    let named = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let shell = named.map(std::path::PathBuf::from).filter(|shell| fs::metadata(shell).is_ok());
    shell.unwrap_or_else(|| "/bin/sh".into())
}

/// Runs a shell to its end, saying first where it is.
pub(crate) async fn run_for(shell: Command, tenant: &str) -> anyhow::Result<u8> {
    super::ask::note(&format!("a shell in {tenant}: `exit` leaves it; your own kubeconfig is as it was"));
    run(shell).await
}

/// Runs a command to its end. What the terminal sends to interrupt goes to it alone; what is sent to end v9s is passed on.
/// Answers its exit code, as shells do: 128 and the number of the signal that ended it.
pub(crate) async fn run(mut command: Command) -> anyhow::Result<u8> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let code = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
            super::ask::note(&format!("v9s: cannot run {name}: {error}"));
            return Ok(code);
        }
    };
    let mut interrupts = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut quits = signal(SignalKind::quit()).context("cannot listen for signals")?;
    let mut ends = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut hangups = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    loop {
        tokio::select! {
            ended = child.wait() => return Ok(code(ended.with_context(|| format!("waiting for {name}"))?)),
            _ = interrupts.recv() => {}
            _ = quits.recv() => {}
            _ = ends.recv() => pass_on(&child, Signal::TERM),
            _ = hangups.recv() => pass_on(&child, Signal::HUP),
        }
    }
}

fn pass_on(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended just now.
        let _ = kill_process(pid, signal);
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("/tmp/it's here"), r"'/tmp/it'\''s here'");
    }

    #[tokio::test]
    async fn the_exit_code_is_that_of_the_command() {
        for (script, expected) in [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", 137)] {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(script);
            assert_eq!(run(command).await.unwrap(), expected, "{script}");
        }
        assert_eq!(run(Command::new("/no/such/program")).await.unwrap(), 127);
        assert_eq!(run(Command::new("/tmp")).await.unwrap(), 126);
    }
}
