//! A real storage that speaks S3: what is there is whole, and what goes wrong is told.

use std::fs;

use anyhow::{Result, ensure};
use bytes::Bytes;
use v9s::backup::archive::Identities;
use v9s::backup::destination::{Destination, DestinationError, Place};
use v9s::backup::set::{Beside, Keep, browse, prune, verify};
use v9s::store::{Kind, of_addresses};
use v9s_testkit::real::stores::{Etcd, put};

use crate::seat::{backups, bucket, credentials, request, source, storage, take};

/// Larger than what goes in one request.
const LARGE: usize = 20 << 20;

fn pieces() -> Vec<Bytes> {
    (0..LARGE / (1 << 20)).map(|at| Bytes::from(vec![u8::try_from(at % 251).unwrap(); 1 << 20])).collect()
}

backups! {
    async fn an_object_appears_when_it_is_whole_and_reads_back() -> Result<()> {
        let storage = storage().await?;
        let at = bucket(&storage, "fleet/eu/prod")?;
        assert_eq!(at.list().await?, []);
        let mut upload = at.begin("large.age").await?;
        for piece in pieces() {
            upload.write(piece).await?;
        }
        assert_eq!(at.list().await?, [], "what is not complete is not there");
        ensure!(matches!(at.read("large.age").await.map(drop), Err(DestinationError::NotThere(_))));
        upload.commit().await?;
        at.put("small", Bytes::from_static(b"x")).await?;
        let listed: Vec<_> = at.list().await?.into_iter().map(|stored| (stored.name, stored.length)).collect();
        assert_eq!(listed, [("large.age".into(), LARGE as u64), ("small".into(), 1)]);
        ensure!(at.get("large.age", LARGE).await? == pieces().concat());
        // The names are those that others see, too.
        assert_eq!(fs::metadata(storage.bucket("fleet").join("eu/prod/large.age"))?.len(), LARGE as u64);
        ensure!(matches!(at.put("small", Bytes::new()).await, Err(DestinationError::There(_))));
        at.remove("large.age").await?;
        at.remove("large.age").await?;
        assert_eq!(at.list().await?.len(), 1);
        Ok(())
    }

    async fn what_is_given_up_or_cut_off_is_never_there() -> Result<()> {
        let mut storage = storage().await?;
        let at = bucket(&storage, "fleet")?;
        let mut upload = at.begin("given-up").await?;
        for piece in pieces() {
            upload.write(piece).await?;
        }
        upload.abort().await;
        let mut upload = at.begin("cut-off").await?;
        for piece in pieces() {
            upload.write(piece).await?;
        }
        let mut storage = tokio::task::spawn_blocking(move || {
            storage.kill();
            storage
        })
        .await?;
        // Nobody waits for the patience of a client towards a storage that is gone for good: it comes back without the upload's end.
        drop(upload);
        let storage = tokio::task::spawn_blocking(move || storage.revive().map(|()| storage)).await??;
        assert_eq!(at.list().await?, []);
        drop(storage);
        Ok(())
    }

    async fn wrong_words_and_missing_buckets_are_told_with_what_to_do() -> Result<()> {
        let storage = storage().await?;
        let place = Place::parse(&format!("s3://fleet/x?url={}", storage.url()))?;
        let stranger = Destination::open(place, &credentials("another word"))?;
        for error in [stranger.list().await.map(drop).unwrap_err(), stranger.begin("a").await.map(drop).unwrap_err()] {
            let told = error.to_string();
            ensure!(told.contains("s3://fleet/x") && told.contains("credentials"), "{told}");
            ensure!(!told.contains("another word"), "{told}");
        }
        let nowhere = bucket(&storage, "nothing/x")?;
        let told = nowhere.put("a", Bytes::from_static(b"x")).await.unwrap_err().to_string();
        ensure!(told.contains("s3://nothing/x/a") && told.contains("bucket"), "{told}");
        Ok(())
    }

    async fn a_backup_goes_to_a_bucket_is_found_there_verified_and_pruned() -> Result<()> {
        let (storage, etcd) = (storage().await?, tokio::task::spawn_blocking(|| Etcd::start(1, None)).await??);
        for at in 0..12 {
            // Does not pack well, so that the upload has several parts.
            let value: Vec<u8> = (0..1_000_000_u32).map(|byte| (byte.wrapping_mul(2_654_435_761 + at * 77) >> 13) as u8).collect();
            put(&etcd.addresses()[0], &format!("/registry/secrets/team/s{at}"), &value).await?;
        }
        let store = of_addresses("team-a/shop", Kind::DeployedEtcd, &etcd.addresses(), None);
        let at = bucket(&storage, "fleet/backups")?;
        let first = take(&source(store.clone()), &request(&at)).await?;
        let second = take(&source(store), &request(&at)).await?;
        ensure!(first.at.starts_with("s3://fleet/backups/team-a.shop."), "{}", first.at);
        let verified = verify(&at, &second.card.file, &Identities::default(), None).await?;
        assert_eq!((verified.card, verified.length), (Beside::Fits, second.card.length));
        assert_eq!(browse(&at).await?.good().count(), 2);
        let gone = prune(&at, Keep { last: Some(1), within: None }, chrono::Utc::now(), false).await?;
        assert_eq!(gone.iter().map(|card| &card.file).collect::<Vec<_>>(), [&first.card.file]);
        let left = browse(&at).await?;
        ensure!(left.good().map(|card| &card.file).eq([&second.card.file]) && left.bereft.is_empty(), "{left:?}");
        Ok(())
    }
}
