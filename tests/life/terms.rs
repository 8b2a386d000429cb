//! How long virtual clusters are to live, from being made to being reaped, on both hosts.

use anyhow::Result;
use serde_json::Value;
use v9s_testkit::both_hosts;

use crate::faults::Room;

fn document(told: &str) -> Value {
    serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

both_hosts! {
    #![needs(controllers)]

    async fn who_is_over_is_reaped_and_who_was_given_time_is_not(host: Host) -> Result<()> {
        let over = Room::make(&host, "over").await?;
        let kept = Room::make(&host, "kept").await?;
        let guarded = Room::make(&host, "guarded").await?;
        for room in [&over, &kept, &guarded] {
            room.v9s(&["extend", "NAME", "--ttl", "1s", "--owner", "jane"]).await?;
        }
        guarded.v9s(&["protect", "NAME"]).await?;
        tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
        kept.v9s(&["extend", "NAME", "--ttl", "3h"]).await?;

        let (_, listed) = over.said(&["list", "-o", "json"]).await?;
        let item = &document(&listed)["items"][0];
        assert_eq!(item["owner"], "jane", "{item}");
        assert!(item["expiresAt"].as_str().is_some_and(|time| time.ends_with('Z')), "{item}");
        let (_, soon) = over.said(&["list", "-o", "name", "--expiring", "24h"]).await?;
        assert_eq!(soon, format!("{}/shop\n", over.namespace));
        let (_, none) = kept.said(&["list", "-o", "name", "--expiring", "2h"]).await?;
        assert_eq!(none, "");

        let (code, unasked) = over.said(&["reap"]).await?;
        assert_eq!((code, unasked.as_str()), (Some(1), ""), "nobody can be asked");
        let (code, plan) = over.said(&["reap", "--dry-run", "-o", "json"]).await?;
        let plan = document(&plan);
        assert_eq!((code, &plan["items"][0]["outcome"]), (Some(0), &"planned".into()), "{plan}");
        let (code, done) = over.said(&["reap", "--yes", "-o", "json"]).await?;
        let done = document(&done);
        assert_eq!((code, &done["items"][0]["outcome"]), (Some(0), &"done".into()), "{done}");
        let (code, spared) = kept.said(&["reap", "--yes", "-o", "json"]).await?;
        let spared = document(&spared);
        assert_eq!((code, &spared["left"], &spared["items"]), (Some(0), &1.into(), &Value::Array(vec![])), "{spared}");
        let (code, refused) = guarded.said(&["reap", "--yes", "-o", "json"]).await?;
        let refused = document(&refused);
        assert_eq!((code, &refused["items"][0]["outcome"]), (Some(3), &"refused".into()), "{refused}");

        let (_, gone) = over.said(&["list", "-o", "name"]).await?;
        let (_, there) = kept.said(&["list", "-o", "name"]).await?;
        assert_eq!((gone.as_str(), there), ("", format!("{}/shop\n", kept.namespace)));
        Ok(())
    }
}
