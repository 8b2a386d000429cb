//! What a person does to a host.

use anyhow::Result;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use kube::Api;
use kube::api::ListParams;
use serde_json::Value;
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_testkit::pty::Terminal;
use v9s_testkit::users::Grant;
use v9s_ui::demo::spec::QuotaSpec;

use crate::seat::{Seat, put, tenant};

/// Opens the pods of the only virtual cluster, with the cursor on its CoreDNS.
fn on_coredns(terminal: &Terminal, name: &str) -> Result<()> {
    terminal.wait_for_text(name)?;
    terminal.press(&["enter", "2"])?;
    terminal.wait_for_text("coredns")?;
    terminal.press(&["/"])?;
    terminal.send("coredns")?;
    terminal.press(&["enter"])?;
    terminal.wait_for_text(" 1 of ")?;
    Ok(())
}

async fn pods(host: &Host, namespace: &str) -> Result<Vec<(String, String)>> {
    let pods = Api::<Pod>::namespaced(host.client(), namespace).list(&ListParams::default()).await?;
    let name = |pod: Pod| Some((pod.metadata.name?, pod.metadata.uid?));
    Ok(pods.items.into_iter().filter_map(name).collect())
}

both_hosts! {
    async fn other_limits_are_set_after_it_was_shown_what_comes_of_them(host: Host) -> Result<()> {
        let mut one = tenant(&host, "limits");
        one.quota = Some(QuotaSpec::default());
        put(&host, std::slice::from_ref(&one)).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        let terminal = seat.v9s(&["-n", &one.namespace]).size(140, 40).start()?;
        terminal.wait_for_text(&one.name)?;
        terminal.press(&["enter", "3"])?;
        terminal.wait_for_text("What its pods ask for")?;
        terminal.press(&["Q"])?;
        terminal.wait_for_text("one more: KEY=LIMIT")?;
        terminal.press(&["up"])?;
        terminal.send("count/replicasets.apps=50")?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("count/replicasets.apps: no limit -> 50")?;
        terminal.press(&["y"])?;
        terminal.wait_for_text("they hold")?;
        let quotas = Api::<ResourceQuota>::namespaced(host.client(), &one.namespace);
        let quota = quotas.get(&v9s::wire::name::policy(&one.name)).await?;
        let hard = quota.spec.and_then(|spec| spec.hard).unwrap_or_default();
        assert_eq!(hard["count/replicasets.apps"].0, "50");
        Ok(())
    }

    async fn a_pod_is_deleted_after_a_plan_and_a_record_is_kept(host: Host) -> Result<()> {
        let one = tenant(&host, "deleted");
        put(&host, std::slice::from_ref(&one)).await?;
        let before = pods(&host, &one.namespace).await?;
        let (name, uid) = before.iter().find(|(name, _)| name.contains("coredns")).unwrap().clone();
        let seat = Seat::with(&host.kubeconfig)?;
        let terminal = seat.v9s(&["-n", &one.namespace]).size(140, 40).start()?;
        on_coredns(&terminal, &one.name)?;
        terminal.wait_for_text("ctrl-d delete")?;

        terminal.press(&["ctrl-d"])?;
        terminal.wait_for_text("press y to go on")?;
        terminal.press(&["enter"])?;
        terminal.wait_for_text("cancelled, nothing was changed")?;
        assert_eq!(pods(&host, &one.namespace).await?, before);

        terminal.press(&["ctrl-d"])?;
        terminal.wait_for_text("press y to go on")?;
        terminal.press(&["y"])?;
        terminal.wait_for_text("accepted by the server")?;
        let record: Value = serde_json::from_str(
            std::fs::read_to_string(seat.file(".local/state/v9s/audit.jsonl"))?.lines().next().unwrap(),
        )?;
        assert_eq!((&record["name"], &record["uid"]), (&Value::from(name), &Value::from(uid)));
        terminal.press(&["ctrl-o"])?;
        terminal.wait_for_text("1/1")?;
        Ok(())
    }

    async fn a_virtual_cluster_is_paused_with_the_marks_of_the_official_cli(host: Host) -> Result<()> {
        let one = tenant(&host, "paused");
        put(&host, std::slice::from_ref(&one)).await?;
        let sets = Api::<k8s_openapi::api::apps::v1::StatefulSet>::namespaced(host.client(), &one.namespace);
        let seat = Seat::with(&host.kubeconfig)?;
        let terminal = seat.v9s(&["-n", &one.namespace]).size(140, 40).start()?;
        terminal.wait_for_text(&one.name)?;
        terminal.press(&["z"])?;
        terminal.wait_for_text("press y to go on")?;
        terminal.press(&["y"])?;
        // Nobody ends its pods here: the job waits for them and says so.
        terminal.press(&["ctrl-o"])?;
        terminal.wait_for_text("stop the control plane")?;
        terminal.wait_for_text(&format!("{}-0", one.name))?;
        let set = sets.get(&one.name).await?;
        let marks = set.metadata.annotations.unwrap_or_default();
        assert_eq!(marks.get("loft.sh/paused").map(String::as_str), Some("true"));
        assert_eq!(set.spec.and_then(|spec| spec.replicas), Some(0));
        Ok(())
    }

    async fn what_one_may_not_do_is_greyed_with_the_missing_right(host: Host) -> Result<()> {
        let one = tenant(&host, "forbidden");
        put(&host, std::slice::from_ref(&one)).await?;
        let grant = Grant::within(&one.namespace)
            .may(&["get", "list", "watch"], &["pods", "statefulsets.apps", "deployments.apps", "events", "resourcequotas", "secrets", "services"]);
        let reader = host.user("reader", &[grant]).await?;
        let seat = Seat::with(&reader)?;
        let terminal = seat.v9s(&["-n", &one.namespace]).size(140, 40).start()?;
        on_coredns(&terminal, &one.name)?;
        // What one may do is asked when the pods come into view; a key that is faster is told so.
        let (asking, forbidden) = ("what you may do", "forbidden: needs delete pods");
        loop {
            terminal.press(&["ctrl-d"])?;
            let screen = terminal.wait_for("an answer to the key", |screen| {
                [asking, forbidden].iter().any(|words| screen.contents().contains(words))
            })?;
            if screen.contents().contains(forbidden) {
                return Ok(());
            }
            terminal.wait_until_gone(asking)?;
        }
    }

    async fn in_read_only_mode_the_verb_is_not_there(host: Host) -> Result<()> {
        let one = tenant(&host, "read-only");
        put(&host, std::slice::from_ref(&one)).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        let terminal = seat.v9s(&["--read-only", "-n", &one.namespace]).size(140, 40).start()?;
        on_coredns(&terminal, &one.name)?;
        terminal.wait_for_text("read-only")?;
        terminal.press(&["m"])?;
        let screen = terminal.wait_for_text("what can be done here")?;
        assert!(!screen.contents().contains("delete the selected"), "{}", screen.contents());
        Ok(())
    }

    async fn a_text_is_saved_and_shown_in_the_editor(host: Host) -> Result<()> {
        let one = tenant(&host, "edited");
        put(&host, std::slice::from_ref(&one)).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        seat.write("editor", "#!/bin/sh\nhead -1 \"$1\"; stty -a | grep -o ' icanon'; echo waiting; read answer\n")?;
        let editor = format!("sh {}", seat.file("editor").display());
        let terminal = seat.v9s(&["-n", &one.namespace]).env("EDITOR", editor).size(120, 40).start()?;
        terminal.wait_for_text(&one.name)?;
        terminal.press(&["y"])?;
        terminal.wait_for_text("kind: StatefulSet")?;
        terminal.press(&["S"])?;
        terminal.wait_for_text("saved as")?;
        assert_eq!(std::fs::read_dir(seat.file(".local/state/v9s/saved"))?.count(), 1);

        terminal.press(&["e"])?;
        let screen = terminal.wait_for_text("waiting")?;
        assert!(!screen.alternate_screen() && screen.contents().contains("icanon"), "{}", screen.contents());
        // The second key is typed before the dashboard is back: it waits for it and is not lost.
        terminal.send("\r1")?;
        terminal.wait_for("the dashboard", |screen| {
            screen.alternate_screen() && screen.contents().contains("Control plane")
        })?;
        Ok(())
    }
}
