//! A table of wrong input: each is told with its place before any host is asked.

use anyhow::Result;

use crate::shell::{Shell, err};

/// Nobody listens there: whoever asks it fails in another way.
const NOWHERE: &str = "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], \
    clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {}}]}";

#[tokio::test]
async fn wrong_input_is_told_with_its_place() -> Result<()> {
    let shell = Shell::with(NOWHERE)?;
    let file = |name: &str, text: &str| std::fs::write(shell.home.path().join(name), text);
    file("typo.yaml", "sync:\n  toHost:\n    podz: {enabled: true}\n")?;
    file(
        "two.yaml",
        "controlPlane:\n  backingStore:\n    etcd: {deploy: {enabled: true}}\n    database: {embedded: {enabled: true}}\n",
    )?;
    file("broken.yaml", "a: [1,\n")?;
    file("off.yaml", "controlPlane:\n  advanced:\n    virtualScheduler: {enabled: true}\n")?;
    let cases: [(&[&str], &str); 13] = [
        (&["create", "Shop"], "name \"Shop\" cannot be: only lower-case letters"),
        (&["create", "shop", "-n", "Team"], "namespace \"Team\" cannot be"),
        (&["create", "shop", "-n", "a", "-n", "b"], "one namespace"),
        (&["create", "shop", "-f", "missing.yaml"], "cannot read missing.yaml"),
        (
            &["create", "shop", "-f", "typo.yaml"],
            "typo.yaml: line 3, column 5: sync.toHost.podz: unknown key",
        ),
        (&["create", "shop", "-f", "two.yaml"], "there can be one store only"),
        (&["create", "shop", "-f", "broken.yaml"], "broken.yaml: line"),
        (&["create", "shop", "-f", "off.yaml"], "not built yet: pods are scheduled by the host"),
        (&["create", "shop", "--preset", "huge"], "there is no preset huge: it is one of dev, ci and prod"),
        (&["create", "shop", "--set", "a"], "--set a: it has no '='"),
        (
            &["create", "shop", "--set", "sync.toHost.pods.enabled=maybe"],
            "--set sync.toHost.pods.enabled: line",
        ),
        (&["create", "shop", "--print", "--dry-run"], "cannot be used with"),
        (&["create"], "required arguments"),
    ];
    for (args, told) in cases {
        let output = shell.v9s(args).await?;
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(told), "{args:?}: {}", err(&output));
    }
    let nobody = shell.v9s(&["create", "shop"]).await?;
    assert_eq!(nobody.status.code(), Some(1), "{}", err(&nobody));
    Ok(())
}
