//! Archives that are not what they should be: each a clear error, and never content that was not written.

use super::*;

const PLAIN: Recipients = Recipients::NONE;

fn wrong(bytes: &[u8]) -> ArchiveError {
    open(bytes).map(|(found, _)| found).unwrap_err()
}

/// The sample with its entries changed, packed again.
fn changed(change: impl FnOnce(&mut Vec<Raw>)) -> Vec<u8> {
    let mut entries = entries(&sample(&PLAIN).0);
    change(&mut entries);
    archive_of(&entries)
}

fn at(entries: &[Raw], name: &str) -> usize {
    entries.iter().position(|entry| entry.is(name)).unwrap()
}

fn replace(text: &mut Vec<u8>, from: &str, to: &str) {
    let changed = String::from_utf8(text.clone()).unwrap().replace(from, to);
    assert_ne!(changed.as_bytes(), text.as_slice(), "{from} is not in it");
    *text = changed.into_bytes();
}

#[test]
fn an_archive_that_was_only_taken_apart_and_put_back_is_whole() {
    open(&changed(|_| {})).unwrap();
}

#[test]
fn a_cut_anywhere_is_a_cut() {
    for to in [PLAIN, recipients()] {
        let (bytes, _) = sample(&to);
        for length in (0..bytes.len()).step_by(97).chain(bytes.len() - 40..bytes.len()) {
            match wrong(&bytes[..length]) {
                ArchiveError::NotAnArchive if length < 24 => {}
                ArchiveError::Truncated(_) => {}
                // What is left of the last block of an encrypted archive does not decrypt.
                ArchiveError::Damaged { layer: Layer::Seal, .. } if to.seal() => {}
                other => panic!("cut at {length} of {}: {other}", bytes.len()),
            }
        }
    }
}

#[test]
fn a_bit_flipped_in_any_part_is_found_whatever_lies_around_it() {
    let whole = entries(&sample(&PLAIN).0);
    for index in 0..whole.len() {
        let length = whole[index].body.len();
        for place in [0, length / 3, length / 2, length - 1] {
            let mut flipped = whole.clone();
            flipped[index].body[place] ^= 4;
            let name = String::from_utf8(whole[index].name.clone()).unwrap();
            let error = wrong(&archive_of(&flipped));
            // Blank space at the end of the sum is no part of it.
            assert!(!error.to_string().is_empty(), "{name} at {place}");
            let told = error.to_string();
            let part = name.rsplit_once('/').map_or(name.as_str(), |(part, _)| part);
            let fits = told.contains(part) || told.contains("manifest") || told.contains("version");
            assert!(fits || matches!(error, ArchiveError::NotAnArchive), "{name} at {place}: {told}");
        }
    }
}

#[test]
fn the_sums_of_a_manifest_that_was_made_to_fit_are_compared_with_what_is_there() {
    for (from, to) in [
        (r#""keys": 60"#, r#""keys": 61"#),
        (r#""pods": 20"#, r#""pods": 21"#),
        (r#""revision": 500"#, r#""revision": 50"#),
        (r#""state": true"#, r#""state": false"#),
        (r#""entries": 1"#, r#""entries": 2"#),
        (r#""length": "#, r#""length": 1"#),
        (r#""name": "shop""#, r#""name": "shop2""#),
        (r#""name": "store/snapshot""#, r#""name": "store/other""#),
    ] {
        let bytes = changed(|entries| {
            let manifest = at(entries, "manifest.json");
            replace(&mut entries[manifest].body, from, to);
            resum(entries);
        });
        let error = wrong(&bytes);
        let fits = matches!(
            error,
            ArchiveError::Mismatch { .. } | ArchiveError::Content { .. } | ArchiveError::OddEntry { .. }
        );
        assert!(fits, "{from} -> {to}: {error}");
    }
    // Without the sum made to fit, the manifest is not even looked into.
    let bytes = changed(|entries| {
        let manifest = at(entries, "manifest.json");
        replace(&mut entries[manifest].body, r#""keys": 60"#, r#""keys": 61"#);
    });
    let told = wrong(&bytes).to_string();
    assert!(told.contains("manifest.json") && told.contains("its sum"), "{told}");
}

#[test]
fn the_wrong_key_and_no_key_are_told_apart() {
    let (bytes, _) = sample(&recipients());
    let read = |identities: &Identities| {
        read(bytes.as_slice(), identities, &Limits::default(), None, &mut ()).map(drop).unwrap_err()
    };
    assert!(matches!(read(&Identities::default()), ArchiveError::Sealed));
    let other = age::x25519::Identity::generate();
    use age::secrecy::ExposeSecret as _;
    let other = Identities::parse(other.to_string().expose_secret()).unwrap();
    assert!(matches!(read(&other), ArchiveError::WrongKey));
}

#[test]
fn a_list_of_recipients_without_end_is_not_kept() {
    let mut bytes = b"age-encryption.org/v1\n".to_vec();
    for _ in 0..10_000 {
        bytes.extend_from_slice(b"-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\n");
        bytes.extend_from_slice(b"EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U\n");
    }
    let error = wrong(&bytes);
    assert!(matches!(error, ArchiveError::Damaged { layer: Layer::Seal, .. }), "{error}");
    assert!(error.to_string().contains("recipients"), "{error}");
}

#[test]
fn what_announces_to_be_large_is_not_read_and_what_is_large_is_stopped() {
    // Announced.
    let mut tar = tar_of(&entries(&sample(&PLAIN).0)[..1]);
    tar.truncate(tar.len() - 1024);
    let mut header = tar::Header::new_ustar();
    header.set_path("store/keys/00000000").unwrap();
    header.set_size(1 << 33);
    header.set_cksum();
    tar.extend_from_slice(header.as_bytes());
    let error = wrong(&pack(&tar));
    assert!(matches!(error, ArchiveError::TooLarge { .. }), "{error}");
    // Real: one chunk after the other, each within its limit, all of the same byte.
    let limits = Limits { whole: 10 << 20, ..Limits::default() };
    let mut many = entries(&sample(&PLAIN).0)[..1].to_vec();
    for number in 0..40 {
        many.push(Raw::file(&format!("store/snapshot/{number:08}"), &vec![0; 1 << 20]));
    }
    let bomb = archive_of(&many);
    assert!(bomb.len() < 100_000, "it is small: {}", bomb.len());
    let mut kept = Kept::default();
    let error = read(bomb.as_slice(), &identities(), &limits, None, &mut kept).unwrap_err();
    assert!(matches!(error, ArchiveError::TooLarge { limit, .. } if limit == limits.whole), "{error}");
    assert!(kept.snapshot.len() <= 10 << 20);
    // Padding is no place for more.
    let mut padded = tar_of(&entries(&sample(&PLAIN).0));
    padded.resize(padded.len() + (1 << 20), 0);
    assert!(matches!(wrong(&pack(&padded)), ArchiveError::Trailing));
}

#[test]
fn a_window_that_takes_much_memory_is_refused() {
    let mut packed = zstd::Encoder::new(Vec::new(), 3).unwrap();
    packed.window_log(27).unwrap();
    packed.write_all(&tar_of(&entries(&sample(&PLAIN).0))).unwrap();
    let error = wrong(&packed.finish().unwrap());
    assert!(matches!(error, ArchiveError::Damaged { layer: Layer::Packing, .. }), "{error}");
}

#[test]
fn names_that_lead_elsewhere_and_entries_that_are_no_files_are_odd() {
    for name in
        ["../../etc/passwd", "/etc/passwd", "store/keys/../../x", "C:\\x", "config", "store/keys/1", ""]
    {
        let bytes = changed(|entries| entries.insert(1, Raw::file(name, b"x")));
        let error = wrong(&bytes);
        assert!(matches!(error, ArchiveError::OddEntry { .. }), "{name}: {error}");
    }
    use tar::EntryType as Type;
    for kind in [
        Type::Symlink,
        Type::Link,
        Type::Directory,
        Type::Char,
        Type::Block,
        Type::Fifo,
        Type::GNULongName,
        Type::GNULongLink,
        Type::GNUSparse,
        Type::XGlobalHeader,
        Type::XHeader,
        Type::Continuous,
    ] {
        let raw = Raw { kind, ..Raw::file("config/vcluster.yaml", b"22 path=../../etc/cron") };
        let error = wrong(&changed(|entries| entries.insert(1, raw)));
        assert!(matches!(error, ArchiveError::OddEntry { .. }), "{kind:?}: {error}");
    }
}

#[test]
fn another_version_another_format_and_another_tenant_are_told() {
    let later = changed(|entries| replace(&mut entries[0].body, r#""version": 1"#, r#""version": 2"#));
    assert!(matches!(wrong(&later), ArchiveError::UnknownVersion { found: 2, known: 1 }));
    // Even when a later version has other fields.
    let later = changed(|entries| {
        entries[0].body = br#"{"format":"v9s.io/backup","version":7,"whose":{}}"#.to_vec();
    });
    assert!(matches!(wrong(&later), ArchiveError::UnknownVersion { found: 7, known: 1 }));
    let other = changed(|entries| replace(&mut entries[0].body, FORMAT, "example.com/other"));
    assert!(matches!(wrong(&other), ArchiveError::NotAnArchive));
    let (bytes, _) = sample(&PLAIN);
    let read_as = |namespace: &str, name: &str| {
        let meant = Tenant { host: "".into(), namespace: namespace.into(), name: name.into() };
        read(bytes.as_slice(), &identities(), &Limits::default(), Some(&meant), &mut ()).map(drop)
    };
    read_as("team-a", "shop").unwrap();
    for (namespace, name) in [("team-b", "shop"), ("team-a", "bank")] {
        let error = read_as(namespace, name).unwrap_err();
        assert!(matches!(error, ArchiveError::OtherTenant { .. }), "{error}");
        assert!(error.to_string().contains("team-a/shop"), "{error}");
    }
}

#[test]
fn parts_that_are_missing_doubled_or_moved_are_told() {
    let count = entries(&sample(&PLAIN).0).len();
    for index in 0..count {
        let error = wrong(&changed(|entries| drop(entries.remove(index))));
        let fits = matches!(error, ArchiveError::Missing(_) | ArchiveError::Mismatch { .. });
        assert!(fits, "without entry {index}: {error}");
        let error = wrong(&changed(|entries| {
            let again = entries[index].clone();
            entries.insert(index, again);
        }));
        let fits = matches!(error, ArchiveError::Duplicate(_) | ArchiveError::Trailing);
        assert!(fits, "entry {index} twice: {error}");
    }
    for index in 1..count {
        let error = wrong(&changed(|entries| entries.swap(index - 1, index)));
        let fits = matches!(
            error,
            ArchiveError::Missing(_) | ArchiveError::OutOfOrder(_) | ArchiveError::Duplicate(_)
        );
        assert!(fits, "entries {} and {index} swapped: {error}", index - 1);
    }
    // A part that the manifest does not know of.
    let error = wrong(&changed(|entries| entries.insert(3, Raw::file("host/synced/00000000", b"{}\n"))));
    assert!(matches!(error, ArchiveError::OddEntry { .. }), "{error}");
}

#[test]
fn nothing_may_follow_the_end() {
    let (bytes, _) = sample(&PLAIN);
    for more in [&b"x"[..], &bytes, &[0; 512]] {
        let error = wrong(&[&bytes, more].concat());
        assert!(matches!(error, ArchiveError::Trailing), "{error}");
    }
    let (sealed, _) = sample(&recipients());
    wrong(&[&sealed, &b"x"[..]].concat());
    let error = wrong(&changed(|entries| entries.push(Raw::file("store/keys/00000000", b"x"))));
    assert!(matches!(error, ArchiveError::Trailing), "{error}");
}

#[test]
fn records_that_make_no_sense_are_told_even_with_fitting_sums() {
    let record = |key: &[u8], created: i64, modified: i64| {
        let mut bytes = Vec::new();
        Record { key, value: b"v", created, modified, version: 1, lease: 0 }.encode(&mut bytes);
        bytes
    };
    let good = record(b"/a", 1, 1);
    let mut endless = good.clone();
    endless[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    for (why, chunk) in [
        ("cut off", good[..good.len() - 1].to_vec()),
        ("cut off", good[..10].to_vec()),
        ("cut off", endless),
        ("0 bytes", record(b"", 1, 1)),
        ("not behind", [record(b"/b", 1, 1), record(b"/a", 1, 1)].concat()),
        ("not behind", [good.clone(), good.clone()].concat()),
        ("created at revision 0", record(b"/a", 0, 1)),
        ("created at revision 5", record(b"/a", 5, 4)),
    ] {
        let error = wrong(&changed(|entries| {
            let keys = at(entries, "store/keys/00000000");
            entries[keys].body = chunk;
        }));
        assert!(error.to_string().contains(why), "{why}: {error}");
    }
}

#[test]
fn a_source_that_fails_says_nothing_about_the_archive() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the network is gone"))
        }
    }
    for to in [PLAIN, recipients()] {
        let (bytes, _) = sample(&to);
        for length in [0, 10, 300, bytes.len() - 1] {
            let source = bytes[..length].chain(Broken);
            let error = read(source, &identities(), &Limits::default(), None, &mut ()).unwrap_err();
            assert!(matches!(error, ArchiveError::Source(_)), "after {length}: {error}");
            assert!(error.to_string().contains("the network is gone"), "{error}");
        }
    }
}

#[test]
fn a_visitor_can_end_the_reading() {
    struct No;
    impl Visitor for No {
        fn record(&mut self, _: Record<'_>) -> Result<(), SmolStr> {
            Err("that is enough".into())
        }
    }
    let (bytes, _) = sample(&PLAIN);
    let error = read(bytes.as_slice(), &identities(), &Limits::default(), None, &mut No).unwrap_err();
    assert_eq!(error.to_string(), "that is enough");
}
