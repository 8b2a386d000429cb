//! How v9s treats the terminal it is given.

use std::path::Path;

use anyhow::Result;
use v9s_testkit::pty::{Signal, Terminal, styles};

use crate::seat::{Seat, command};

/// v9s without any host, up and painting.
fn up(seat: &Seat, args: &[&str]) -> Result<Terminal> {
    let terminal = seat.v9s(args).start()?;
    terminal.wait_for_text("nowhere")?;
    Ok(terminal)
}

/// Leaves as a person does, so that nothing is cut short.
fn leave(terminal: &mut Terminal) -> Result<()> {
    terminal.press(&["ctrl-c"])?;
    terminal.wait_for_text("leave v9s?")?;
    terminal.press(&["y"])?;
    anyhow::ensure!(terminal.wait_for_exit()?.success(), "v9s left with an error");
    Ok(())
}

#[test]
fn the_first_frame_needs_no_cluster() -> Result<()> {
    let seat = Seat::nowhere()?;
    let terminal = seat.v9s(&[]).start()?;
    terminal.wait_for_text("Fleet")?;
    terminal.wait_for_text("? help")?;
    // A context that does not answer is named with its next try.
    terminal.wait_for_text("unreachable")?;
    Ok(())
}

#[test]
fn every_signal_gives_the_terminal_back() -> Result<()> {
    let seat = Seat::nowhere()?;
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129), (Signal::QUIT, 131)] {
        let mut terminal = up(&seat, &[])?;
        assert!(terminal.is_raw()?);
        terminal.signal(signal)?;
        assert_eq!(terminal.wait_for_exit()?.exit_code(), code, "{signal:?}");
        assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor(), "{signal:?}");
    }
    Ok(())
}

#[test]
fn leaving_asks_once_and_gives_the_terminal_back() -> Result<()> {
    let seat = Seat::nowhere()?;
    let mut terminal = up(&seat, &[])?;
    terminal.press(&["q"])?;
    terminal.wait_for_text("leave v9s?")?;
    terminal.press(&["esc"])?;
    terminal.wait_until_gone("leave v9s?")?;
    leave(&mut terminal)?;
    assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor());
    Ok(())
}

#[test]
fn ctrl_z_hands_the_terminal_to_the_shell_and_fg_brings_v9s_back() -> Result<()> {
    let seat = Seat::nowhere()?;
    let shell = seat.program(Path::new("bash")).env("PS1", "shell> ").args(["--norc", "--noprofile", "-i"]);
    let terminal = shell.start()?;
    terminal.wait_for_text("shell>")?;
    terminal.send(&format!("{}\r", env!("CARGO_BIN_EXE_v9s")))?;
    terminal.wait_for_text("? help")?;
    for _ in 0..2 {
        terminal.press(&["ctrl-z"])?;
        // v9s has left the alternate screen and freed the cursor, and the shell has set its own modes.
        terminal.wait_for("the shell", |screen| {
            screen.contents().contains("Stopped") && !screen.alternate_screen() && !screen.hide_cursor()
        })?;
        terminal.send("echo still$((1))here\r")?;
        terminal.wait_for_text("still1here")?;
        terminal.send("clear; fg\r")?;
        terminal.wait_for("the dashboard", |screen| {
            screen.alternate_screen() && screen.contents().contains("? help")
        })?;
    }
    // Keys arrive again.
    terminal.press(&["?"])?;
    terminal.wait_for_text("what virtual clusters have left")?;
    Ok(())
}

#[test]
fn a_storm_of_sizes_ends_with_a_whole_frame() -> Result<()> {
    let seat = Seat::nowhere()?;
    let terminal = up(&seat, &[])?;
    for (columns, rows) in [(200, 50), (1, 1), (59, 14), (60, 15), (300, 80), (20, 100), (100, 10), (120, 40)]
    {
        terminal.resize(columns, rows)?;
    }
    terminal.wait_for("the frame of the last size", |screen| {
        let rows: Vec<String> = screen.rows(0, 120).collect();
        rows.len() == 40
            && rows.last().is_some_and(|row| row.contains("? help"))
            && rows.get(1).is_some_and(|row| row.contains("Fleet") && row.chars().count() == 120)
    })?;
    terminal.resize(40, 10)?;
    terminal.wait_for_text("needs 60x15")?;
    Ok(())
}

#[test]
fn without_colours_the_selection_is_reversed_and_nothing_is_coloured() -> Result<()> {
    let seat = Seat::nowhere()?;
    let terminal = seat.v9s(&[]).env("NO_COLOR", "1").start()?;
    terminal.wait_for_text("nowhere")?;
    command(&terminal, "ctx")?;
    let screen = terminal.wait_for_text("http://127.0.0.1:1")?;
    let style = styles(&screen, "http://127.0.0.1:1").expect("the row is there");
    assert!(style.contains(&"inverse".to_owned()), "{style:?}");
    let (rows, columns) = screen.size();
    for row in 0..rows.get() {
        for column in 0..columns.get() {
            let cell = screen.cell(row, column).expect("within the screen");
            assert_eq!(cell.fgcolor(), v9s_testkit::vt100::Color::Default);
            assert_eq!(cell.bgcolor(), v9s_testkit::vt100::Color::Default);
        }
    }
    Ok(())
}

#[test]
fn in_ascii_every_byte_of_text_is_ascii() -> Result<()> {
    let seat = Seat::nowhere()?;
    let terminal = up(&seat, &["--ascii"])?;
    terminal.press(&["?"])?;
    terminal.wait_for_text("what virtual clusters have left")?;
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    Ok(())
}

#[test]
fn where_no_dashboard_can_be_shown_a_sentence_says_what_can() -> Result<()> {
    let seat = Seat::nowhere()?;
    let mut dumb = seat.v9s(&[]).env("TERM", "dumb").start()?;
    assert!(!dumb.wait_for_exit()?.success());
    assert!(dumb.text().contains("TERM=dumb") && dumb.text().contains("v9s list"), "{}", dumb.text());

    let piped = std::process::Command::new(env!("CARGO_BIN_EXE_v9s"))
        .env("HOME", seat.file(""))
        .stdin(std::process::Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&piped.stderr).into_owned();
    assert!(!piped.status.success());
    assert!(said.contains("is not a terminal") && said.contains("v9s list"), "{said}");
    assert!(piped.stdout.is_empty(), "nothing is painted into a pipe");
    Ok(())
}

#[test]
fn mistakes_in_the_configuration_are_told_with_file_and_line_and_v9s_starts() -> Result<()> {
    let seat = Seat::nowhere()?;
    seat.write(".config/v9s/config.toml", "wide = true\n[keys]\nhelp = \"q\"\n")?;
    let terminal = seat.v9s(&[]).size(200, 24).start()?;
    terminal.wait_for_text("config.toml:3: the key q would be both")?;
    // The defaults are in force.
    terminal.press(&["?"])?;
    terminal.wait_for_text("what virtual clusters have left")?;
    Ok(())
}

#[test]
fn keys_of_the_configuration_are_in_force() -> Result<()> {
    let seat = Seat::nowhere()?;
    seat.write("v9s.toml", "[keys]\nhelp = \"f1\"\n")?;
    let config = seat.file("v9s.toml").display().to_string();
    let terminal = seat.v9s(&["--config", &config]).start()?;
    terminal.wait_for_text("f1 help")?;
    terminal.press(&["f1"])?;
    terminal.wait_for_text("what virtual clusters have left")?;
    Ok(())
}

#[test]
fn a_theme_file_is_read_again_when_it_changes() -> Result<()> {
    let seat = Seat::nowhere()?;
    seat.write(".config/v9s/themes/mine.toml", "[theme]\ntitle = \"#112233\"\n")?;
    let terminal = seat.v9s(&["--theme", "mine"]).start()?;
    let title = |screen: &v9s_testkit::vt100::Screen| styles(screen, "Fleet").unwrap_or_default().join(" ");
    terminal.wait_for("the colour of the file", |screen| title(screen).contains("fg:#112233"))?;
    seat.write(".config/v9s/themes/mine.toml", "[theme]\ntitle = \"#445566\"\n")?;
    terminal.wait_for("the new colour", |screen| title(screen).contains("fg:#445566"))?;
    seat.write(".config/v9s/themes/mine.toml", "[theme]\ntitel = \"#445566\"\n")?;
    terminal.wait_for_text("mine.toml:2:")?;
    Ok(())
}

#[test]
fn the_log_is_a_file_and_never_the_screen() -> Result<()> {
    let seat = Seat::nowhere()?;
    let mut terminal = up(&seat, &["--log-level", "trace"])?;
    terminal.wait_for_text("unreachable")?;
    leave(&mut terminal)?;
    let logs: Vec<_> = std::fs::read_dir(seat.file(".local/state/v9s/logs"))?.collect::<Result<_, _>>()?;
    assert_eq!(logs.len(), 1);
    assert!(!String::from_utf8_lossy(&terminal.raw()).contains("TRACE"));
    Ok(())
}

#[test]
fn commands_are_remembered_for_the_next_run() -> Result<()> {
    let seat = Seat::nowhere()?;
    let mut terminal = up(&seat, &[])?;
    command(&terminal, "messages")?;
    terminal.wait_for_text("Messages")?;
    leave(&mut terminal)?;
    let terminal = up(&seat, &[])?;
    terminal.press(&[":", "up"])?;
    terminal.wait_for_text(":messages")?;
    Ok(())
}

#[test]
fn the_mouse_is_captured_only_when_asked_for() -> Result<()> {
    let seat = Seat::nowhere()?;
    let terminal = up(&seat, &[])?;
    assert!(!String::from_utf8_lossy(&terminal.raw()).contains("\x1b[?1000h"));
    terminal.press(&["M"])?;
    terminal.wait_for_text("mouse on")?;
    let raw = terminal.wait_for_output("mouse capture", |output| {
        let raw = String::from_utf8_lossy(output.raw()).into_owned();
        raw.contains("\x1b[?1000h").then_some(raw)
    })?;
    assert!(!raw.contains("\x1b[?1003h"), "motion is nobody's business");
    Ok(())
}
