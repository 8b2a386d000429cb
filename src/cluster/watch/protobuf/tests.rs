use serde::Deserialize;

use super::reader::Reader;
use super::*;
use crate::cluster::watch::Text;

/// Writes fields; the shape is that of protobuf, so that nothing of the reader is needed.
#[derive(Default, Clone)]
struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value.cast_unsigned());
        self
    }

    fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.as_ref().len() as u64);
        self.0.extend_from_slice(value.as_ref());
        self
    }

    fn message(self, field: u64, value: Writer) -> Self {
        self.bytes(field, value.0)
    }
}

fn new() -> Writer {
    Writer::default()
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Thing<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    count: i64,
    signal: Option<i64>,
    started: Option<bool>,
    #[serde(borrow)]
    made_at: Option<Text<'a>>,
    parts: Option<Vec<Thing<'a>>>,
    #[serde(borrow)]
    labels: Labels<'a>,
}

#[derive(Deserialize, Debug, PartialEq, Default)]
struct Labels<'a> {
    #[serde(borrow)]
    app: Option<Text<'a>>,
    #[serde(borrow)]
    empty: Option<Text<'a>>,
    #[serde(borrow)]
    missing: Option<Text<'a>>,
}

static THING: &[Field] = &[
    Field::new(1, "name", Of::Text),
    Field::new(2, "count", Of::Integer),
    Field::new(3, "signal", Of::Integer),
    Field::new(4, "started", Of::OptionalTruth),
    Field::new(5, "madeAt", Of::Time),
    Field::new(6, "parts", Of::List(PART)),
    Field::new(7, "labels", Of::TextMap),
];

static PART: &[Field] = &[Field::new(1, "name", Of::Text), Field::new(2, "count", Of::Integer)];

fn read(message: &Writer) -> Result<Thing<'_>, serde::de::value::Error> {
    Thing::deserialize(Value::Message(THING, &message.0))
}

#[test]
fn a_message_is_read_as_its_json_would_be() {
    let entry = |key: &str, value: &str| new().bytes(1, key).bytes(2, value);
    let message = new()
        .bytes(1, "web")
        .number(2, -7)
        .bytes(99, "a field of a newer server")
        .number(4, 0)
        .message(5, new().number(1, 1_795_175_171).number(2, 999))
        .message(6, new().bytes(1, "a"))
        .message(6, new().bytes(1, "b"))
        .message(7, entry("app", "shop"))
        .message(7, entry("empty", ""))
        .message(7, entry("other", "of no interest"));
    let json = r#"{"name": "web", "count": -7, "started": false, "madeAt": "2026-11-20T11:46:11Z",
        "parts": [{"name": "a"}, {"name": "b"}], "labels": {"app": "shop", "empty": "", "other": "of no interest"}}"#;
    assert_eq!(read(&message).unwrap(), serde_json::from_str(json).unwrap());
}

#[test]
fn zero_and_empty_are_not_there_unless_they_say_something() {
    let message = new().bytes(1, "").number(2, 0).number(3, 0).number(4, 0).bytes(5, "");
    assert_eq!(read(&message).unwrap(), Thing { started: Some(false), ..Thing::default() });
}

#[test]
fn what_is_no_message_is_refused_and_never_a_panic() {
    let whole = new().bytes(1, "web").message(6, new().bytes(1, "part").number(2, 300)).number(2, 1);
    for cut in 1..whole.0.len() {
        let _ = read(&Writer(whole.0[..cut].to_vec()));
    }
    assert!(read(&Writer(vec![0x0a, 0x05, b'x'])).is_err(), "a text that ends too soon");
    assert!(read(&Writer(vec![0xff; 12])).is_err(), "a number without end");
    assert!(read(&Writer(vec![0x0b])).is_err(), "a wire type that is not used");
    assert!(read(&new().number(1, 3)).is_err(), "a number where text should be");
    assert!(read(&new().bytes(1, [0xff, 0xfe])).is_err(), "text that is no text");
}

#[test]
fn the_head_of_a_list_is_known_before_its_items_have_come() {
    let meta = new().bytes(2, "4711").bytes(3, "token");
    let list = new().message(1, meta).message(2, new().bytes(1, "x".repeat(300)));
    let mut bytes = MAGIC.to_vec();
    bytes.extend(new().message(1, new().bytes(1, "v1").bytes(2, "PodList")).message(2, list).0);
    let head = ListHead { revision: "4711".into(), next: Some("token".into()) };
    assert_eq!(early_head(&bytes[..60]), Some(head.clone()));
    assert_eq!(early_head(&bytes), Some(head));
    assert_eq!(early_head(&bytes[..12]), None);
    assert_eq!(early_head(b"{\"kind\""), None);
}

#[test]
fn a_run_ends_where_another_field_begins() {
    let message = new().bytes(6, "a").bytes(6, "b").bytes(1, "c").bytes(6, "d");
    let mut reader = Reader::new(&message.0);
    assert_eq!(reader.run(6), Ok(&message.0[..6]));
    assert_eq!(reader.field(), Ok(Some((1, Wire::Bytes(b"c")))));
}
