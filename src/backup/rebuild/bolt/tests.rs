//! What was written is read by somebody who believes nothing: every page once, of the right sort, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use proptest::prelude::*;

use super::*;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// A file while it is looked through.
struct Reader<'a> {
    bytes: &'a [u8],
    seen: BTreeSet<u64>,
}

fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    bytes[at..at + size].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

impl Reader<'_> {
    /// A page with those that go on from it; each is there once.
    fn page(&mut self, at: u64) -> Vec<u8> {
        let from = usize::try_from(at).unwrap() * PAGE;
        let page = &self.bytes[from..];
        assert_eq!(number(page, 0, 8), at, "a page knows its number");
        let more = number(page, 12, 4);
        (at..=at + more).for_each(|page| assert!(self.seen.insert(page), "page {page} twice"));
        page[..PAGE * (usize::try_from(more).unwrap() + 1)].to_vec()
    }

    /// Entries below a page, in their order, and how deep they are.
    fn tree(&mut self, at: u64, depth: usize, found: &mut Entries) -> usize {
        let page = self.page(at);
        let count = usize::try_from(number(&page, 10, 2)).unwrap();
        assert!(count > 0, "no page of a tree is empty");
        let mut deep = BTreeSet::new();
        for element in 0..count {
            let here = 16 + 16 * element;
            let field = |at| usize::try_from(number(&page, here + at, 4)).unwrap();
            match number(&page, 8, 2) {
                1 => {
                    let key = &page[here + field(0)..][..field(4)];
                    let from = found.len();
                    deep.insert(self.tree(number(&page, here + 8, 8), depth + 1, found));
                    assert_eq!(found[from].0, key, "a branch has the first keys of what is below");
                }
                2 => {
                    let data = &page[here + field(4)..];
                    let (key, rest) = data.split_at(field(8));
                    found.push((key.to_vec(), rest[..field(12)].to_vec()));
                    deep.insert(depth);
                }
                other => panic!("page {at} is of sort {other}"),
            }
        }
        assert_eq!(deep.len(), 1, "all leaves are as deep");
        deep.into_iter().next().unwrap()
    }
}

/// The buckets of a file with their entries.
pub(in crate::backup::rebuild) fn read_back(bytes: &[u8]) -> BTreeMap<String, Entries> {
    assert_eq!(bytes.len() % PAGE, 0);
    let mut reader = Reader { bytes, seen: BTreeSet::new() };
    for at in 0..2 {
        let meta = reader.page(at);
        assert_eq!((number(&meta, 16, 4), number(&meta, 20, 4)), (0xED0C_DAED, 2));
        assert_eq!(number(&meta, 72, 8), fnv(&meta[16..72]), "the sum of page {at}");
        assert_eq!(number(&meta, 64, 8), at, "the transaction");
        assert_eq!(number(&meta, 56, 8) as usize, bytes.len() / PAGE, "pages");
    }
    let free = reader.page(2);
    assert_eq!((number(&free, 8, 2), number(&free, 10, 2)), (16, 0), "no page is free");
    let mut list = Entries::new();
    reader.tree(number(bytes, 32, 8), 0, &mut list);
    let mut buckets = BTreeMap::new();
    for (name, value) in list {
        let mut entries = Entries::new();
        match number(&value, 0, 8) {
            0 => assert_eq!(value[16..], [0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
            root => drop(reader.tree(root, 0, &mut entries)),
        }
        assert!(entries.is_sorted_by(|a, b| a.0 < b.0), "keys ascend");
        buckets.insert(String::from_utf8(name).unwrap(), entries);
    }
    assert_eq!(reader.seen.len(), bytes.len() / PAGE, "every page belongs to something");
    buckets
}

fn written(buckets: &[(&str, &Entries)]) -> Vec<u8> {
    let mut database = Database::begin(Cursor::new(Vec::new())).unwrap();
    let mut roots = Vec::new();
    for (name, entries) in buckets {
        let mut tree = Tree::new();
        entries.iter().for_each(|(key, value)| database.push(&mut tree, key, value).unwrap());
        roots.push((*name, database.end(tree).unwrap()));
    }
    database.finish(&roots).unwrap().into_inner()
}

#[test]
fn the_sum_is_the_one_of_its_authors() {
    // From the published vectors of FNV-1a.
    assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
    assert_eq!(fnv(b"a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
}

#[test]
fn many_entries_make_a_tree_of_several_levels() {
    let entries: Entries = (0_u64..50_000).map(|at| (at.to_be_bytes().to_vec(), vec![7; 50])).collect();
    let file = written(&[("key", &entries), ("lease", &Entries::new())]);
    let back = read_back(&file);
    assert_eq!(back["key"], entries);
    assert_eq!(back["lease"], []);
    // Pages are full: nothing is wasted on what will not be changed.
    assert!(file.len() < 50_000 * (16 + 8 + 50) * 11 / 10, "{}", file.len());
}

/// The last key of a bucket of a file with these bytes.
fn last(bytes: &[u8], bucket: &str) -> Option<Vec<u8>> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    last_key(&file, bucket)
}

#[test]
fn the_last_key_is_found_and_what_is_no_database_has_none() {
    let entries: Entries = (0_u64..50_000).map(|at| (at.to_be_bytes().to_vec(), vec![7; 50])).collect();
    let few = vec![(b"one".to_vec(), vec![7; 20_000])];
    let file = written(&[("auth", &Entries::new()), ("few", &few), ("key", &entries)]);
    assert_eq!(last(&file, "key"), Some(49_999_u64.to_be_bytes().to_vec()));
    assert_eq!(last(&file, "few"), Some(b"one".to_vec()));
    for bucket in ["auth", "a", "none", "z"] {
        assert_eq!(last(&file, bucket), None, "{bucket}");
    }
    // Whichever of the two beginnings was torn, the other counts.
    for torn in [40, PAGE + 40] {
        let mut file = file.clone();
        file[torn] ^= 1;
        assert!(last(&file, "key").is_some());
        file[(torn + PAGE) % (2 * PAGE)] ^= 1;
        assert_eq!(last(&file, "key"), None);
    }
    for cut in [0, 10, PAGE, 2 * PAGE, 3 * PAGE + 5] {
        assert_eq!(last(&file[..cut], "key"), None, "{cut}");
    }
}

#[test]
fn an_entry_that_does_not_belong_there_is_refused() {
    let mut database = Database::begin(Cursor::new(Vec::new())).unwrap();
    let mut tree = Tree::new();
    database.push(&mut tree, b"b", b"").unwrap();
    for key in ["b", "a", ""] {
        assert!(database.push(&mut tree, key.as_bytes(), b"").is_err(), "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_goes_in_comes_out(
        keys in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 1..600),
            prop_oneof![5 => 0_usize..300, 2 => 3_900_usize..4_200, 1 => 0_usize..40_000],
            0..200,
        ),
        few in 0_u8..3,
    ) {
        let keys: Entries = keys.into_iter().map(|(key, size)| (key, vec![0xA5; size])).collect();
        let few: Entries = (0..few).map(|at| (vec![at], vec![at])).collect();
        let file = written(&[("few", &few), ("key", &keys)]);
        let back = read_back(&file);
        prop_assert_eq!(&back["key"], &keys);
        prop_assert_eq!(last(&file, "key"), keys.last().map(|(key, _)| key.clone()));
        prop_assert_eq!(&back["few"], &few);
    }

    #[test]
    fn a_file_that_lies_is_read_to_an_end(at in 0_usize..6 * PAGE, bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
        let entries: Entries = (0_u64..300).map(|at| (at.to_be_bytes().to_vec(), vec![7; 50])).collect();
        let mut file = written(&[("key", &entries)]);
        let end = file.len().min(at + bytes.len());
        file.splice(at..end, bytes);
        // Whatever it is.
        let _ = last(&file, "key");
    }
}
