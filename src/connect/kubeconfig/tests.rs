use std::fs;

use serde_json::{Value, json};

use super::document::parse;
use super::*;
use crate::connect::secret::{Access, Hidden, Identity, Trust};

fn entry(name: &str) -> Entry {
    Entry {
        name: name.into(),
        server: "https://127.0.0.1:40001".into(),
        tls_server_name: Some("localhost".into()),
        access: Access {
            server: "https://localhost:8443".into(),
            trust: Trust::Authority("CA".into()),
            identity: Identity::Token(Hidden::new("t0ken")),
        },
        namespace: None,
        origin: Some(Origin {
            vcluster: "shop".into(),
            namespace: "team-a".into(),
            host_context: "prod".into(),
            previous: Some("prod".into()),
        }),
    }
}

const SHOP: &str = "vcluster_shop_team-a_prod";

/// As kubectl writes it, with what people add by hand.
const USUAL: &str = "\
# my clusters
apiVersion: v1
kind: Config
preferences: {}
clusters:
- cluster:
    certificate-authority-data: QUJD
    server: https://prod.example:6443
  name: prod
# the old one, do not delete
- cluster:
    server: https://old.example
  name: old

contexts:
- context:
    cluster: prod
    user: me@prod
  name: prod
current-context: prod
users:
- name: me@prod
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: login
      args: [--yes, \"0123\"]
";

fn document(text: &str) -> Document {
    Document::read(text).unwrap()
}

fn value(text: &str) -> Value {
    parse(text).unwrap()
}

fn names(document: &Document, section: &str) -> Vec<String> {
    document.section(section).iter().filter_map(|item| Some(item["name"].as_str()?.to_owned())).collect()
}

#[test]
fn lines_that_are_not_changed_stay_byte_by_byte() {
    let merged = document(USUAL).with(&Change::put(&entry(SHOP), true)).unwrap();
    for line in USUAL.lines().filter(|line| !line.starts_with("current-context")) {
        assert!(merged.text().lines().any(|other| other == line), "lost: {line}\n{}", merged.text());
    }
    assert_eq!(merged.current(), Some(SHOP));
    assert_eq!(names(&merged, "contexts"), ["prod", SHOP]);
    let back = Change::make_current(Some("prod".into())).and_remove(&merged, &[SHOP.into()]);
    assert_eq!(merged.with(&back).unwrap().text(), USUAL, "in and out again");
}

#[test]
fn what_is_merged_twice_is_there_once() {
    let once = document(USUAL).with(&Change::put(&entry(SHOP), true)).unwrap();
    let twice = once
        .with(&Change::put(&Entry { server: "https://127.0.0.1:2".into(), ..entry(SHOP) }, true))
        .unwrap();
    assert_eq!(names(&twice, "clusters"), ["prod", "old", SHOP]);
    assert_eq!(twice.find("clusters", SHOP).unwrap()["cluster"]["server"], "https://127.0.0.1:2");
}

/// Whatever the form: everything that was there says the same afterwards, and the entry is there.
#[test]
fn odd_files_keep_what_they_say() {
    let json = value(USUAL).to_string();
    let cases = [
        ("empty", ""),
        ("only a comment", "# nothing yet\n"),
        ("null lists", "clusters: null\nusers:\ncontexts: ~\ncurrent-context: \"\"\n"),
        ("empty lists", "apiVersion: v1\nclusters: []\nusers: [] # none\ncontexts: []\n"),
        ("flow style", "{clusters: [{name: a, cluster: {server: 'https://a'}}], users: [], contexts: []}"),
        ("json", &json),
        (
            "items indented",
            "clusters:\n  - name: a\n    cluster: {server: https://a}\ncontexts:\n  - name: a\n    context: {cluster: a, user: a}\n",
        ),
        (
            "keys before, unknown",
            "x-own:\n  clusters:\n  - name: fake\nclusters:\n- name: a\n  cluster: {server: s}\n",
        ),
        ("windows", "clusters:\r\n- name: a\r\n  cluster: {server: https://a}\r\ncontexts: []\r\n"),
        ("anchors", "clusters:\n- &a\n  name: a\n  cluster: &c {server: s}\n- name: b\n  cluster: *c\n"),
        ("document marker", "---\nclusters: []\ncontexts: []\n"),
        ("block scalar that looks like a section", "x-note: |\n  clusters:\n  - name: fake\nusers: []\n"),
        ("a quoted line that looks like a key", "x-note: 'one\n\n users: two'\nclusters: []\n"),
        ("numbers and booleans", "users:\n- name: 7\n  user: {token: 0x1f, username: true, password: 1e3}\n"),
        ("no newline at the end", "clusters: []\ncontexts:\n- name: a\n  context: {cluster: a}"),
        ("items that are no mappings", "users: [1, null, {name: x}]\n"),
    ];
    for (case, text) in cases {
        let before = document(text);
        let after = before.with(&Change::put(&entry(SHOP), false)).unwrap_or_else(|e| panic!("{case}: {e}"));
        let mut expected = value(text);
        if expected.is_null() {
            expected = json!({"apiVersion": "v1", "kind": "Config"});
        }
        for (section, item) in Change::put(&entry(SHOP), false).put_into() {
            let list = expected.as_object_mut().unwrap().entry(section).or_insert(json!([]));
            if list.is_null() {
                *list = json!([]);
            }
            list.as_array_mut().unwrap().push(item.clone());
        }
        assert_eq!(value(after.text()), expected, "{case}:\n{}", after.text());
        let gone = after.with(&Change::default().and_remove(&after, &[SHOP.into()])).unwrap();
        assert!(!gone.text().contains("shop"), "{case}:\n{}", gone.text());
    }
}

#[test]
fn what_is_no_kubeconfig_is_refused_without_a_quote() {
    for (text, expected) in [
        ("users: [t0p-s3cret", "not the YAML of a kubeconfig (line"),
        ("- t0p-s3cret", "not the YAML of a kubeconfig"),
        ("t0p-s3cret", "not the YAML of a kubeconfig"),
        ("clusters: {a: t0p-s3cret}", "`clusters` is not a list"),
        ("a: 1\n---\nb: t0p-s3cret\n", "not the YAML of a kubeconfig"),
    ] {
        let error = Document::read(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn a_cluster_that_another_context_uses_stays() {
    let text = "\
clusters: [{name: c, cluster: {server: s}}]
users: [{name: u, user: {}}]
contexts:
- {name: vcluster_a_ns_prod, context: {cluster: c, user: u}}
- {name: mine, context: {cluster: c, user: other}}
";
    let before = document(text);
    let after = before.with(&Change::default().and_remove(&before, &["vcluster_a_ns_prod".into()])).unwrap();
    assert_eq!(names(&after, "clusters"), ["c"]);
    assert_eq!((names(&after, "users"), names(&after, "contexts")), (vec![], vec!["mine".to_owned()]));
}

#[test]
fn a_whole_file_reads_back_as_the_entry() {
    let yaml = entry(SHOP).to_yaml();
    let read = value(&yaml);
    assert_eq!(read["current-context"], SHOP);
    assert_eq!(read["clusters"][0]["cluster"]["tls-server-name"], "localhost");
    assert_eq!(read["users"][0]["user"]["token"], "t0ken");
    kube::config::Kubeconfig::from_yaml(&yaml).unwrap();
    let insecure = Entry { access: Access { trust: Trust::Nothing, ..entry("x").access }, ..entry("x") };
    let cluster = insecure.cluster();
    assert_eq!(cluster["cluster"]["insecure-skip-tls-verify"], true);
    assert!(cluster["cluster"].get("tls-server-name").is_none(), "the two exclude each other");
}

#[test]
fn names_of_contexts_tell_whose_they_are() {
    let origin = |vcluster: &str, namespace: &str, host: &str| Origin {
        vcluster: vcluster.into(),
        namespace: namespace.into(),
        host_context: host.into(),
        previous: None,
    };
    let nested = "vcluster_in_ns_vcluster_out_ns2_prod";
    for (name, expected) in [
        (SHOP, Some(origin("shop", "team-a", "prod"))),
        ("vcluster_a_b_arn:aws:eks:eu_x:1/c", Some(origin("a", "b", "arn:aws:eks:eu_x:1/c"))),
        (nested, Some(origin("in", "ns", "vcluster_out_ns2_prod"))),
        ("vcluster_a_b", None),
        ("vcluster_a__c", None),
        ("vcluster-platform_a_b_c", None),
        ("prod", None),
    ] {
        assert_eq!(parse_name(name), expected, "{name}");
    }
}

#[test]
fn contexts_that_lead_nowhere_say_why() {
    let text = "\
current-context: vcluster_a_ns_prod
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts:
- {name: prod, context: {cluster: c, user: u}}
- {name: vcluster_a_ns_prod, context: {cluster: c, user: u}}
- {name: vcluster_b_ns_gone, context: {cluster: c, user: u}}
- {name: vcluster_c_ns_prod, context: {cluster: nowhere, user: u}}
- {name: vcluster_d_ns_prod, context: {cluster: c, user: nobody}}
- {name: vcluster_e_ns_prod}
";
    let found = tenant_contexts(&document(text));
    let told: Vec<_> = found.iter().map(|it| (it.origin.vcluster.as_str(), it.stale.clone())).collect();
    assert_eq!(
        told,
        [
            ("a", None),
            ("b", Some(Stale::NoHost("gone".into()))),
            ("c", Some(Stale::NoEntry("cluster"))),
            ("d", Some(Stale::NoEntry("user"))),
            ("e", Some(Stale::NoEntry("cluster"))),
        ]
    );
    assert!(found[0].current);
    assert_eq!(way_back(&document(text), &found[0]).as_deref(), Some("prod"));
    assert_eq!(way_back(&document(text), &found[1]), None);
}

#[test]
fn the_way_back_is_what_was_current_before() {
    let usual = document(USUAL);
    let own = Entry {
        origin: Some(Origin { previous: Some("old".into()), ..entry(SHOP).origin.unwrap() }),
        ..entry(SHOP)
    };
    let merged = usual.with(&Change::put(&own, true)).unwrap();
    let found = tenant_contexts(&merged);
    assert_eq!(found[0].origin.previous.as_deref(), Some("old"));
    assert_eq!(way_back(&merged, &found[0]).as_deref(), Some("prod"), "`old` has a cluster and no context");
}

#[test]
fn the_file_is_the_one_that_kubectl_would_change() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    fs::write(&here, "").unwrap();
    let list = |paths: &[&std::path::PathBuf]| Some(std::env::join_paths(paths).unwrap());
    let home = || Some("/home/me".into());
    assert_eq!(default_path(None, None, home()), Some("/home/me/.kube/config".into()));
    assert_eq!(default_path(None, Some("".into()), home()), Some("/home/me/.kube/config".into()));
    assert_eq!(default_path(None, list(&[&there, &here]), home()), Some(here.clone()));
    assert_eq!(default_path(None, list(&[&there.join("x"), &there]), home()), Some(there.clone()));
    assert_eq!(default_path(Some(&there), list(&[&here]), home()), Some(there));
    assert_eq!(default_path(None, None, None), None);
}

#[test]
fn a_change_keeps_mode_link_and_what_was_before() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("real"), folder.path().join("config"));
    fs::write(&file, USUAL).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    let put = |document: &Document| document.with(&Change::put(&entry(SHOP), true));
    let Written::Changed { backup: Some(backup) } = change(&link, put).unwrap() else {
        panic!("not written")
    };
    assert_eq!(fs::read_to_string(&backup).unwrap(), USUAL);
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(document(&fs::read_to_string(&file).unwrap()).has_context(SHOP));
    assert_eq!(change(&link, put).unwrap(), Written::Unchanged);
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["config", "real", "real.v9s-backup"], "no lock and no draft stays");
}

#[test]
fn a_new_file_is_made_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep").join("config");
    let put = |document: &Document| document.with(&Change::put(&entry(SHOP), true));
    assert_eq!(change(&file, put).unwrap(), Written::Changed { backup: None });
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    kube::config::Kubeconfig::read_from(&file).unwrap();
}

#[test]
fn a_file_that_is_no_kubeconfig_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    fs::write(&file, "users: [t0p").unwrap();
    let refused = change(&file, |document| Ok(document.clone())).unwrap_err().to_string();
    assert!(refused.contains("was left as it is"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "users: [t0p");
}

#[test]
fn writers_wait_for_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let all: Vec<_> = (0..8)
        .map(|n| {
            let file = file.clone();
            std::thread::spawn(move || {
                let name = format!("vcluster_v{n}_ns_prod");
                change(&file, |document| document.with(&Change::put(&entry(&name), false))).unwrap();
            })
        })
        .collect();
    all.into_iter().for_each(|one| one.join().unwrap());
    let after = document(&fs::read_to_string(&file).unwrap());
    assert_eq!(names(&after, "contexts").len(), 8);
}
