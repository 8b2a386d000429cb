//! Who asks: impersonation, tokens, certificates.

use crate::hosts::{both, get, with_token};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

const REVIEW: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// A request for a certificate in PEM, in base64.
fn signing_request() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::new(vec!["jane.example.org".to_owned()])
        .unwrap()
        .serialize_request(&key)
        .unwrap();
    STANDARD.encode(request.pem().unwrap())
}

both! {
    async fn one_acts_as_another_with_all_that_belongs_to_them(host: Host) -> Result<()> {
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).to_string();
        let me = async |headers: &[(&str, &str)]| {
            let all: Vec<(&str, &str)> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
            host.send(Method::POST, REVIEW, &all, body.clone().into()).await
        };
        let jane = me(&[("impersonate-user", "jane"), ("impersonate-group", "ops"), ("impersonate-group", "dev"), ("impersonate-uid", "u-1"),
            ("impersonate-extra-acme.com%2fproject", "p1"), ("impersonate-extra-scopes", "a"), ("impersonate-extra-scopes", "b")]).await?.expect_code(201)?;
        assert_eq!(jane["status"]["userInfo"], json!({"username": "jane", "uid": "u-1", "groups": ["ops", "dev", "system:authenticated"],
            "extra": {"acme.com/project": ["p1"], "scopes": ["a", "b"]}}));
        let account = me(&[("impersonate-user", "system:serviceaccount:default:x")]).await?.expect_code(201)?;
        assert_eq!(account["status"]["userInfo"]["groups"], json!(["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]));
        let account = me(&[("impersonate-user", "system:serviceaccount:default:x"), ("impersonate-group", "ops")]).await?.expect_code(201)?;
        assert_eq!(account["status"]["userInfo"]["groups"], json!(["ops", "system:authenticated"]));
        assert_eq!(me(&[("impersonate-user", "system:anonymous")]).await?.code, 403);
        let (code, reason, message) = me(&[("impersonate-group", "ops")]).await?.refusal();
        assert_eq!((code, reason.as_str()), (400, "BadRequest"));
        assert_eq!(message, "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"ops\"}, Extra:map[string][]string(nil)} without impersonating a user name");
        Ok(())
    }

    async fn acting_as_another_needs_a_right_for_every_part(host: Host) -> Result<()> {
        let role = json!({"metadata": {"name": host.named("imp")}, "rules": [{"apiGroups": [""], "resources": ["users"], "resourceNames": ["jane"], "verbs": ["impersonate"]}]});
        host.post("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role).await?.expect_code(201)?;
        let user = host.named("joe");
        let binding = json!({"metadata": {"name": host.named("imp")}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": host.named("imp")},
            "subjects": [{"kind": "ServiceAccount", "name": "joe", "namespace": "default"}]});
        host.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await?.expect_code(201)?;
        let namespace = host.namespace("imp").await?;
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        host.post(&accounts, &json!({"metadata": {"name": "joe"}})).await?.expect_code(201)?;
        let binding = json!({"subjects": [{"kind": "ServiceAccount", "name": "joe", "namespace": namespace}]});
        host.patch(&format!("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{}", host.named("imp")), "merge", &binding).await?.expect_code(200)?;
        let token = host.post(&format!("{accounts}/joe/token"), &json!({"spec": {}})).await?.expect_code(201)?;
        let client = with_token(host.kubeconfig(), token["status"]["token"].as_str()).await?;
        let ask = async |headers: &[(&str, &str)]| {
            crate::hosts::send(&client, Method::POST, REVIEW, &[headers, &[("content-type", "application/json")]].concat(),
                json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}).to_string().into()).await
        };
        crate::custom::until(|| async { Ok(ask(&[("impersonate-user", "jane")]).await?.code == 201) }).await?;
        let me = format!("system:serviceaccount:{namespace}:joe");
        let cases = [
            (vec![("impersonate-user", "fred")], "users \"fred\" is forbidden: User \"ME\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"),
            (vec![("impersonate-user", "jane"), ("impersonate-group", "ops")], "groups \"ops\" is forbidden: User \"ME\" cannot impersonate resource \"groups\" in API group \"\" at the cluster scope"),
            (vec![("impersonate-user", "jane"), ("impersonate-uid", "u")], "uids.authentication.k8s.io \"u\" is forbidden: User \"ME\" cannot impersonate resource \"uids\" in API group \"authentication.k8s.io\" at the cluster scope"),
            (vec![("impersonate-user", "jane"), ("impersonate-extra-k", "v")], "userextras.authentication.k8s.io \"v\" is forbidden: User \"ME\" cannot impersonate resource \"userextras/k\" in API group \"authentication.k8s.io\" at the cluster scope"),
        ];
        for (headers, expected) in cases {
            let (code, _, message) = ask(&headers).await?.refusal();
            assert_eq!((code, message), (403, expected.replace("ME", &me)), "{user}");
        }
        Ok(())
    }

    async fn tokens_are_good_before_their_audiences_only(host: Host) -> Result<()> {
        let namespace = host.namespace("tokens").await?;
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        host.post(&accounts, &json!({"metadata": {"name": "sa"}})).await?.expect_code(201)?;
        let request = json!({"spec": {"audiences": ["x", "y"], "expirationSeconds": 700}});
        let made = host.post(&format!("{accounts}/sa/token"), &request).await?.expect_code(201)?;
        assert_eq!(made["spec"], json!({"audiences": ["x", "y"], "expirationSeconds": 700, "boundObjectRef": null}));
        assert!(made["status"]["expirationTimestamp"].is_string());
        let token = made["status"]["token"].as_str().unwrap();
        let review = async |token: &str, audiences: Value| {
            let body = json!({"spec": {"token": token, "audiences": audiences}});
            Ok::<Value, anyhow::Error>(host.post("/apis/authentication.k8s.io/v1/tokenreviews", &body).await?.expect_code(201)?["status"].take())
        };
        let own = review(token, json!(["x", "z"])).await?;
        assert_eq!((&own["authenticated"], &own["audiences"]), (&json!(true), &json!(["x"])));
        assert_eq!(own["user"]["username"], format!("system:serviceaccount:{namespace}:sa"));
        assert!(own["user"]["uid"].is_string() && own["user"]["extra"]["authentication.kubernetes.io/credential-id"].is_array(), "{own}");
        let server = review(token, json!([])).await?;
        assert_eq!(server, json!({"user": {}, "error": "[invalid bearer token, token audiences [\"x\" \"y\"] is invalid for the target audiences [\"https://kubernetes.default.svc.cluster.local\"]]"}));
        assert_eq!(review("junk", json!([])).await?, json!({"user": {}, "error": "invalid bearer token"}));
        let client = with_token(host.kubeconfig(), Some(token)).await?;
        assert_eq!(get(&client, "/api").await?.code, 401, "it is for somebody else");
        let (code, _, message) = host.post("/apis/authentication.k8s.io/v1/tokenreviews", &json!({"spec": {}})).await?.refusal();
        assert_eq!((code, message.as_str()), (400, "token is required for TokenReview in authentication"));
        let (code, _, message) = host.post(&format!("{accounts}/sa/token"), &json!({"spec": {"expirationSeconds": 5}})).await?.refusal();
        assert_eq!((code, message.as_str()), (422, "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"));
        let bound = json!({"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}}});
        let (code, _, message) = host.post(&format!("{accounts}/sa/token"), &bound).await?.refusal();
        assert_eq!((code, message.as_str()), (404, "pods \"none\" not found"));
        Ok(())
    }

    async fn certificates_are_approved_by_their_subresource_for_good(host: Host) -> Result<()> {
        let all = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
        let name = host.named("csr");
        let body = json!({"metadata": {"name": name}, "spec": {"request": signing_request(), "signerName": "example.com/s", "usages": ["client auth"], "username": "somebody else"}});
        let made = host.post(all, &body).await?.expect_code(201)?;
        assert_ne!(made["spec"]["username"], "somebody else");
        assert!(made["spec"]["groups"].as_array().unwrap().contains(&json!("system:authenticated")), "{made}");
        let mut approved = made.clone();
        approved["status"] = json!({"conditions": [{"type": "Approved", "status": "True", "reason": "R", "message": "M"}], "certificate": "aGk="});
        approved["spec"]["usages"] = json!([]);
        let now = host.put(&format!("{all}/{name}/approval"), &approved).await?.expect_code(200)?;
        assert_eq!((&now["spec"]["usages"], now["status"].get("certificate")), (&json!(["client auth"]), None));
        let condition = &now["status"]["conditions"][0];
        assert!(condition["lastUpdateTime"].is_string() && condition["lastTransitionTime"].is_string(), "{condition}");
        let mut taken = now.clone();
        taken["status"] = json!({"conditions": []});
        let status = host.put(&format!("{all}/{name}/approval"), &taken).await?.expect_code(422)?;
        assert_eq!(status["details"]["causes"], json!([{"reason": "FieldValueForbidden",
            "message": "Forbidden: updates may not remove a condition of type \"Approved\"", "field": "status.conditions"}]));
        let status = host.patch(&format!("{all}/{name}/status"), "merge", &json!({"status": {"certificate": "aGk="}})).await?.expect_code(422)?;
        assert_eq!(status["details"]["causes"][0]["message"], "Invalid value: \"<certificate data>\": must contain at least one CERTIFICATE PEM block");
        let junk = json!({"metadata": {"name": host.named("junk")}, "spec": {"request": "aGk=", "signerName": "example.com/s", "usages": ["client auth"]}});
        let status = host.post(all, &junk).await?.expect_code(422)?;
        assert_eq!(status["details"]["causes"], json!([{"reason": "FieldValueInvalid", "message": "Invalid value: \"aGk=\": PEM block type must be CERTIFICATE REQUEST", "field": "spec.request"}]));
        host.delete(&format!("{all}/{name}")).await?.expect_code(200)?;
        Ok(())
    }
}

v9s_testkit::both_hosts! {
    #![needs(controllers)]

    async fn an_approved_request_of_a_client_is_signed_unless_it_asks_for_more(kit: Host) -> anyhow::Result<()> {
        let host = crate::hosts::Host::of(kit).await?;
        let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
        for (stem, usages, failure) in [
            ("client", json!(["client auth", "digital signature"]), None),
            ("server", json!(["client auth", "server auth"]), Some("invalid usage for client certificate: server auth")),
            ("none", json!(["digital signature"]), Some("missing required usage for client certificate: client auth")),
        ] {
            let name = host.named(stem);
            let spec = json!({"request": signing_request(), "signerName": "kubernetes.io/kube-apiserver-client", "usages": usages, "expirationSeconds": 3600});
            let mut request = host.post(requests, &json!({"metadata": {"name": name}, "spec": spec})).await?.expect_code(201)?;
            request["status"]["conditions"] = json!([{"type": "Approved", "status": "True", "reason": "Fine", "message": "yes"}]);
            host.put(&format!("{requests}/{name}/approval"), &request).await?.expect_code(200)?;
            let path = format!("{requests}/{name}");
            let done = crate::hosts::until(&host, &path, |it| it["status"]["certificate"].is_string() || it["status"]["conditions"][1].is_object()).await?;
            match failure {
                None => {
                    let pem = STANDARD.decode(done["status"]["certificate"].as_str().unwrap())?;
                    let (_, pem) = x509_parser::pem::parse_x509_pem(&pem)?;
                    let certificate = pem.parse_x509()?;
                    let usage = certificate.extended_key_usage()?.unwrap().value;
                    assert!(usage.client_auth && !usage.server_auth && !certificate.is_ca());
                    let life = certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp();
                    assert!((3600..=3900).contains(&life), "{life}");
                }
                Some(why) => {
                    let failed = &done["status"]["conditions"][1];
                    assert_eq!((&failed["type"], &failed["reason"], &failed["message"]), (&json!("Failed"), &json!("SignerValidationFailure"), &json!(why)));
                }
            }
        }
        Ok(())
    }
}
