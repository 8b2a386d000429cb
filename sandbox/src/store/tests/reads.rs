//! Lists and cursors: one moment, one order, and how far the past reaches.

use super::*;
use proptest::prelude::*;

#[test]
fn the_pages_of_a_list_show_one_moment() {
    let store = store(100);
    for name in ["a", "b", "c", "d"] {
        config_map(&store, name, &json!({}));
    }
    let mut query = ListQuery { namespace: Some("n".into()), limit: 2, ..ListQuery::default() };
    let first = store.list(&CONFIG_MAPS, &query).unwrap();
    assert_eq!((first.items.len(), first.remaining), (2, Some(2)));
    delete(&store, &CONFIG_MAPS, "c", &DeleteOptions::default()).unwrap();
    touch(&store, "d", "later");
    config_map(&store, "e", &json!({}));
    query.after = first.next;
    query.revision = Some(first.revision);
    let second = store.list(&CONFIG_MAPS, &query).unwrap();
    let names: Vec<&str> = second.items.iter().map(|o| o.name()).collect();
    assert_eq!((names.as_slice(), second.revision, second.next), (&["c", "d"][..], first.revision, None));
    assert!(second.items[1].value().get("data").is_none());
    store.compact();
    assert_eq!(store.list(&CONFIG_MAPS, &query).unwrap_err().reason, "Expired");
    query.revision = Some(store.revision() + 1);
    assert_eq!(store.list(&CONFIG_MAPS, &query).unwrap_err().code, 504);
}

#[test]
fn keys_sort_as_bytes_of_namespace_slash_name() {
    let store = store(100);
    for namespace in ["a", "a-b"] {
        let object = json!({"metadata": {"name": namespace}});
        store.create(&NAMESPACES, None, object, &options()).unwrap();
        let object = json!({"metadata": {"name": "x"}});
        store.create(&CONFIG_MAPS, Some(namespace), object, &options()).unwrap();
    }
    let order: Vec<String> = store.all(&CONFIG_MAPS, None).iter().map(|o| o.namespace().to_owned()).collect();
    assert_eq!(order, ["a-b", "a"], "'-' comes before '/'");
    assert_eq!(store.all(&CONFIG_MAPS, Some("a")).len(), 1);
}

#[test]
fn a_cursor_that_falls_off_the_log_is_told() {
    let store = store(3);
    config_map(&store, "a", &json!({}));
    let mut slow = store.cursor(&CONFIG_MAPS, 0);
    let mut quick = store.cursor(&CONFIG_MAPS, 0);
    for n in 0..3 {
        touch(&store, "a", &n.to_string());
        quick.take().unwrap();
    }
    assert!(slow.take().is_err());
    store.compact();
    assert_eq!(quick.take().unwrap().len(), 0, "who has read everything misses nothing");
}

#[tokio::test]
async fn a_cursor_waits_for_the_next_write() {
    let store = store(100);
    let mut cursor = store.cursor(&CONFIG_MAPS, store.revision());
    let writer = store.clone();
    let (events, _) = tokio::join!(cursor.next(), async move { config_map(&writer, "a", &json!({})) });
    assert_eq!(events.unwrap()[0].object.name(), "a");
}

proptest! {
    /// Undoing the log gives back every earlier list exactly.
    #[test]
    fn the_past_can_be_listed(writes in proptest::collection::vec((0usize..6, 0u8..3), 1..40)) {
        let store = store(1000);
        let names = ["a", "b", "c", "d", "e", "f"];
        let snapshot = |revision| {
            let query = ListQuery { revision, ..ListQuery::default() };
            let page = store.list(&CONFIG_MAPS, &query).unwrap();
            page.items.iter().map(|o| (o.name().to_owned(), o.revision())).collect::<Vec<_>>()
        };
        let mut history = vec![(store.revision(), snapshot(None))];
        for (at, action) in writes {
            let name = names[at];
            let exists = store.find(&CONFIG_MAPS, Some("n"), name).is_some();
            match (exists, action) {
                (false, _) => { config_map(&store, name, &json!({})); }
                (true, 0) => { delete(&store, &CONFIG_MAPS, name, &DeleteOptions::default()).unwrap(); }
                (true, _) => { touch(&store, name, &store.revision().to_string()); }
            }
            history.push((store.revision(), snapshot(None)));
        }
        for (revision, expected) in history {
            prop_assert_eq!(snapshot(Some(revision)), expected);
        }
    }
}
