use chrono::TimeZone as _;
use x509_parser::pem::parse_x509_pem;

use super::*;
use crate::provision::service_range::ServiceRange;
use crate::provision::values::Settings;

fn with<T>(look: impl FnOnce(&Blueprint) -> T) -> T {
    let (settings, range) = (Settings::default(), ServiceRange::default());
    look(&Blueprint {
        name: "shop",
        namespace: "team",
        settings: &settings,
        config: "",
        service_range: &range,
    })
}

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 5, 4, 12, 0, 0).unwrap()
}

fn names(addresses: &[&str]) -> Vec<String> {
    let addresses: Vec<SmolStr> = addresses.iter().map(SmolStr::new).collect();
    with(|plan| serving_names(plan, &addresses))
}

fn made() -> Keys {
    with(|plan| Keys::make(plan, &names(&["10.96.0.7"]), noon())).unwrap()
}

/// Who issued it, and the days that it lives.
fn told(pem: &str) -> (String, i64) {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).unwrap();
    let certificate = pem.parse_x509().unwrap();
    let life = certificate.validity();
    (certificate.issuer().to_string(), (life.not_after.timestamp() - life.not_before.timestamp()) / 86_400)
}

#[test]
fn leaves_live_a_year_and_come_from_the_authority_of_their_kind() {
    let keys = made();
    for (file, issuer, days) in [
        ("ca.crt", "CN=kubernetes", 3651),
        ("apiserver.crt", "CN=kubernetes", 366),
        ("apiserver-kubelet-client.crt", "CN=kubernetes", 366),
        ("front-proxy-client.crt", "CN=front-proxy-ca", 366),
        ("etcd-server.crt", "CN=etcd-ca", 366),
        ("etcd-peer.crt", "CN=etcd-ca", 366),
        ("apiserver-etcd-client.crt", "CN=etcd-ca", 366),
    ] {
        assert_eq!(told(&keys.files()[file]), (issuer.to_owned(), days), "{file}");
    }
    assert!(NEEDED.iter().all(|file| keys.files().contains_key(*file)));
    assert_eq!(keys.files()["ca.crt"], keys.files()["server-ca.crt"]);
}

#[test]
fn an_ingress_and_a_load_balancer_are_names_of_the_api_server() {
    let config = "controlPlane: {ingress: {enabled: true, host: shop.example.org}}";
    let (settings, range) = (crate::provision::values::read(config).unwrap(), ServiceRange::default());
    let plan =
        Blueprint { name: "shop", namespace: "team", settings: &settings, config, service_range: &range };
    let names = serving_names(&plan, &["10.96.0.7".into(), "lb.example.org".into()]);
    for name in ["shop.example.org", "lb.example.org", "10.96.0.7"] {
        assert!(names.iter().any(|one| one == name), "{name}: {names:?}");
    }
}

#[test]
fn the_api_server_is_called_by_all_its_names() {
    let keys = made();
    let certificate = &keys.files()["apiserver.crt"];
    let wanted = [
        "localhost",
        "127.0.0.1",
        "shop",
        "shop.team",
        "shop.team.svc",
        "kubernetes.default.svc.cluster.local",
        "10.96.0.7",
        "*.nodes.vcluster.com",
    ];
    let wanted: Vec<String> = wanted.map(str::to_owned).into();
    assert_eq!(certificate::lacks(certificate, &wanted).unwrap(), Vec::<String>::new());
    assert_eq!(certificate::lacks(certificate, &["10.96.0.8".to_owned()]).unwrap(), ["10.96.0.8"]);
}

#[test]
fn keys_that_are_there_are_kept() {
    let keys = made();
    let kept = Keys::kept(keys.files().clone(), &names(&["10.96.0.7"]), noon()).unwrap().unwrap();
    assert_eq!(kept, keys);
}

#[test]
fn another_address_is_another_serving_certificate_of_the_same_authority() {
    let keys = made();
    let wanted = names(&["10.96.0.99"]);
    let kept = Keys::kept(keys.files().clone(), &wanted, noon()).unwrap().unwrap();
    let changed: Vec<&String> = kept
        .files()
        .iter()
        .filter(|(file, text)| keys.files()[*file] != **text)
        .map(|(file, _)| file)
        .collect();
    assert_eq!(changed, ["apiserver.crt", "apiserver.key"]);
    assert!(certificate::lacks(&kept.files()["apiserver.crt"], &wanted).unwrap().is_empty());
    let trusted =
        rustls::pki_types::pem::PemObject::from_pem_slice(keys.files()["ca.crt"].as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).unwrap();
    let leaf: rustls::pki_types::CertificateDer =
        rustls::pki_types::pem::PemObject::from_pem_slice(kept.files()["apiserver.crt"].as_bytes()).unwrap();
    let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
    assert_eq!(leaf.issuer().to_string(), "CN=kubernetes");
}

#[test]
fn keys_with_a_gap_are_no_keys() {
    let mut files = made().files().clone();
    files.remove("sa.key");
    assert_eq!(Keys::kept(files, &names(&[]), noon()).unwrap(), None);
}

#[test]
fn what_is_no_certificate_is_told_and_not_replaced() {
    let mut files = made().files().clone();
    files.insert("apiserver.crt".to_owned(), "hello".to_owned());
    let error = Keys::kept(files, &names(&[]), noon()).unwrap_err().to_string();
    assert!(error.starts_with("apiserver.crt in the Secret"), "{error}");
}
