//! Random bytes, and archives changed at random: always an answer, and never other content than was written.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

/// An error, or exactly what was written: some bits of a format mean nothing.
fn harmless(bytes: &[u8], whole: &(Found, Kept)) -> Result<(), String> {
    match open(bytes) {
        Err(error) if error.to_string().is_empty() => Err("an error without a word".into()),
        Err(_) => Ok(()),
        Ok(read) if read == *whole => Ok(()),
        Ok((found, _)) => Err(format!("other content was believed: {found:?}")),
    }
}

#[test]
fn random_bytes_are_no_archive() {
    let mut random = StdRng::seed_from_u64(11);
    for round in 0..600 {
        let mut bytes = vec![0; random.random_range(0..3000)];
        random.fill_bytes(&mut bytes);
        // Let some of them come further.
        let begin: &[u8] = match round % 5 {
            0 => &[0x28, 0xB5, 0x2F, 0xFD],
            1 => &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0],
            2 => b"age-encryption.org/v1\n-> X25519 ",
            _ => b"",
        };
        open(&[begin, &bytes].concat()).map(drop).unwrap_err();
        open(&pack(&bytes)).map(drop).unwrap_err();
    }
}

#[test]
fn packed_archives_with_random_changes_are_refused_or_the_same() {
    let mut random = StdRng::seed_from_u64(12);
    for to in [Recipients::NONE, recipients()] {
        let (bytes, _) = sample(&to);
        let whole = open(&bytes).unwrap();
        for _ in 0..800 {
            let mut changed = bytes.clone();
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..changed.len());
                match random.random_range(0..4) {
                    0 => changed[at] ^= 1 << random.random_range(0..8),
                    1 => changed[at] = random.random_range(0..=255),
                    2 => drop(changed.remove(at)),
                    _ => changed.insert(at, random.random_range(0..=255)),
                }
            }
            harmless(&changed, &whole).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Below the compression, where no checksum of a library helps.
    #[test]
    fn entries_with_random_changes_are_refused_or_the_same(
        at in 0.0..1.0_f64,
        with in 1..=255_u8,
        length in 0..2000_usize,
        how in 0..5,
    ) {
        let plain = tar_of(&entries(&sample(&Recipients::NONE).0));
        let whole = open(&pack(&plain)).unwrap();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (at * plain.len() as f64) as usize;
        let mut changed = plain.clone();
        match how {
            0 | 1 => changed[at] ^= with,
            2 => changed.truncate(at),
            3 => drop(changed.drain(at..(at + length).min(plain.len()))),
            // A piece of it for the second time.
            _ => {
                let piece = changed[at..(at + length).min(plain.len())].to_vec();
                changed.splice(at..at, piece);
            }
        }
        prop_assert!(harmless(&pack(&changed), &whole).is_ok());
    }

    #[test]
    fn entries_in_another_order_are_refused(seed in any::<u64>()) {
        let plain = entries(&sample(&Recipients::NONE).0);
        let mut moved = plain.clone();
        use rand::seq::SliceRandom as _;
        moved.shuffle(&mut StdRng::seed_from_u64(seed));
        let same = plain.iter().zip(&moved).all(|(one, other)| one.name == other.name);
        prop_assert_eq!(open(&archive_of(&moved)).is_ok(), same);
    }

    /// Whatever a store holds comes back as it was.
    #[test]
    fn records_read_back(
        pairs in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 1..40),
            (proptest::collection::vec(any::<u8>(), 0..200), 1..1000_i64, 0..1000_i64, 0..100_i64, any::<i64>()),
            0..40,
        )
    ) {
        let mut writer = ArchiveWriter::begin(Vec::new(), header(), &Recipients::NONE).unwrap();
        let mut last = 0;
        for (key, (value, created, more, version, lease)) in &pairs {
            let modified = created + more;
            last = last.max(modified);
            let record = Record { key, value, created: *created, modified, version: *version, lease: *lease };
            writer.record(record).unwrap();
        }
        let mut told = contents(!pairs.is_empty());
        told.store.revision = last;
        let bytes = writer.finish(told).unwrap().sink;
        let (_, kept) = open(&bytes).unwrap();
        let back: Vec<_> = kept.records.into_iter().map(|(key, value, numbers)| (key, (value, numbers))).collect();
        let sent: Vec<_> = pairs
            .into_iter()
            .map(|(key, (value, created, more, version, lease))| {
                (key, (value, [created, created + more, version, lease]))
            })
            .collect();
        prop_assert_eq!(back, sent);
    }
}
