//! Names that the server makes up.

use crate::hook::Hook;
use crate::hosts::{Host, both, name, post};
use crate::webhooks::{VALIDATING, configure, in_force, webhook};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A webhook that takes the name of an object labelled `wanted` just before it is created, as often as `left` says.
/// That is the only moment at which somebody else knows a name that the server has drawn.
async fn taker(host: &Host, maps: &str, left: &Arc<AtomicUsize>) -> Result<Hook> {
    let (client, maps, left) = (host.client(), maps.to_owned(), Arc::clone(left));
    Hook::acting(move |request| {
        let name = request["object"]["metadata"]["name"].clone();
        let wanted = request["object"]["metadata"]["labels"]["wanted"] == "yes" && request["dryRun"] == false;
        let takes = wanted && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let (client, maps) = (client.clone(), maps.clone());
        async move {
            if takes {
                let taken = post(&client, &maps, &json!({"metadata": {"name": name}})).await;
                if !taken.is_ok_and(|answer| answer.code == 201) {
                    return json!({"allowed": false, "status": {"message": format!("{name} could not be taken")}});
                }
            }
            json!({"allowed": true})
        }
    })
    .await
}

/// The different names under which the webhook was shown objects labelled `wanted`.
fn drawn(hook: &Hook) -> BTreeSet<String> {
    let wanted = |request: &&Value| request["object"]["metadata"]["labels"]["wanted"] == "yes";
    hook.all().iter().filter(wanted).map(|request| name(&request["object"])).collect()
}

both! {
    async fn names_are_generated_from_a_base(host: Host) -> Result<()> {
        let maps = host.config_maps("generate").await?;
        let long = "x".repeat(70);
        let created = host.post(&maps, &json!({"metadata": {"generateName": long}})).await?.expect_code(201)?;
        assert_eq!(name(&created).len(), 63);
        assert_eq!(created["metadata"]["generateName"], long);
        let suffix = &name(&created)[58..];
        assert!(suffix.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b)), "{suffix}");
        let both = host.post(&maps, &json!({"metadata": {"generateName": "g-", "name": "n"}})).await?.expect_code(201)?;
        assert_eq!(name(&both), "n");
        Ok(())
    }

    async fn a_name_that_is_taken_is_drawn_anew_eight_times(host: Host) -> Result<()> {
        let maps = host.config_maps("eight").await?;
        let namespace = maps.split('/').nth(4).unwrap();
        let left = Arc::new(AtomicUsize::new(100));
        let hook = taker(&host, &maps, &left).await?;
        configure(&host, VALIDATING, "taker", &[webhook("taker.example.org", namespace, &hook.client())]).await?;
        in_force(&host, &maps, &hook).await?;
        let wanted = json!({"metadata": {"generateName": "g-", "labels": {"wanted": "yes"}}});
        let refused = host.post(&maps, &wanted).await?.expect_code(409)?;
        let tried = drawn(&hook);
        assert_eq!((tried.len(), left.load(Ordering::SeqCst)), (8, 92), "{tried:?}");
        assert_eq!((&refused["reason"], &refused["details"]["retryAfterSeconds"]), (&json!("AlreadyExists"), &json!(1)));
        let last = refused["details"]["name"].as_str().unwrap_or_default().to_owned();
        assert!(tried.contains(&last), "{last} of {tried:?}");
        assert_eq!(refused["message"], format!("configmaps {last:?} already exists, the server was not able to generate a unique name for the object"));
        // With the fourth draw nobody is faster any more.
        left.store(3, Ordering::SeqCst);
        let made = host.post(&maps, &wanted).await?.expect_code(201)?;
        let fresh: Vec<String> = drawn(&hook).difference(&tried).cloned().collect();
        assert_eq!(fresh.len(), 4, "{fresh:?}");
        assert!(fresh.contains(&name(&made)), "{made}");
        Ok(())
    }
}
