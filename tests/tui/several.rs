//! One verb for several virtual clusters.

use anyhow::Result;
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::Api;
use serde_json::Value;
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_ui::demo::spec::Tenant;

use crate::seat::{Seat, put, tenant};

const MARK: &str = "loft.sh/non-deletable";

async fn is_protected(host: &Host, tenant: &Tenant) -> Result<bool> {
    let set = Api::<StatefulSet>::namespaced(host.client(), &tenant.namespace).get(&tenant.name).await?;
    Ok(set.metadata.annotations.unwrap_or_default().get(MARK).is_some_and(|mark| mark == "true"))
}

both_hosts! {
    async fn those_that_are_marked_are_protected_together_and_each_change_is_on_record(host: Host) -> Result<()> {
        let all = [tenant(&host, "marked-a"), tenant(&host, "marked-b")];
        put(&host, &all).await?;
        let seat = Seat::with(&host.kubeconfig)?;
        let namespaces = all.iter().flat_map(|tenant| ["-n", tenant.namespace.as_str()]);
        let terminal = seat.v9s(&namespaces.collect::<Vec<_>>()).size(140, 40).start()?;
        terminal.wait_for("both", |screen| all.iter().all(|tenant| screen.contents().contains(&tenant.name)))?;
        terminal.press(&["space", "space"])?;
        terminal.wait_for_text("2 marked")?;

        for (title, done) in [("protect 2 virtual clusters", true), ("unprotect 2 virtual clusters", false)] {
            terminal.press(&["P"])?;
            terminal.wait_for("the plan", |screen| {
                let text = screen.contents();
                text.contains(title) && text.contains("press y to go on")
            })?;
            terminal.press(&["y"])?;
            // The job is over.
            terminal.wait_for_text("esc close")?;
            terminal.wait_for_text("all 2 are done")?;
            for tenant in &all {
                assert_eq!(is_protected(&host, tenant).await?, done, "{title}: {}", tenant.name);
            }
            terminal.press(&["esc"])?;
            terminal.wait_until_gone("esc close")?;
        }
        let audit = std::fs::read_to_string(seat.file(".local/state/v9s/audit.jsonl"))?;
        let records = audit.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        assert_eq!(records.len(), 4, "{audit}");
        Ok(())
    }
}
