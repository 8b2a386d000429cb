//! What a person sees of a host.

use anyhow::Result;
use v9s_testkit::both_hosts;
use v9s_testkit::kubeconfig::joined;
use v9s_testkit::pty::{Button, styles};
use v9s_ui::demo::spec::Standing;

use crate::seat::{Seat, command, context, filter, put, tenant};

both_hosts! {
    async fn from_the_fleet_to_one_virtual_cluster_and_back(host: Host) -> Result<()> {
        let (one, mut other) = (tenant(&host, "one"), tenant(&host, "other"));
        other.standing = Standing::Paused { since: chrono::Utc::now() };
        put(&host, &[one.clone(), other.clone()]).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        let terminal = seat.v9s(&["-n", &one.namespace, "-n", &other.namespace]).size(140, 40).start()?;
        terminal.wait_for_text(&one.name)?;
        terminal.wait_for_text("1 Paused")?;
        terminal.wait_for_text("1 Running")?;
        terminal.wait_for_text("live")?;

        filter(&terminal, &format!("\"{}\"", one.name))?;
        terminal.wait_until_gone(&other.name)?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("Control plane")?;
        terminal.press(&["2"])?;
        terminal.wait_for_text("NAME ON HOST")?;
        terminal.wait_for_text("coredns")?;
        terminal.press(&["4"])?;
        terminal.wait_for_text("Events")?;
        terminal.press(&["7"])?;
        terminal.wait_for_text("kind: StatefulSet")?;
        terminal.press(&["f"])?;
        terminal.wait_for_text("managedFields")?;
        terminal.press(&["esc"])?;
        terminal.wait_for_text(&format!("/\"{}\"", one.name))?;
        terminal.press(&["esc"])?;
        terminal.wait_for_text(&other.name)?;
        Ok(())
    }

    async fn a_name_goes_to_the_clipboard(host: Host) -> Result<()> {
        let one = tenant(&host, "copied");
        put(&host, std::slice::from_ref(&one)).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        let terminal = seat.v9s(&["-n", &one.namespace]).start()?;
        terminal.wait_for_text(&one.name)?;
        terminal.press(&["c"])?;
        let name = one.name.clone();
        terminal.wait_for_output("the clipboard", |output| output.clipboard().contains(&name).then_some(()))?;
        terminal.wait_for_text("copied")?;
        Ok(())
    }

    async fn what_happens_on_the_host_shows_by_itself(host: Host) -> Result<()> {
        let (first, second) = (tenant(&host, "first"), tenant(&host, "second"));
        put(&host, std::slice::from_ref(&first)).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        let terminal = seat.v9s(&["-l", &format!("release in ({},{})", first.name, second.name)]).size(120, 30).start()?;
        terminal.wait_for_text(&first.name)?;
        put(&host, std::slice::from_ref(&second)).await?;
        terminal.wait_for_text(&second.name)?;
        Ok(())
    }

    async fn a_dead_context_is_left_by_a_command(host: Host) -> Result<()> {
        let one = tenant(&host, "alive");
        put(&host, std::slice::from_ref(&one)).await?;
        let dead = context("dead", "http://127.0.0.1:1");
        let seat = Seat::with(&joined(&[("dead", &dead), ("alive", &host.kubeconfig)])?)?;
        let terminal = seat.v9s(&["-n", &one.namespace]).size(120, 30).start()?;
        terminal.wait_for_text("unreachable")?;
        command(&terminal, "ctx alive")?;
        terminal.wait_for_text("alive")?;
        // The namespaces of the command line were meant for the context that was left.
        terminal.wait_for_text(&one.name)?;
        Ok(())
    }

    async fn two_hosts_are_one_table(host: Host) -> Result<()> {
        let one = tenant(&host, "both");
        put(&host, std::slice::from_ref(&one)).await?;
        let seat = Seat::with(&joined(&[("left", &host.kubeconfig), ("right", &host.kubeconfig)])?)?;
        let terminal = seat.v9s(&["--all-contexts", "-n", &one.namespace]).size(200, 30).start()?;
        terminal.wait_for_text("2 hosts")?;
        terminal.wait_for("a row of each host", |screen| {
            let rows: Vec<String> = screen.rows(3, 190).filter(|row| row.contains(&one.name)).collect();
            rows.iter().any(|row| row.contains("left")) && rows.iter().any(|row| row.contains("right"))
        })?;
        Ok(())
    }

    async fn the_mouse_selects_and_sorts(host: Host) -> Result<()> {
        let rows = [tenant(&host, "aaa"), tenant(&host, "bbb"), tenant(&host, "ccc")];
        put(&host, &rows).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        let namespaces: Vec<&str> = rows.iter().flat_map(|row| ["-n", row.namespace.as_str()]).collect();
        seat.write(".config/v9s/config.toml", "mouse = true\ntheme = \"mono\"\n")?;
        let terminal = seat.v9s(&namespaces).size(120, 30).start()?;
        let screen = terminal.wait_for("all rows", |screen| rows.iter().all(|row| screen.contents().contains(&row.name)))?;
        let line = screen.rows(0, 120).position(|line| line.contains(&rows[2].name)).unwrap();
        terminal.mouse(Button::Left, 10, u16::try_from(line)?)?;
        terminal.wait_for("the selection", |screen| {
            styles(screen, &rows[2].name).is_some_and(|style| style.contains(&"inverse".to_owned()))
        })?;
        terminal.mouse(Button::Left, 3, 2)?;
        terminal.wait_for_text("by NAME")?;
        Ok(())
    }
}
