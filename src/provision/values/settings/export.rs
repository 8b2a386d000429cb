//! `exportKubeConfig`.

use crate::provision::values::view::View;

/// Kubeconfigs that the syncer writes on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportKubeConfig {
    /// Name of the context; v9s chooses when None.
    pub context: Option<String>,
    /// URL of the virtual API; `https://localhost:8443` when None.
    pub server: Option<String>,
    /// The certificate of the server is not checked.
    pub insecure: bool,
    /// Whose token it carries; the administrator's certificate when None.
    pub service_account: Option<ExportAccount>,
    /// Further Secrets.
    pub secrets: Vec<ExportedSecret>,
}

/// An account of the virtual cluster for a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportAccount {
    /// Name.
    pub name: String,
    /// Namespace in the virtual cluster; `kube-system` when None.
    pub namespace: Option<String>,
    /// ClusterRole that it gets.
    pub cluster_role: Option<String>,
}

/// A further Secret with a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedSecret {
    /// Name; `vc-NAME` when None.
    pub name: Option<String>,
    /// Namespace on the host; the virtual cluster's own when None.
    pub namespace: Option<String>,
    /// Name of the context; v9s chooses when None.
    pub context: Option<String>,
    /// URL of the virtual API; `https://localhost:8443` when None.
    pub server: Option<String>,
    /// The certificate of the server is not checked.
    pub insecure: bool,
    /// Whose token it carries; the administrator's certificate when None.
    pub service_account: Option<ExportAccount>,
}

impl ExportKubeConfig {
    pub(super) fn of(view: &View) -> ExportKubeConfig {
        let mut secrets: Vec<ExportedSecret> =
            view.items("additionalSecrets").iter().map(ExportedSecret::of).collect();
        let (name, namespace) = (view.some_text("secret.name"), view.some_text("secret.namespace"));
        let export = ExportKubeConfig {
            context: view.some_text("context"),
            server: server(view),
            insecure: view.flag("insecure"),
            service_account: ExportAccount::of(&view.at("serviceAccount")),
            secrets: Vec::new(),
        };
        if name.is_some() || namespace.is_some() {
            if !secrets.is_empty() {
                view.contradict(
                    "secret",
                    "the older form of the same; use only one",
                    view,
                    "additionalSecrets",
                );
            }
            secrets.push(ExportedSecret {
                name,
                namespace,
                context: export.context.clone(),
                server: export.server.clone(),
                insecure: export.insecure,
                service_account: export.service_account.clone(),
            });
        }
        ExportKubeConfig { secrets, ..export }
    }
}

impl ExportedSecret {
    fn of(view: &View) -> ExportedSecret {
        let secret = ExportedSecret {
            name: view.some_text("name"),
            namespace: view.some_text("namespace"),
            context: view.some_text("context"),
            server: server(view),
            insecure: view.flag("insecure"),
            service_account: ExportAccount::of(&view.at("serviceAccount")),
        };
        if secret.name.is_none() && secret.namespace.is_none() {
            view.complain(
                "",
                "give name, namespace or both: otherwise it is the Secret that is there anyway",
            );
        }
        secret
    }
}

impl ExportAccount {
    fn of(view: &View) -> Option<ExportAccount> {
        let account = view.some_text("name").map(|name| ExportAccount {
            name,
            namespace: view.some_text("namespace"),
            cluster_role: view.some_text("clusterRole"),
        });
        if account.is_none() {
            for detail in ["namespace", "clusterRole"] {
                if view.some_text(detail).is_some() {
                    view.contradict(detail, "there is no account that it is for", view, "name");
                }
            }
        }
        account
    }
}

fn server(view: &View) -> Option<String> {
    let server = view.some_text("server")?;
    let uri = server.parse::<http::Uri>().ok();
    let fits =
        uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some());
    if !fits {
        view.complain("server", "expected a URL that begins with https:// or http://");
    }
    Some(server).filter(|_| fits)
}
