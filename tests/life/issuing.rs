//! Credentials that a virtual cluster issues: here the hosts stand for one.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use v9s::connect::issue::{self, Holder, IssueError, Issued, Wanted};
use v9s::connect::kubeconfig::Entry;
use v9s::connect::secret::{Access, Trust};
use v9s::operation::Operation;
use v9s_testkit::both_hosts;
use v9s_testkit::host::Host;
use v9s_testkit::kubeconfig;

use crate::seat::{api, cluster, until};

async fn issue(host: &Host, wanted: Wanted) -> Result<Issued, IssueError> {
    let tenant = cluster(&host.kubeconfig).await.expect("a client");
    let operation = Operation::start("issue", issue::STEPS, move |progress| async move {
        issue::issue(&tenant, &wanted, &progress).await
    });
    operation.result().await
}

/// A client with what was issued.
async fn client(host: &Host, issued: &Issued) -> Result<kube::Client> {
    let config = kube::config::Kubeconfig::from_yaml(&host.kubeconfig)?;
    let authority = config.clusters[0].cluster.as_ref().and_then(|it| it.certificate_authority_data.clone());
    let authority = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        authority.context("an authority")?,
    )?;
    let access = Access {
        server: host.url().to_owned(),
        trust: Trust::Authority(String::from_utf8(authority)?),
        identity: issued.identity.clone(),
    };
    let server = host.url().to_owned();
    let entry =
        Entry { name: "it".into(), server, tls_server_name: None, access, namespace: None, origin: None };
    kubeconfig::client(&entry.to_yaml()).await
}

async fn who(client: &kube::Client) -> Result<(String, Vec<String>)> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
    let user = review.status.and_then(|status| status.user_info).context("an answer")?;
    Ok((user.username.unwrap_or_default(), user.groups.unwrap_or_default()))
}

fn ends_in(expires: DateTime<Utc>, hours: i64) -> bool {
    let off = (expires - Utc::now() - TimeDelta::hours(hours)).abs();
    off < TimeDelta::minutes(10)
}

both_hosts! {
    #![needs(controllers)]

    async fn a_service_account_gets_a_token_that_ends_and_a_role_in_one_namespace(host: Host) -> Result<()> {
        let (inner, other) = (host.namespace("inner").await?, host.namespace("other").await?);
        let wanted = Wanted {
            holder: Holder::Account { namespace: inner.as_str().into(), name: "robot".into() },
            role: Some("view".into()),
            within: Some(inner.as_str().into()),
            lifetime: Duration::from_secs(8 * 3600),
        };
        let issued = issue(&host, wanted.clone()).await?;
        assert!(ends_in(issued.expires, 8), "{}", issued.expires);
        let inside = client(&host, &issued).await?;
        assert_eq!(who(&inside).await?.0, format!("system:serviceaccount:{inner}:robot"));
        let maps = |namespace: &str| Api::<ConfigMap>::namespaced(inside.clone(), namespace);
        until("the role holds", || async { Ok(maps(&inner).list(&Default::default()).await.is_ok()) }).await?;
        assert!(maps(&other).list(&Default::default()).await.is_err(), "and nowhere else");
        let binding = api(&host, "rbac.authorization.k8s.io", "RoleBinding", Some(&inner)).get("v9s-view-robot").await?;
        let until = binding.metadata.annotations.context("annotations")?["v9s.io/expires"].clone();
        assert_eq!(until, issued.expires.to_rfc3339());
        issue(&host, wanted).await?;
        Ok(())
    }

    async fn what_the_tenant_refuses_is_told(host: Host) -> Result<()> {
        let holder = Holder::Account { namespace: host.named("nowhere").into(), name: "robot".into() };
        let wanted = Wanted { holder, role: None, within: None, lifetime: Duration::from_secs(3600) };
        let error = issue(&host, wanted).await.expect_err("there is no such namespace").to_string();
        assert!(error.contains("robot") && error.contains("not found"), "{error}");
        Ok(())
    }
}

both_hosts! {
    #![needs(controllers)]

    async fn a_person_gets_a_certificate_that_ends(host: Host) -> Result<()> {
        let holder = Holder::User { name: "jane".into(), group: Some("shoppers".into()) };
        let role = Some("view".into());
        let wanted = Wanted { holder, role, within: None, lifetime: Duration::from_secs(2 * 3600) };
        let issued = issue(&host, wanted).await?;
        assert!(ends_in(issued.expires, 2), "{}", issued.expires);
        let inside = client(&host, &issued).await?;
        let (name, groups) = who(&inside).await?;
        assert_eq!(name, "jane");
        assert!(groups.contains(&"shoppers".to_owned()), "{groups:?}");
        let requests = api(&host, "certificates.k8s.io", "CertificateSigningRequest", None);
        let left = requests.list_metadata(&Default::default()).await?;
        let ours = left
            .items
            .iter()
            .filter(|it| it.metadata.name.as_deref().is_some_and(|name| name.starts_with("v9s-")));
        assert_eq!(ours.count(), 0, "the request is taken away");
        Ok(())
    }
}
