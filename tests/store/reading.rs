//! What is read of a store: members, how they are, pages of keys at one revision, and etcd's own snapshot.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use v9s::store::{Engine, Kind, Range, StoreError, of_addresses};
use v9s_testkit::real::stores::{Kine, put};
use v9s_testkit::wait::until;

use crate::seat::{Seat, stores};

stores! {
    async fn members_tell_how_they_are_and_the_one_that_is_gone_is_named() -> Result<()> {
        let seat = Seat::take(3, Some(64 << 20)).await?;
        let members = seat.store.members().await?;
        let mut names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["member-0", "member-1", "member-2"]);
        for seen in seat.store.status().await {
            let status = seen.status?;
            assert!(members.iter().any(|member| member.id == status.id), "{status:?}");
            assert!(status.size > 0 && status.in_use.is_some_and(|used| used <= status.size), "{status:?}");
            assert_eq!(status.quota, Some(64 << 20), "{status:?}");
            assert!(!status.learner && status.errors.is_empty(), "{status:?}");
        }
        let metrics = seat.store.metrics(&seat.addresses[0]).await?.context("there are none")?;
        assert!(metrics.contains("etcd_disk_wal_fsync_duration_seconds_bucket"), "{metrics}");

        seat.kill(1).await?;
        let seen = seat.store.status().await;
        let gone = seen[1].status.as_ref().unwrap_err();
        assert!(gone.to_string().contains(&seat.addresses[1]), "{gone}");
        assert!(matches!(gone, StoreError::Unanswered { .. }), "{gone}");
        assert!(seen[0].status.is_ok() && seen[2].status.is_ok(), "{seen:?}");
        assert_eq!(seat.store.members().await?.len(), 3, "two of three still know");
        Ok(())
    }

    async fn pages_are_of_one_revision_whatever_is_written_meanwhile() -> Result<()> {
        let seat = Seat::take(1, None).await?;
        for at in 0..25 {
            seat.put(&format!("/registry/{at:02}"), b"before").await?;
        }
        seat.put("elsewhere", b"no key of a virtual cluster").await?;
        let mut range = Some(Range::all(10));
        let mut keys = Vec::new();
        let mut pages = 0;
        let mut revision = 0;
        while let Some(asked) = range {
            let page = seat.store.range(&asked).await?;
            assert!(revision == 0 || page.revision == revision, "{revision} {}", page.revision);
            revision = page.revision;
            pages += 1;
            seat.put("/registry/07", b"after").await?;
            seat.put(&format!("/registry/{}", 90 + pages), b"after").await?;
            range = asked.after(&page);
            keys.extend(page.keys);
        }
        assert_eq!((pages, keys.len()), (3, 25));
        assert!(keys.iter().all(|key| key.value == "before".as_bytes() && key.mod_revision <= revision));

        let now = seat.store.revision().await?;
        seat.store.compact(now).await?;
        let old = seat.store.range(&Range::all(10).at(revision)).await.unwrap_err();
        assert!(matches!(old, StoreError::Compacted { revision: named, .. } if named == revision), "{old}");
        Ok(())
    }

    async fn a_snapshot_is_the_file_that_etcd_starts_from() -> Result<()> {
        let seat = Seat::take(1, None).await?;
        let value = vec![7; 200_000];
        for at in 0..20 {
            seat.put(&format!("/registry/{at:02}"), &value).await?;
        }
        let mut snapshot = seat.store.snapshot().await?;
        let mut file = tempfile::NamedTempFile::new()?;
        let mut length = 0;
        while let Some(piece) = snapshot.next().await? {
            length += piece.len();
            file.write_all(&piece)?;
        }
        assert!(length > 20 * value.len(), "{length}");
        assert!(snapshot.next().await?.is_none(), "it stays at its end");
        // The pages of the database and the digest of them: a bolt file tells what it is in its first page.
        let bytes = std::fs::read(file.path())?;
        assert_eq!(bytes[16..20], 0xED0C_DAED_u32.to_le_bytes());
        assert_eq!((bytes.len() - 32) % 4096, 0);
        Ok(())
    }

    async fn a_snapshot_that_is_cut_is_not_taken_for_a_whole_one() -> Result<()> {
        let seat = Seat::take(1, None).await?;
        let value = vec![7; 1_000_000];
        for at in 0..40 {
            seat.put(&format!("/registry/{at:02}"), &value).await?;
        }
        let mut snapshot = seat.store.snapshot().await?;
        snapshot.next().await?.context("it is empty")?;
        seat.kill(0).await?;
        let error = loop {
            match snapshot.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it was taken for whole"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Unanswered { .. } | StoreError::Damaged { .. }), "{error}");
        Ok(())
    }

    async fn kine_gives_pages_and_a_size_and_says_what_it_cannot() -> Result<()> {
        let kine = tokio::task::spawn_blocking(Kine::start).await??;
        let store = of_addresses("team-a/shop", Kind::EmbeddedDatabase, &[kine.address()], None);
        assert_eq!(store.engine(), Engine::Kine);
        let status = until("its status", || async { store.status().await.into_iter().next()?.status.ok() }).await?;
        assert!(status.size > 0 && status.in_use.is_none() && status.quota.is_none(), "{status:?}");
        let page = store.range(&Range::all(10)).await?;
        assert!(page.revision > 0, "{page:?}");
        let refused = store.snapshot().await.unwrap_err();
        assert!(matches!(refused, StoreError::Unable { .. }), "{refused}");
        assert!(store.defragment(&kine.address()).await.is_err());
        assert!(store.alarms().await?.is_empty());
        assert_eq!(store.members().await?.len(), 1);
        assert_eq!(store.metrics(&kine.address()).await?, None);
        assert!(put(&kine.address(), "/registry/x", b"").await.is_err(), "kine has no gateway");
        Ok(())
    }
}
