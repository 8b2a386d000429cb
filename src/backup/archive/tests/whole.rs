//! What is written reads back, and is refused where it should not be written.

use super::*;

#[test]
fn what_was_written_is_what_is_read() {
    for to in [Recipients::default(), recipients()] {
        let (bytes, written) = sample(&to);
        let (found, kept) = open(&bytes).unwrap();
        assert_eq!(found, Found::Backup { manifest: Box::new(written.clone()), sealed: to.seal() });
        assert_eq!(kept.documents.len(), if to.seal() { 2 } else { 1 });
        assert_eq!(kept.lines.len(), 6);
        assert_eq!(kept.lines[4], (Part::HostObjects, r#"{"kind":"Service","number":4}"#.to_owned()));
        let read: Vec<_> = kept.records.into_iter().map(|(key, value, _)| (key, value)).collect();
        assert_eq!(read, keys());
        assert_eq!(kept.snapshot, snapshot(16_384));
        assert_eq!(written.keys, 60);
        let expected = [("configmaps".into(), 20), ("pods".into(), 20), ("widgets.example.com".into(), 20)];
        assert_eq!(written.counts, expected.into());
        assert_eq!(written.part(Part::StoreSnapshot).unwrap().length, 16_384 + 32);
    }
}

#[test]
fn the_sentence_says_what_is_covered_and_what_is_not() {
    let mut coverage = contents(true).coverage;
    assert_eq!(coverage.sentence(false), "state ✓ config ✓ keys ✗ volumes 0/2");
    coverage.keys = true;
    assert_eq!(coverage.sentence(true), "state + config + keys + volumes 0/2");
}

#[test]
fn a_large_store_is_cut_into_chunks_of_whole_records() {
    let mut writer = ArchiveWriter::begin(Vec::new(), header(), &Recipients::default()).unwrap();
    let value = vec![7; 1_500_000];
    for at in 0..9 {
        let key = format!("/registry/secrets/a/{at}");
        let record =
            Record { key: key.as_bytes(), value: &value, created: 1, modified: 2, version: 1, lease: 9 };
        writer.record(record).unwrap();
    }
    // Larger than a chunk: it has one for itself.
    let large = vec![1; CHUNK + 10];
    let record = Record { key: b"/a", value: &large, created: 1, modified: 2, version: 1, lease: 0 };
    assert!(matches!(writer.record(record), Err(WriteError::KeyOrder(_))));
    writer.record(Record { key: b"/z", ..record }).unwrap();
    let Written { sink, manifest } = writer.finish(contents(true)).unwrap();
    let chunks = entries(&sink);
    let chunks: Vec<_> = chunks.iter().filter(|entry| entry.name.starts_with(b"store/keys/")).collect();
    assert_eq!(manifest.part(Part::StoreKeys).unwrap().entries, 6);
    assert_eq!(chunks.len(), 6);
    assert!(chunks[..5].iter().all(|chunk| chunk.body.len() <= CHUNK));
    let (_, kept) = open(&sink).unwrap();
    assert_eq!(kept.records.len(), 10);
    assert_eq!(kept.records[0].2, [1, 2, 1, 9]);
    assert_eq!(kept.records[9].1, large);
}

#[test]
fn an_empty_part_and_an_empty_store_are_no_trouble() {
    let writer = ArchiveWriter::begin(Vec::new(), header(), &Recipients::default()).unwrap();
    let bytes = writer.finish(contents(false)).unwrap().sink;
    let (found, kept) = open(&bytes).unwrap();
    assert_eq!(kept, Kept::default());
    let Found::Backup { manifest, .. } = found else { panic!("{found:?}") };
    assert!(manifest.parts.is_empty());
}

#[test]
fn what_would_not_read_back_is_not_written() {
    let begin = || ArchiveWriter::begin(Vec::new(), header(), &Recipients::default()).unwrap();
    let large = vec![0; usize::try_from(Limits::default().entry).unwrap() + 1];
    let refused = begin().document(Part::Config, &large).unwrap_err();
    assert!(matches!(refused, WriteError::TooLarge { .. }), "{refused}");
    let record = Record { key: &large[..70_000], value: b"", created: 1, modified: 1, version: 1, lease: 0 };
    assert!(matches!(begin().record(record).unwrap_err(), WriteError::TooLarge { .. }));
    let refused = begin().document(Part::Keys, b"[]").unwrap_err();
    assert!(matches!(refused, WriteError::KeysUnsealed), "{refused}");
    let mut writer = begin();
    writer.line(Part::Synced, "{}").unwrap();
    assert!(matches!(writer.document(Part::Config, b""), Err(WriteError::PartOrder { .. })));
    let mut writer = begin();
    writer.document(Part::Config, b"a").unwrap();
    assert!(matches!(writer.document(Part::Config, b"a"), Err(WriteError::PartOrder { .. })));
    let mut writer = begin();
    writer.snapshot(&snapshot(1024)[..1000]).unwrap();
    assert!(matches!(writer.finish(contents(false)), Err(WriteError::Snapshot(_))));
}

#[test]
fn a_sealed_archive_shows_nothing_of_its_content_and_is_never_the_same_twice() {
    let (sealed, _) = sample(&recipients());
    let (again, _) = sample(&recipients());
    assert_ne!(sealed, again);
    for word in [&b"team-a"[..], b"registry", b"header.json"] {
        assert!(!sealed.windows(word.len()).any(|bytes| bytes == word));
    }
    let (open, _) = sample(&Recipients::default());
    assert_eq!(open, sample(&Recipients::default()).0, "the same content is the same archive");
}

#[test]
fn keys_that_are_none_are_named_without_being_told() {
    let told = |text: &str| Identities::parse(text).unwrap_err();
    assert_eq!(told(""), KeyError::NoIdentity);
    assert_eq!(told("# only a comment\n"), KeyError::NoIdentity);
    let wrong = told("# a\nAGE-SECRET-KEY-1SECRETSECRET\n");
    assert_eq!(wrong, KeyError::Identity(2));
    assert!(!wrong.to_string().contains("SECRETSECRET"));
    assert_eq!(told("-----BEGIN AGE ENCRYPTED FILE-----\nx"), KeyError::Encrypted);
    assert_eq!(told("age-encryption.org/v1\n-> scrypt"), KeyError::Encrypted);
    assert!(matches!(Recipients::parse(["age1nonsense"]), Err(KeyError::Recipient(..))));
    assert!(matches!(Recipients::parse(["AGE-SECRET-KEY-1X"]), Err(KeyError::Recipient(..))));
    assert!(format!("{:?}", identities()).starts_with("1 identities"));
}
