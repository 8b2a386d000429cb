//! What `vcluster.yaml` says is done by the running program, and undone when it says so no more.

use anyhow::Result;
use serde_json::{Value, json};

use crate::pair::{Pair, both, create, get};
use crate::process::Program;

const MAPS: &str = "/api/v1/namespaces/shown/configmaps";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

both! {
    async fn what_the_host_is_no_longer_configured_to_show_goes_and_nothing_else(pair: Pair) -> Result<()> {
        pair.stop().await;
        let theirs = format!("/api/v1/namespaces/{}/configmaps", pair.namespace);
        for name in ["one", "two"] {
            create(&pair.host, &theirs, &map(name)).await?;
        }
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("vcluster.yaml");
        let mapped = |lines: &str| format!("sync: {{fromHost: {{configMaps: {{enabled: true, mappings: {{byName: {{{lines}}}}}}}}}}}");
        std::fs::write(&config, mapped("/one: shown/one, /two: shown/two"))?;
        let path = config.to_string_lossy().into_owned();
        let program = Program::start(&pair, folder.path(), &["--config", &path])?;
        for name in ["one", "two"] {
            pair.until(&pair.tenant, &format!("{MAPS}/{name}"), |v| v["data"]["a"] == "1").await?;
        }
        create(&pair.tenant, MAPS, &map("own")).await?;
        program.kill()?;
        std::fs::write(&config, mapped("/one: shown/one"))?;
        let program = Program::start(&pair, folder.path(), &["--config", &path])?;
        pair.until(&pair.tenant, &format!("{MAPS}/two"), Value::is_null).await?;
        assert!(!get(&pair.tenant, &format!("{MAPS}/one")).await?.is_null(), "what is shown stays");
        program.kill()?;
        std::fs::write(&config, "{}")?;
        let program = Program::start(&pair, folder.path(), &["--config", &path])?;
        pair.until(&pair.tenant, &format!("{MAPS}/one"), Value::is_null).await?;
        program.ready().await?;
        assert!(!get(&pair.tenant, &format!("{MAPS}/own")).await?.is_null(), "the tenant's own stays");
        assert!(!get(&pair.host, &format!("{theirs}/one")).await?.is_null(), "the host's stays");
        program.kill()
    }

    async fn the_pod_security_standard_is_on_every_namespace_while_it_is_configured(pair: Pair) -> Result<()> {
        pair.configure(|ctx| ctx.pods.security = v9s_syncer::context::PodSecurity::Baseline);
        let enforced = |namespace: &Value| namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"].clone();
        create(&pair.tenant, "/api/v1/namespaces", &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})).await?;
        for namespace in ["team", "default"] {
            pair.until(&pair.tenant, &format!("/api/v1/namespaces/{namespace}"), |ns| enforced(ns) == "baseline").await?;
        }
        pair.quiet().await?;
        pair.configure(|ctx| ctx.pods.security = v9s_syncer::context::PodSecurity::Privileged);
        pair.until(&pair.tenant, "/api/v1/namespaces/team", |ns| enforced(ns).is_null()).await?;
        Ok(())
    }

    async fn an_observer_runs_as_a_program_and_takes_part_in_no_election(pair: Pair) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let program = Program::start(&pair, folder.path(), &["--mode", "observe"])?;
        program.ready().await?;
        let (_, metrics) = program.answer("/metrics").await.unwrap_or_default();
        assert!(metrics.contains("mode=\"observe\""), "{metrics}");
        let refused = Program::start(&pair, folder.path(), &["--mode", "observe", "--leader-elect"])?;
        assert!(!refused.ended()?.success());
        Ok(())
    }
}
