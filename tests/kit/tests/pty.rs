//! The pseudo-terminal driver, tried on programs that every machine has.

use anyhow::Result;
use v9s_testkit::pty::{Program, Signal, styles};

/// A shell script in a terminal.
fn shell(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

#[test]
fn keys_reach_the_program_and_its_text_the_screen() -> Result<()> {
    let mut terminal = shell("read line; echo \"got <$line>\"").start()?;
    terminal.send("hello")?;
    terminal.press(&["enter"])?;
    terminal.wait_for_text("got <hello>")?;
    assert!(terminal.wait_for_exit()?.success());
    Ok(())
}

#[test]
fn what_does_not_come_is_an_error_that_shows_the_screen() -> Result<()> {
    let terminal = shell("echo something else").start()?;
    let error = terminal.wait_for_text("hello").expect_err("it is not there");
    let error = format!("{error:#}");
    assert!(error.contains("the program ended") && error.contains("something else"), "{error}");
    Ok(())
}

#[test]
fn styles_and_the_clipboard_can_be_read() -> Result<()> {
    let terminal =
        shell(r"printf 'a \033[1;31mred\033[0m word\033]52;c;aGVsbG8=\007 end'; read _").start()?;
    let screen = terminal.wait_for_text("end")?;
    assert_eq!(styles(&screen, "red"), Some(vec!["bold".into(), "fg:1".into()]));
    assert_eq!(styles(&screen, "word"), Some(vec![]));
    assert_eq!(styles(&screen, "absent"), None);
    assert_eq!(terminal.clipboard(), ["hello"]);
    Ok(())
}

#[test]
fn a_question_to_the_terminal_is_answered() -> Result<()> {
    let script = r"stty raw -echo; printf '\033[6n'; head -c 6 | od -An -c; stty sane; printf done; read _";
    let terminal = shell(script).start()?;
    let text = terminal.wait_for_text("done")?.contents();
    assert!(text.contains("[   1   ;   1   R"), "{text}");
    Ok(())
}

#[test]
fn the_program_learns_of_a_new_size() -> Result<()> {
    let terminal =
        shell("trap 'stty size' WINCH; echo ready; while :; do read _; done").size(90, 30).start()?;
    terminal.wait_for_text("ready")?;
    terminal.resize(100, 40)?;
    terminal.wait_for_text("40 100")?;
    Ok(())
}

#[test]
fn a_signal_reaches_it_and_raw_mode_can_be_asked() -> Result<()> {
    let mut terminal =
        shell("trap 'stty sane; exit 3' TERM; stty raw -echo; echo ready; while :; do read _; done")
            .start()?;
    terminal.wait_for_text("ready")?;
    assert!(terminal.is_raw()?);
    terminal.signal(Signal::TERM)?;
    assert_eq!(terminal.wait_for_exit()?.exit_code(), 3);
    Ok(())
}
