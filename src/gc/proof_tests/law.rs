//! Whatever is said and however: with the origin there by UID nothing is ever an orphan.

use proptest::prelude::*;

use super::*;

fn standing() -> impl Strategy<Value = Option<Standing>> {
    prop::sample::select(vec![
        None,
        runs(),
        Some(Standing::Runs { store: None }),
        Some(Standing::Going),
        Some(Standing::Half("the Service".into())),
        Some(Standing::Rests(Rest::Restoring)),
        Some(Standing::Rests(Rest::Paused(None))),
    ])
}

proptest! {
    #[test]
    fn nothing_whose_origin_is_there_is_an_orphan(
        standing in standing().prop_filter("a vcluster that is not there has no origins", Option::is_some),
        drop in prop::collection::vec(prop::sample::select(vec!["object-name", "object-namespace", "object-uid",
            "object-kind", "object-host-name", "object-host-namespace"]), 0..4),
        renamed in any::<bool>(), bears in any::<bool>(), after in -700i64..700, store in 0usize..3, minutes in -600i64..600,
    ) {
        let mut object = pod();
        for key in drop {
            object = without(object, "/metadata/annotations", &format!("vcluster.loft.sh/{key}"));
        }
        if renamed {
            object = change(object, "/metadata/name", json!("renamed"));
        }
        object = change(object, "/metadata/creationTimestamp", json!((now() - TimeDelta::minutes(minutes)).to_rfc3339()));
        let store = match store {
            0 => Store::Known,
            1 => Store::Witnessed(2),
            _ => Store::Replaced { remembered: "k".into(), found: "x".into() },
        };
        let said = Said { after, store, twin: Some(("v1", "2026-11-21T08:00:00Z")), bears };
        let verdict = judge(&Resource::PODS, object, &world(standing), Ok(said));
        prop_assert!(!matches!(verdict, Verdict::Orphan { .. }), "{verdict:?}");
    }
}
