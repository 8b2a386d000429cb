use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};
use serde_json::json;

use super::*;

fn pem(name: &str, authority: bool, year: i32) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_after = date_time_ymd(year, 6, 1);
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

#[test]
fn certificates_are_told_in_the_order_in_which_they_end() {
    let admin =
        json!({"users": [{"user": {"client-certificate-data": STANDARD.encode(pem("admin", false, 2028))}}]});
    let files = [
        ("ca.crt", pem("kubernetes-ca", true, 2036)),
        ("apiserver.crt", pem("kube-apiserver", false, 2027)),
        ("admin.conf", admin.to_string()),
        ("scheduler.conf", "users: t0p".to_owned()),
        ("apiserver.key", "a key".to_owned()),
        ("sa.pub", "a key".to_owned()),
    ];
    let data = files.map(|(file, text)| (file.to_owned(), ByteString(text.into_bytes()))).into();
    let infos = infos(&data);
    let told: Vec<_> = infos.iter().map(|it| (it.file.as_str(), it.subject.as_str(), it.authority)).collect();
    assert_eq!(
        told,
        [
            ("scheduler.conf", "", false),
            ("apiserver.crt", "kube-apiserver", false),
            ("admin.conf", "admin", false),
            ("ca.crt", "kubernetes-ca", true),
        ]
    );
    assert_eq!(infos[0].ends, None, "what cannot be read is not good for ever");
    let now = DateTime::parse_from_rfc3339("2027-05-30T12:00:00Z").unwrap().into();
    assert_eq!(infos[1].days_left(now), Some(1));
    let late = DateTime::parse_from_rfc3339("2027-06-01T00:00:01Z").unwrap().into();
    assert_eq!(infos[1].days_left(late), Some(-1));
}

mod rotation {

    use smol_str::SmolStr;

    use super::super::rotate::{self, RotateOptions, RotatePlan};
    use super::super::seen::Seen;
    use super::*;
    use crate::lifecycle::Memory;
    use crate::lifecycle::tests::{alone, etcd, paused, plane, target};
    use crate::lifecycle::{Decision, Refusal};
    use crate::provision::create::Request;
    use crate::provision::pki::{Keys, serving_names};
    use crate::provision::service_range::ServiceRange;
    use crate::target::{Manager, Part};

    fn seen() -> Seen {
        let request = Request::new("shop", "team", "").unwrap();
        let range = ServiceRange::default();
        let address = SmolStr::new("10.96.0.7");
        let names = serving_names(&request.blueprint(&range), std::slice::from_ref(&address));
        let keys = Keys::make(&request.blueprint(&range), &names, Utc::now()).unwrap();
        Seen {
            uid: "u".into(),
            resource_version: "1".into(),
            handed_out: Some(keys.admin().certificate.into_bytes()),
            files: keys.files().clone(),
            mark: None,
            service: "s".into(),
            addresses: vec![address],
            request,
        }
    }

    fn planned(parts: Vec<Part>, seen: &Seen) -> RotatePlan {
        match rotate::plan(&alone(parts), seen, Memory::Kept, Utc::now(), &RotateOptions::default()) {
            Decision::Do(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    fn names(parts: &[Part]) -> Vec<&str> {
        parts.iter().map(|part| part.name.as_str()).collect()
    }

    #[test]
    fn every_leaf_is_made_anew_and_everybody_who_uses_one_restarts() {
        let plan = planned(vec![plane(1), etcd()], &seen());
        let renewed: Vec<&str> = plan.renewed.iter().map(|info| info.file.as_str()).collect();
        for file in [
            "apiserver.crt",
            "front-proxy-client.crt",
            "etcd-server.crt",
            "admin.conf",
            "controller-manager.conf",
        ] {
            assert!(renewed.contains(&file), "{file} in {renewed:?}");
        }
        assert!(!renewed.iter().any(|file| file.ends_with("ca.crt")), "{renewed:?}");
        assert_eq!((names(&plan.etcd), names(&plan.control_plane)), (vec!["shop-etcd"], vec!["shop"]));
        assert!(plan.gap && plan.hand_out && plan.short.is_empty(), "{plan:?}");
        assert!(!planned(vec![plane(3), etcd()], &seen()).gap);
        assert!(!planned(vec![paused(plane(1))], &seen()).gap, "it stands still as it is");
    }

    #[test]
    fn what_an_interrupted_run_has_made_is_brought_into_use() {
        let written = Seen { mark: Some(seen().digest()), ..seen() };
        let written = Seen { mark: Some(written.digest()), ..written };
        let has = |part: Part| Part { certificates: Some(written.digest()), ..part };
        let rolling = |part: Part| Part { updated: 0, ..has(part) };
        let old = Seen { handed_out: Some(b"old".to_vec()), ..written.clone() };
        for (case, parts, seen, hand_out, restarted) in [
            ("only written", vec![plane(1), etcd()], &old, true, vec!["shop-etcd", "shop"]),
            ("etcd is done", vec![plane(1), has(etcd())], &written, false, vec!["shop"]),
            (
                "the last one is being replaced",
                vec![rolling(plane(1)), has(etcd())],
                &written,
                false,
                vec!["shop"],
            ),
            ("not even the kubeconfig", vec![has(plane(1)), has(etcd())], &old, true, vec![]),
        ] {
            let plan = planned(parts, seen);
            assert!(plan.renewed.is_empty(), "{case}: {plan:?}");
            assert_eq!(plan.hand_out, hand_out, "{case}");
            assert_eq!([names(&plan.etcd), names(&plan.control_plane)].concat(), restarted, "{case}");
        }
        for (case, parts, seen) in [
            ("it was finished", vec![has(plane(1)), has(etcd())], written.clone()),
            (
                "somebody has changed them since",
                vec![plane(1)],
                Seen { mark: Some("other".into()), ..written.clone() },
            ),
        ] {
            assert!(!planned(parts, &seen).renewed.is_empty(), "{case}");
        }
    }

    #[test]
    fn an_authority_that_ends_before_what_it_signs_is_told() {
        let late = Utc::now() + chrono::TimeDelta::days(3650 - 200);
        let plan =
            rotate::plan(&alone(vec![plane(1)]), &seen(), Memory::Kept, late, &RotateOptions::default());
        let Decision::Do(plan) = plan else { panic!("{plan:?}") };
        assert!(plan.short.iter().any(|info| info.file == "ca.crt"), "{:?}", plan.short);
    }

    #[test]
    fn others_certificates_are_made_by_others() {
        let helm = Part { heritage: "Helm".into(), ..plane(1) };
        let refused = rotate::refusal(&alone(vec![helm]), true);
        let Some(refusal @ Refusal::Elsewhere { .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(refusal.instead()[0], "vcluster certs rotate shop --context prod -n team");
        let argo = target(vec![plane(1)], Manager::Argo { application: "shops".into() });
        assert!(matches!(rotate::refusal(&argo, false), Some(Refusal::Managed { .. })));
        assert_eq!(rotate::refusal(&argo, true), None);
    }
}
