use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use smol_str::SmolStr;

use super::*;
use crate::backup::archive::{
    ArchiveWriter, By, Contents, Coverage, Header, Identities, Limits, Part, Recipients, Record, StoreFacts,
    Tenant, Volumes, Written, hex, read,
};
use crate::backup::destination::{Destination, Environment, Place};
use crate::lifecycle::{Decision, Refusal};

const HOUR: i64 = 3600;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn tenant(host: &str, name: &str) -> Tenant {
    Tenant { host: host.into(), namespace: "team".into(), name: name.into() }
}

fn contents() -> Contents {
    Contents {
        ended: now(),
        by: By { who: "ada".into(), program: "v9s".into() },
        store: StoreFacts { kind: "embedded-database".into(), version: None, revision: 9 },
        kubernetes: None,
        coverage: Coverage { state: true, config: true, keys: false, volumes: Volumes::default() },
    }
}

/// An archive and its card, taken so many hours ago.
fn taken(tenant: Tenant, hours: i64) -> (Vec<u8>, Card) {
    use sha2::Digest as _;
    let began = now() - TimeDelta::seconds(hours * HOUR);
    let name = archive_name(&tenant, began, false);
    let mut writer = ArchiveWriter::begin(Vec::new(), Header::new(tenant, began), &Recipients::NONE).unwrap();
    writer.document(Part::Config, b"sync: {}\n").unwrap();
    let record =
        Record { key: b"/registry/pods/a/b", value: b"pod", created: 1, modified: 9, version: 2, lease: 0 };
    writer.record(record).unwrap();
    let Written { sink, manifest } = writer.finish(contents()).unwrap();
    let sum = hex(&sha2::Sha256::digest(&sink));
    let card = Card::new(name, sink.len() as u64, sum, &Recipients::NONE, manifest);
    (sink, card)
}

fn cards(ages: &[(&str, &str, i64)]) -> Vec<Card> {
    ages.iter().map(|(host, name, hours)| taken(tenant(host, name), *hours).1).collect()
}

#[test]
fn rules_keep_what_one_of_them_keeps_and_always_the_newest() {
    let day = Some(Duration::from_secs(86_400));
    let shop = cards(&[("h", "shop", 1), ("h", "shop", 20), ("h", "shop", 30), ("h", "shop", 50)]);
    for (keep, gone) in [
        (Keep::default(), vec![]),
        (Keep { last: Some(2), within: None }, vec![2, 3]),
        (Keep { last: Some(9), within: None }, vec![]),
        (Keep { last: None, within: day }, vec![2, 3]),
        (Keep { last: Some(3), within: day }, vec![3]),
        (Keep { last: Some(1), within: day }, vec![2, 3]),
        (Keep { last: Some(0), within: None }, vec![1, 2, 3]),
        (Keep { last: Some(0), within: Some(Duration::from_secs(1)) }, vec![1, 2, 3]),
    ] {
        assert_eq!(to_remove(&shop, keep, now()), gone, "{keep:?}");
    }
    // The last good one of each stays, however old, and the same name on another host is another virtual cluster.
    let several = cards(&[("h", "shop", 900), ("h", "bank", 800), ("i", "shop", 700), ("h", "shop", 901)]);
    let strict = Keep { last: Some(0), within: Some(Duration::from_secs(60)) };
    assert_eq!(to_remove(&several, strict, now()), [3]);
    // A clock that is ahead.
    let ahead = cards(&[("h", "shop", -5), ("h", "shop", -4), ("h", "shop", 1)]);
    let rule = Keep { last: None, within: Some(Duration::from_secs(60)) };
    assert_eq!(to_remove(&ahead, rule, now()), [2]);
}

#[test]
fn names_of_archives_tell_whose_they_are_and_when_and_whether_they_are_sealed() {
    let shop = tenant("h", "shop");
    assert_eq!(archive_name(&shop, now(), false), "team.shop.20270115T080000000Z.tar.zst");
    let later = archive_name(&shop, now() + TimeDelta::milliseconds(7), true);
    assert_eq!(later, "team.shop.20270115T080000007Z.tar.zst.age");
    assert_eq!(card_name(&later), "team.shop.20270115T080000007Z.tar.zst.age.json");
}

#[test]
fn a_card_is_of_its_archive_and_tells_little_of_one_that_is_encrypted() {
    let (bytes, card) = taken(tenant("h", "shop"), 1);
    let text = serde_json::to_vec(&card).unwrap();
    assert_eq!(Card::parse(&card_name(&card.file), &text), Ok(card.clone()));
    assert!(matches!(Card::parse("other.tar.zst.json", &text), Err(CardError::Nonsense(..))));
    assert!(matches!(Card::parse("x", b"{"), Err(CardError::Nonsense(..))));
    card.fits(bytes.len() as u64, &card.sha256).unwrap();
    assert!(card.fits(bytes.len() as u64 - 1, &card.sha256).is_err());
    assert!(card.fits(bytes.len() as u64, "00").is_err());
    assert_eq!(card.counts.len(), 1);
    let key = age::x25519::Identity::generate().to_public().to_string();
    let to = Recipients::parse([key.as_str()]).unwrap();
    let manifest = crate::backup::archive::Manifest {
        header: card.header.clone(),
        contents: contents(),
        keys: 1,
        counts: card.counts.clone(),
        parts: Vec::new(),
    };
    let sealed = Card::new("a.tar.zst.age".into(), 1, "00".into(), &to, manifest);
    assert!(sealed.counts.is_empty());
    assert_eq!(sealed.recipients, [SmolStr::new(key)]);
}

#[test]
fn nobody_leaves_secrets_open_without_a_word() {
    let said = Protection::choose(Recipients::NONE, false).unwrap_err();
    assert!(said.contains("--recipient") && said.contains("--unencrypted"));
    assert!(!Protection::choose(Recipients::NONE, true).unwrap().is_sealed());
    let key = age::x25519::Identity::generate().to_public().to_string();
    assert!(Protection::choose(Recipients::parse([key.as_str()]).unwrap(), false).unwrap().is_sealed());
}

#[test]
fn what_rests_is_refused_with_what_to_do() {
    let of = |marks: &str, replicas: u32| {
        let object = serde_json::json!({
            "metadata": {
                "name": "shop", "namespace": "team", "uid": "u", "resourceVersion": "1",
                "labels": {"app": "vcluster", "release": "shop"},
                "annotations": serde_json::from_str::<serde_json::Value>(marks).unwrap(),
            },
            "spec": {"replicas": replicas},
        });
        let part = crate::target::part_of(crate::target::Kind::StatefulSet, object).unwrap();
        crate::target::Target {
            host: "eu".into(),
            namespace: "team".into(),
            name: "shop".into(),
            parts: vec![part],
            manager: crate::known::Known::NotApplicable,
            sleep_type: crate::known::Known::NotApplicable,
        }
    };
    let told = |target| match plan(&target, &Protection::Open, "/backups") {
        Decision::Refused(refusal @ Refusal::Rests { .. }) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(told(of(r#"{"loft.sh/paused": "true"}"#, 0)).contains("`v9s resume shop -n team`"));
    assert!(told(of("{}", 0)).contains("scaled to nothing"));
    let Decision::Do(plan) = plan(&of("{}", 1), &Protection::Open, "/backups") else { panic!("it runs") };
    assert!(plan.lines.iter().any(|line| line.contains("encrypt nothing")));
    assert!(plan.lines.iter().any(|line| line.contains("/backups")));
}

async fn folder(with: &[(Vec<u8>, Card)]) -> (tempfile::TempDir, Destination) {
    let temporary = tempfile::tempdir().unwrap();
    let at = Destination::open(Place::Folder(temporary.path().to_owned()), &Environment::default()).unwrap();
    for (bytes, card) in with {
        at.put(&card.file, bytes.clone().into()).await.unwrap();
        at.put(&card_name(&card.file), serde_json::to_vec(card).unwrap().into()).await.unwrap();
    }
    (temporary, at)
}

#[tokio::test]
async fn a_shelf_tells_good_backups_from_what_nobody_has_read_back() {
    let all = [taken(tenant("h", "shop"), 1), taken(tenant("h", "shop"), 2), taken(tenant("h", "bank"), 3)];
    let (temporary, at) = folder(&all).await;
    std::fs::write(temporary.path().join("notes.txt"), "mine").unwrap();
    std::fs::remove_file(temporary.path().join(card_name(&all[1].1.file))).unwrap();
    std::fs::write(temporary.path().join(&all[2].1.file), "cut").unwrap();
    std::fs::write(temporary.path().join("team.gone.20270115T080000000Z.tar.zst.json"), "{}").unwrap();
    let shelf = browse(&at).await.unwrap();
    assert_eq!(shelf.slots.len(), 3);
    assert_eq!(shelf.good().collect::<Vec<_>>(), [&all[0].1]);
    assert_eq!(shelf.bereft, ["team.gone.20270115T080000000Z.tar.zst.json"]);
}

#[tokio::test]
async fn pruning_takes_archives_with_their_cards_and_never_what_it_does_not_know() {
    let all = [taken(tenant("h", "shop"), 1), taken(tenant("h", "shop"), 2), taken(tenant("h", "shop"), 3)];
    let (temporary, at) = folder(&all).await;
    let other = temporary.path().join("team.shop.20200101T000000000Z.tar.zst");
    std::fs::write(&other, "of somebody").unwrap();
    let keep = Keep { last: Some(1), within: None };
    let would = prune(&at, keep, now(), true).await.unwrap();
    assert_eq!(would.len(), 2);
    assert_eq!(browse(&at).await.unwrap().good().count(), 3, "a dry run takes nothing away");
    let gone = prune(&at, keep, now(), false).await.unwrap();
    assert_eq!(gone, would);
    let left = browse(&at).await.unwrap();
    assert_eq!(left.good().collect::<Vec<_>>(), [&all[0].1]);
    assert!(other.exists() && left.bereft.is_empty());
    assert_eq!(prune(&at, keep, now(), false).await.unwrap(), []);
}

#[tokio::test]
async fn verifying_reads_every_byte_and_asks_the_card() {
    let (bytes, card) = taken(tenant("h", "shop"), 1);
    let (temporary, at) = folder(&[(bytes.clone(), card.clone())]).await;
    let nobody = Identities::default();
    let verified = verify(&at, &card.file, &nobody, Some(&tenant("elsewhere", "shop"))).await.unwrap();
    assert_eq!(
        (verified.length, &verified.sha256, &verified.card),
        (card.length, &card.sha256, &Beside::Fits)
    );
    let other = verify(&at, &card.file, &nobody, Some(&tenant("h", "bank"))).await.unwrap_err();
    assert!(other.to_string().contains("team/shop and not of team/bank"), "{other}");
    // Another archive, whole, under the same name.
    let (another, _) = taken(tenant("h", "shop"), 5);
    std::fs::write(temporary.path().join(&card.file), &another).unwrap();
    let swapped = verify(&at, &card.file, &nobody, None).await.unwrap_err();
    assert!(matches!(swapped, VerifyError::Card(CardError::Other { .. })), "{swapped}");
    std::fs::remove_file(temporary.path().join(card_name(&card.file))).unwrap();
    let verified = verify(&at, &card.file, &nobody, None).await.unwrap();
    assert_eq!(verified.card, Beside::Missing);
    std::fs::write(temporary.path().join(&card.file), &bytes[..bytes.len() - 1]).unwrap();
    let cut = verify(&at, &card.file, &nobody, None).await.unwrap_err();
    assert!(matches!(cut, VerifyError::Archive(_)), "{cut}");
    let gone = verify(&at, "team.shop.x.tar.zst", &nobody, None).await.unwrap_err();
    assert!(matches!(gone, VerifyError::Destination(_)), "{gone}");
    let same = read(bytes.as_slice(), &nobody, &Limits::default(), None, &mut ());
    assert!(same.is_ok());
}
