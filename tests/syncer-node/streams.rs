//! Logs, commands and ports: asked of the tenant's own API server, which takes the companion for the kubelet.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use v9s_testkit::pods::Done;

use crate::tenant::tenants;

tenants! {
    async fn logs_come_by_way_of_the_tenants_api_server(tenant: Tenant) -> Result<()> {
        tenant.script("box", "echo up; sleep 100000", json!({}), json!({})).await?;
        tenant.ready("box").await?;
        assert_eq!(tenant.log("box", false).await?, "up\n");
        Ok(())
    }

    async fn commands_go_by_way_of_the_tenants_api_server(tenant: Tenant) -> Result<()> {
        tenant.idle("box", json!({}), json!({})).await?;
        let script = ["sh", "-c", "tr a-z A-Z; echo warning >&2; exit 3"];
        let done = tenant.exec("box", "main", &script, "hello\n").await?;
        assert_eq!(done, Done { code: 3, stdout: "HELLO\n".into(), stderr: "warning\n".into() });
        Ok(())
    }

    async fn ports_are_forwarded_by_way_of_the_tenants_api_server(tenant: Tenant) -> Result<()> {
        tenant.server("web", json!({})).await?;
        let mut forwarder = tenant.api::<Pod>().portforward("web", &[8080]).await?;
        let mut stream = forwarder.take_stream(8080).context("no stream")?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        assert!(answer.ends_with("\r\n\r\nweb\n"), "{answer}");
        Ok(())
    }
}
