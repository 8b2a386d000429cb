//! A second attempt for tests whose hosts are programs that share the machine with everything else.
//!
//! A real API server or kubelet that gets no processor for seconds may answer what it never answers otherwise. Such a
//! test begins anew, once, on another host or in another namespace, and what the first attempt said is kept in
//! `second-attempts.log` in the target folder: `.ci/run` shows it, and refuses a change that needed more than a few.

use std::fmt::Debug;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a test returns.
pub trait Outcome {
    /// Why it failed, if it did.
    fn failure(&self) -> Option<String>;
}

impl Outcome for () {
    fn failure(&self) -> Option<String> {
        None
    }
}

impl<E: Debug> Outcome for Result<(), E> {
    fn failure(&self) -> Option<String> {
        self.as_ref().err().map(|error| format!("{error:?}"))
    }
}

/// Runs a test; when it fails or panics, runs it once more, and only that counts.
pub fn twice<T: Outcome>(test: impl Fn() -> T) -> T {
    twice_named("", |_| test())
}

/// [`twice`] for a test whose objects are named like it: the second attempt has a name of its own.
pub fn twice_named<T: Outcome>(name: &str, test: impl Fn(&str) -> T) -> T {
    twice_told(name, test, |why| {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        eprintln!("{test}: the first attempt failed, this is the second: {why}");
        if let Err(error) = record(&test, why) {
            eprintln!("{test}: not recorded: {error}");
        }
    })
}

fn twice_told<T: Outcome>(name: &str, test: impl Fn(&str) -> T, tell: impl Fn(&str)) -> T {
    let why = match catch_unwind(AssertUnwindSafe(|| test(name))) {
        Ok(done) => match done.failure() {
            None => return done,
            Some(why) => why,
        },
        Err(panic) => told(panic.as_ref()),
    };
    tell(&why);
    test(&format!("{name}_again"))
}

/// Keeps what a first attempt said beside the programs of the tests.
fn record(test: &str, why: &str) -> std::io::Result<()> {
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(2).unwrap_or(&program);
    let mut log =
        std::fs::OpenOptions::new().create(true).append(true).open(folder.join("second-attempts.log"))?;
    // What is behind "stack backtrace" is of no use here.
    let told = why.lines().take_while(|line| !line.to_lowercase().contains("stack backtrace"));
    let why: Vec<&str> = told.take(120).collect();
    log.write_all(format!("{test}: {}\n", why.join("\n    ")).as_bytes())
}

/// The words of a panic.
fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn what_fails_once_is_tried_again_under_another_name_and_told() {
        for (failures, ends_well, names) in [
            (0, true, &["room"][..]),
            (1, true, &["room", "room_again"]),
            (2, false, &["room", "room_again"]),
        ] {
            let (seen, told) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
            let test = |name: &str| {
                seen.borrow_mut().push(name.to_owned());
                if seen.borrow().len() <= failures { Err("no") } else { Ok(()) }
            };
            let ended = twice_told("room", test, |why| told.borrow_mut().push(why.to_owned()));
            assert_eq!(ended.is_ok(), ends_well);
            assert_eq!(*seen.borrow(), names);
            assert_eq!(told.borrow().len(), failures.min(1));
        }
    }

    #[test]
    fn a_panic_is_a_failure_with_its_words() {
        let told = RefCell::new(String::new());
        let first = std::cell::Cell::new(true);
        let test = |_: &str| assert!(!first.replace(false), "too soon");
        twice_told("", test, |why| *told.borrow_mut() = why.to_owned());
        assert_eq!(*told.borrow(), "too soon");
    }
}
