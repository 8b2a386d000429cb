//! What is to be seen of the machine from outside of clusters.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::program::{MARK, Program};

/// One line per thing; what differs is what came.
#[derive(Debug)]
pub struct Machine {
    lines: BTreeSet<String>,
}

impl Machine {
    pub fn look(program: &Program) -> Result<Self> {
        let mut lines = BTreeSet::new();
        let mark = format!("{MARK}={}", program.mark());
        processes(&mut lines, &mark)?;
        control_groups(&mut lines, &mark)?;
        said(&mut lines, "link", &["ip", "-oneline", "link", "show"], |line| line.split(": ").nth(1))?;
        // What follows the backslash is how long an address still holds.
        said(&mut lines, "address", &["ip", "-oneline", "address", "show"], |line| line.split('\\').next())?;
        said(&mut lines, "route", &["ip", "route", "show", "table", "all"], whole)?;
        said(&mut lines, "packet filter", &["nft", "list", "ruleset"], whole)?;
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        lines.extend(mounts.lines().map(|line| format!("mount {line}")));
        settings(&mut lines, Path::new("/proc/sys"))?;
        // Where programs of a node put things by default, and where this kit does.
        for folder in [
            "/etc",
            "/opt",
            "/run",
            "/run/netns",
            "/usr/libexec",
            "/usr/lib",
            "/var/cache",
            "/var/lib",
            "/var/log",
            "/",
        ] {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                lines.insert(format!("entry {}", entry?.path().display()));
            }
        }
        for entry in fs::read_dir(program.temporary())? {
            lines.insert(format!("entry {}", entry?.path().display()));
        }
        Ok(Self { lines })
    }

    /// What was not there before, and what is gone.
    pub fn new_since(&self, before: &Self) -> Vec<String> {
        self.lines.symmetric_difference(&before.lines).cloned().collect()
    }

    /// The processes of clusters.
    pub fn processes(&self) -> BTreeSet<String> {
        self.lines.iter().filter(|line| line.starts_with("process ")).cloned().collect()
    }
}

/// Processes that have the mark in their environment, and those in a namespace that is not this process's: containers
/// have an environment of their own.
fn processes(lines: &mut BTreeSet<String>, mark: &str) -> Result<()> {
    const NAMESPACES: [&str; 4] = ["mnt", "net", "pid", "uts"];
    let namespace = |process: &Path, kind: &str| fs::read_link(process.join("ns").join(kind)).ok();
    for process in all_processes()? {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let is_marked = environment.split(|byte| *byte == 0).any(|own| own == mark.as_bytes());
        let is_elsewhere = NAMESPACES.iter().any(|kind| {
            let theirs = namespace(&process, kind);
            theirs.is_some() && theirs != namespace(Path::new("/proc/self"), kind)
        });
        let command = fs::read(process.join("cmdline")).unwrap_or_default();
        // Without a command line it is one of the kernel's, or it has ended.
        if (is_marked || is_elsewhere) && !command.is_empty() {
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            lines.insert(format!("process {} {command}", process.display()));
        }
    }
    Ok(())
}

/// Control groups, except those that others have made and use.
fn control_groups(lines: &mut BTreeSet<String>, mark: &str) -> Result<()> {
    let others: BTreeSet<String> = all_processes()?
        .into_iter()
        .filter(|process| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            !environment.split(|byte| *byte == 0).any(|own| own == mark.as_bytes())
        })
        .filter_map(|process| fs::read_to_string(process.join("cgroup")).ok())
        .flat_map(|groups| {
            groups
                .lines()
                .filter_map(|line| line.splitn(3, ':').nth(2).map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect();
    let root = Path::new("/sys/fs/cgroup");
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        // Groups come and go while they are looked at.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                let shown = path.display().to_string();
                if !others.iter().any(|group| group.len() > 1 && shown.ends_with(group.as_str())) {
                    lines.insert(format!("control group {shown}"));
                }
                open.push(path);
            }
        }
    }
    Ok(())
}

fn all_processes() -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir("/proc").context("reading /proc")?.flatten();
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    Ok(entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_process))
        .map(|entry| entry.path())
        .collect())
}

/// Settings that can be changed, except those that the kernel changes itself.
fn settings(lines: &mut BTreeSet<String>, folder: &Path) -> Result<()> {
    const RESTLESS: [&str; 4] = [
        "/proc/sys/kernel/random",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/sys/fs/binfmt_misc",
        "/proc/sys/net/ipv6/conf",
    ];
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let (entry, path) = {
            let entry = entry?;
            let path = entry.path();
            (entry, path)
        };
        if RESTLESS.iter().any(|restless| path.starts_with(restless)) {
            continue;
        }
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            settings(lines, &path)?;
        } else if metadata.permissions().mode() & 0o200 != 0
            && let Ok(value) = fs::read(&path)
        {
            lines.insert(format!("setting {} {}", path.display(), String::from_utf8_lossy(&value)));
        }
    }
    Ok(())
}

fn whole(line: &str) -> Option<&str> {
    Some(line)
}

/// The lines that a program prints, or the part of each that does not change by itself.
fn said(
    lines: &mut BTreeSet<String>,
    what: &str,
    command: &[&str],
    part: fn(&str) -> Option<&str>,
) -> Result<()> {
    let (program, args) = command.split_first().context("a command")?;
    let output = Command::new(program).args(args).output().with_context(|| format!("running {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.extend(text.lines().filter_map(part).map(|line| format!("{what} {line}")));
    Ok(())
}
