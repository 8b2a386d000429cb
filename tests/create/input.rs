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
    file("twice.yaml", "sync: {}\nsync: {}\n")?;
    file("list.yaml", "- a\n")?;
    file("off.yaml", "controlPlane:\n  advanced:\n    virtualScheduler: {enabled: true}\n")?;
    let long = "x".repeat(49);
    let long = ["create", long.as_str()];
    let cases: Vec<(&[&str], &str)> = vec![
        (&["create", "Shop"], "name \"Shop\" cannot be: only lower-case letters"),
        (&["create", "1shop"], "it must begin with a letter"),
        (&["create", "shop-"], "it begins or ends with '-'"),
        (&["create", "shop.eu"], "only lower-case letters, digits and '-' are possible"),
        (&["create", ""], "it is empty"),
        (&long, "it is longer than 48 characters"),
        (&["create", "shop", "-n", "Team"], "namespace \"Team\" cannot be"),
        (&["create", "shop", "-n", "a", "-n", "b"], "one namespace"),
        (&["create", "shop", "-f", "missing.yaml"], "cannot read missing.yaml"),
        (
            &["create", "shop", "-f", "typo.yaml"],
            "typo.yaml: line 3, column 5: sync.toHost.podz: unknown key",
        ),
        (&["create", "shop", "-f", "two.yaml"], "there can be one store only"),
        (&["create", "shop", "-f", "broken.yaml"], "broken.yaml: line"),
        (
            &["create", "shop", "-f", "twice.yaml"],
            "twice.yaml: line 2, column 1: sync: given twice; first on line 1",
        ),
        (&["create", "shop", "-f", "list.yaml"], "list.yaml: line 1"),
        (&["create", "shop", "-f", "off.yaml"], "not built yet: pods are scheduled by the host"),
        (&["create", "shop", "--preset", "huge"], "there is no preset huge: it is one of dev, ci and prod"),
        (&["create", "shop", "--set", "a"], "--set a: it has no '='"),
        (
            &["create", "shop", "--set", "sync.toHost.pods.enabled=maybe"],
            "--set sync.toHost.pods.enabled: line",
        ),
        (&["create", "shop", "--set", "networking.serviceCIDR=10.96.0.0"], "networking.serviceCIDR"),
        (
            &[
                "create",
                "shop",
                "--set",
                "policies.resourceQuota={enabled: true, quota: {requests.cpu: lots}}",
            ],
            "a quantity such as 2, \"500m\" or \"20Gi\"",
        ),
        (
            &["create", "shop", "--set", "policies.resourceQuota={enabled: true, quota: {requests.cpu: -1}}"],
            "a quota cannot be negative",
        ),
        (
            &["create", "shop", "--set", "controlPlane.statefulSet.persistence.volumeClaim.size=big"],
            "a quantity such as 2, \"500m\" or \"20Gi\"",
        ),
        (
            &[
                "create",
                "shop",
                "--set",
                "controlPlane.backingStore.etcd.deploy={enabled: true, statefulSet: {highAvailability: {replicas: 2}}}",
            ],
            "2 members are lost as early as 1; give an odd number",
        ),
        (
            &["create", "shop", "--set", "controlPlane.backingStore.database.external.enabled=true"],
            "which database? give its URL",
        ),
        (
            &["create", "shop", "--set", "controlPlane.backingStore.etcd.external.enabled=true"],
            "which etcd? give its URL",
        ),
        (
            &[
                "create",
                "shop",
                "--set",
                "controlPlane.advanced.podDisruptionBudget={enabled: true, minAvailable: 1, maxUnavailable: 1}",
            ],
            "give one of the two",
        ),
        (
            &["create", "shop", "--set", "experimental.deploy.vcluster.manifests='a: 1'"],
            "object 1 of 1 has no apiVersion",
        ),
        (
            &["create", "shop", "--set", "v9s.access.admins=['system:authenticated']"],
            "is everybody; name a group of people",
        ),
        (&["create", "shop", "--set", "v9s.access.viewers=['']"], "a group has no name"),
        (&["create", "shop", "--timeout", "soon", "--wait"], "--timeout"),
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
