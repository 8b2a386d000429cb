//! The pictures of the README, taken from the running demo.
//!
//! `V9S_UPDATE_SCREENSHOTS=1` writes them to `screenshots/`; without it each picture is still drawn and has to show
//! what a reader is told it shows.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use v9s_testkit::picture::Picture;
use v9s_testkit::pty::{Program, Terminal};

/// How long the demo may take on a busy machine before a picture counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// One picture: `NAME-COLUMNSxROWS-THEME`.
struct Shot {
    name: &'static str,
    size: (u16, u16),
    theme: &'static str,
}

impl Shot {
    /// Starts the demo and waits for a tenant whose trouble the demo always has.
    fn start(&self) -> Result<(TempDir, Terminal)> {
        let home = TempDir::with_prefix("v9s-screenshot-")?;
        let terminal = Program::new(env!("CARGO_BIN_EXE_v9s"))
            .args(["demo", "--theme", self.theme])
            .env("HOME", home.path())
            .env("COLORTERM", "truecolor")
            .env("TZ", "UTC")
            .size(self.size.0, self.size.1)
            .patience(PATIENCE)
            .start()?;
        terminal.wait_for("a live fleet with its worst tenant", |screen| {
            let text = screen.contents();
            let whole = text.contains("live") && !text.contains("loading");
            whole && text.contains("ml-training") && text.contains("Down")
        })?;
        Ok((home, terminal))
    }

    /// Draws the screen, checks what it must show, and keeps it when asked to.
    fn take(&self, terminal: &Terminal, expected: &[&str]) -> Result<()> {
        let screen = terminal.wait_for(&format!("{expected:?}"), |screen| {
            let text = screen.contents();
            expected.iter().all(|words| text.contains(words))
        })?;
        let picture = Picture::of(&screen);
        let (columns, rows) = self.size;
        ensure!(
            picture.size() == (usize::from(columns), usize::from(rows)),
            "{} has another size",
            self.name
        );
        ensure!(picture.svg().contains("<svg"), "{} is no picture", self.name);
        if std::env::var_os("V9S_UPDATE_SCREENSHOTS").is_some() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("ui/ has a parent")?;
            picture.save(
                &folder.join("screenshots"),
                &format!("{}-{columns}x{rows}-{}", self.name, self.theme),
            )?;
        }
        Ok(())
    }
}

#[test]
fn the_fleet_wide_and_dark() -> Result<()> {
    let shot = Shot { name: "fleet", size: (160, 45), theme: "dark" };
    let (_home, terminal) = shot.start()?;
    shot.take(&terminal, &["STATE", "WHY", "QUOTA", "payments-prod", "Paused"])
}

#[test]
fn the_fleet_in_a_light_theme() -> Result<()> {
    let shot = Shot { name: "fleet", size: (120, 36), theme: "light" };
    let (_home, terminal) = shot.start()?;
    shot.take(&terminal, &["STATE", "WHY", "QUOTA", "ads-prod", "Paused"])
}

#[test]
fn the_fleet_in_80_columns_and_the_terminals_own_colours() -> Result<()> {
    let shot = Shot { name: "fleet", size: (80, 24), theme: "terminal" };
    let (_home, terminal) = shot.start()?;
    shot.take(&terminal, &["NAME", "STATE", "WHY", "payments-prod"])
}

#[test]
fn one_virtual_cluster() -> Result<()> {
    let shot = Shot { name: "vcluster", size: (120, 36), theme: "dark" };
    let (_home, terminal) = shot.start()?;
    terminal.send("/payments-prod\r")?;
    terminal.wait_until_gone("ml-training")?;
    terminal.press(&["enter"])?;
    shot.take(&terminal, &["overview", "Findings", "Control plane", "Quota", "payments-prod"])
}

#[test]
fn the_keys_with_high_contrast() -> Result<()> {
    let shot = Shot { name: "help", size: (120, 36), theme: "high-contrast" };
    let (_home, terminal) = shot.start()?;
    terminal.send("?")?;
    shot.take(&terminal, &["help", "what virtual clusters have left", "take a backup of it"])
}

/// A tenant from its form to the plan of its end, each a picture: the form, the job that made it, and what deleting takes.
fn a_tenant(size: (u16, u16), theme: &'static str) -> Result<()> {
    let shot = |name| Shot { name, size, theme };
    let (_home, terminal) = shot("create").start()?;
    terminal.press(&["n"])?;
    terminal.wait_for_text("Create a virtual cluster")?;
    terminal.send("shop")?;
    terminal.press(&["down", "down", "right", "right"])?;
    shot("create").take(&terminal, &["Create shop", "vcluster.yaml", "prod", "highAvailability"])?;

    // What runs at once has no volumes.
    terminal.press(&["left", "left", "right"])?;
    terminal.wait_for_text("volumeClaim: {enabled: false}")?;
    terminal.press(&["ctrl-g"])?;
    terminal.wait_for_text("press y to go on")?;
    shot("create-plan").take(&terminal, &["creates", "press y to go on"])?;
    terminal.press(&["y"])?;
    terminal.wait_for_text("it can be used")?;
    shot("job").take(&terminal, &["create vcluster-shop/shop", "control plane", "it can be used"])?;

    terminal.press(&["esc"])?;
    terminal.wait_until_gone("accounts and rights")?;
    terminal.send("/shop\r")?;
    terminal.wait_until_gone("ml-training")?;
    terminal.wait_for_text("Running")?;
    terminal.press(&["ctrl-d"])?;
    shot("delete").take(&terminal, &["delete vcluster-shop/shop", "stops", "type shop to go on"])
}

/// Leftovers, each a picture: all of them, what proves one, and the plan of collecting them.
fn leftovers(size: (u16, u16), theme: &'static str) -> Result<()> {
    let shot = |name| Shot { name, size, theme };
    let (_home, terminal) = shot("orphans").start()?;
    terminal.press(&["x"])?;
    // Both hosts have told: one has leftovers, and each has virtual clusters that do not answer.
    terminal.wait_for("what both hosts tell", |screen| {
        let text = screen.contents();
        text.contains("4 proven") && !text.contains("looking at")
    })?;
    shot("orphans").take(&terminal, &["4 proven", "PROOF", "vcluster gone", "unknown"])?;
    terminal.press(&["enter"])?;
    shot("evidence").take(&terminal, &["by rule a (vcluster-gone)", "annotations", "because"])?;
    terminal.press(&["esc"])?;
    terminal.wait_until_gone("by rule a")?;
    terminal.press(&["a", "x"])?;
    shot("collect").take(&terminal, &["collect 4 leftovers", "deletes", "frees", "press y to go on"])
}

#[test]
fn leftovers_in_80_columns_and_the_terminals_own_colours() -> Result<()> {
    leftovers((80, 24), "terminal")
}

#[test]
fn leftovers_on_a_wide_screen_and_dark() -> Result<()> {
    leftovers((200, 50), "dark")
}

#[test]
fn leftovers_in_a_light_theme() -> Result<()> {
    leftovers((120, 36), "light")
}

#[test]
fn a_tenant_in_80_columns_and_the_terminals_own_colours() -> Result<()> {
    a_tenant((80, 24), "terminal")
}

#[test]
fn a_tenant_on_a_wide_screen_and_dark() -> Result<()> {
    a_tenant((200, 50), "dark")
}

#[test]
fn a_tenant_in_a_light_theme() -> Result<()> {
    a_tenant((120, 36), "light")
}
