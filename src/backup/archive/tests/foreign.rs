//! Archives in the layout of the official program, made here from its description.

use super::*;

fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(3));
    packed.write_all(tar).unwrap();
    packed.finish().unwrap()
}

const RELEASE: &str = r#"{"releaseName":"shop","releaseNamespace":"team-a","chartName":"vcluster","chartVersion":"0.36.1","values":"c3luYzoge30K"}"#;

/// A name too long for a header comes in an extended header of its own, as Go's tar writer does it.
fn long(name: &str, body: &[u8]) -> [Raw; 2] {
    let record = |length: usize| format!("{length} path={name}\n");
    let mut length = record(0).len();
    while record(length).len() != length {
        length = record(length).len();
    }
    let extended =
        Raw { kind: tar::EntryType::XHeader, ..Raw::file("PaxHeaders.0/x", record(length).as_bytes()) };
    [extended, Raw::file(&name[..90], body)]
}

fn key_value() -> Vec<Raw> {
    let mut entries = vec![
        Raw::file("/vcluster/snapshot/release", RELEASE.as_bytes()),
        Raw::file("/vcluster/snapshot/request/v1beta1", b"{}"),
        Raw::file("/vcluster/snapshot/revision", b"4711"),
        Raw::file("/registry/namespaces/team", b"k8s\0namespace"),
        Raw::file("/registry/pods/team/web-0", b"k8s\0pod"),
    ];
    entries.extend(long(&format!("/registry/pods/team/{}", "x".repeat(200)), b"k8s\0long"));
    entries.push(Raw::file("/vcluster/mappings/v1/Pod/team/web-0", b"{}"));
    entries
}

fn etcd() -> Vec<Raw> {
    vec![
        Raw::file("/vcluster/snapshot/release", RELEASE.as_bytes()),
        Raw::file("/vcluster/snapshot/db", &snapshot(1 << 20)),
        Raw::file("/vcluster/snapshot/skipkeys", br#"{"/registry/pods/a/b":{}}"#),
    ]
}

fn read_in(entries: &[Raw]) -> Result<(Official, Kept), ArchiveError> {
    match open(&gzip(&tar_of(entries)))? {
        (Found::Official(official), kept) => Ok((official, kept)),
        (other, _) => panic!("{other:?}"),
    }
}

#[test]
fn an_archive_of_keys_reads_back() {
    let (found, kept) = read_in(&key_value()).unwrap();
    assert_eq!(found.kind, OfficialKind::KeyValue);
    assert_eq!(found.release, Some(("shop".into(), "team-a".into())));
    assert_eq!((found.chart.as_deref(), found.revision, found.keys), (Some("0.36.1"), Some(4711), 4));
    let counts = [("namespaces".into(), 1), ("pods".into(), 2), ("(mappings)".into(), 1)];
    assert_eq!(found.counts, counts.into());
    assert_eq!(kept.documents, [(Part::Config, b"sync: {}\n".to_vec())]);
    assert_eq!(kept.records[1].0, b"/registry/pods/team/web-0");
    assert_eq!(kept.records[2].0.len(), "/registry/pods/team/".len() + 200);
    assert_eq!(kept.records[2].1, b"k8s\0long");
}

#[test]
fn an_archive_of_etcd_reads_back() {
    let (found, kept) = read_in(&etcd()).unwrap();
    assert_eq!((found.kind, found.database), (OfficialKind::Etcd, Some(1 << 20)));
    assert_eq!(found.skipped, ["/registry/pods/a/b"]);
    assert_eq!(kept.snapshot, snapshot(1 << 20));
}

#[test]
fn what_is_wrong_with_one_is_told() {
    let told = |change: &dyn Fn(&mut Vec<Raw>), of: fn() -> Vec<Raw>| {
        let mut entries = of();
        change(&mut entries);
        read_in(&entries).map(drop).unwrap_err()
    };
    let again = |index: usize| {
        move |entries: &mut Vec<Raw>| {
            let again = entries[index].clone();
            entries.insert(index, again);
        }
    };
    for index in 0..5 {
        let error = told(&again(index), key_value);
        assert!(matches!(error, ArchiveError::Duplicate(_)), "{index}: {error}");
    }
    assert!(matches!(told(&again(1), etcd), ArchiveError::Duplicate(_)));
    assert!(matches!(told(&|entries| entries.swap(3, 4), key_value), ArchiveError::OutOfOrder(_)));
    assert!(matches!(told(&|entries| entries.truncate(3), key_value), ArchiveError::Missing(_)));
    assert!(matches!(told(&|entries| drop(entries.remove(1)), etcd), ArchiveError::Missing(_)));
    let mixed = told(&|entries| entries.insert(1, Raw::file("/registry/pods/a/b", b"")), etcd);
    assert!(matches!(mixed, ArchiveError::OddEntry { .. }), "{mixed}");
    for name in ["../../etc/passwd", "registry/pods/a", "/vcluster/snapshot/new", ""] {
        let error = told(&|entries| entries.insert(2, Raw::file(name, b"")), key_value);
        assert!(matches!(error, ArchiveError::OddEntry { .. }), "{name}: {error}");
    }
    for kind in [tar::EntryType::Symlink, tar::EntryType::Directory, tar::EntryType::GNULongLink] {
        let raw = Raw { kind, ..Raw::file("/registry/pods/a", b"") };
        let error = told(&|entries| entries.insert(3, raw.clone()), key_value);
        assert!(matches!(error, ArchiveError::OddEntry { .. }), "{kind:?}: {error}");
    }
    let flipped = told(&|entries| entries[1].body[5000] ^= 1, etcd);
    assert!(matches!(flipped, ArchiveError::Content { .. }), "{flipped}");
    let nonsense = told(&|entries| entries[0].body = b"{".to_vec(), key_value);
    assert!(matches!(nonsense, ArchiveError::Content { .. }), "{nonsense}");
}

#[test]
fn a_cut_or_longer_one_and_one_of_another_tenant_are_told() {
    let whole = gzip(&tar_of(&key_value()));
    for length in [1, 2, 10, whole.len() / 2, whole.len() - 1] {
        let error = open(&whole[..length]).map(drop).unwrap_err();
        let fits = matches!(error, ArchiveError::Truncated(_) | ArchiveError::NotAnArchive);
        assert!(fits, "cut at {length}: {error}");
    }
    assert!(matches!(open(&[&whole[..], b"x"].concat()), Err(ArchiveError::Trailing)));
    let meant = Tenant { name: "bank".into(), ..tenant() };
    let read_as = |bytes: &[u8], meant: &Tenant| {
        read(bytes, &Identities::default(), &Limits::default(), Some(meant), &mut ()).map(drop)
    };
    read_as(&whole, &tenant()).unwrap();
    assert!(matches!(read_as(&whole, &meant), Err(ArchiveError::OtherTenant { .. })));
    let nobodys = gzip(&tar_of(&key_value()[1..]));
    assert!(matches!(read_as(&nobodys, &tenant()), Err(ArchiveError::Content { .. })));
}
