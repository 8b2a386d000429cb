use super::rules::fixed;
use crate::provision::values::{self, Settings};

fn settings(text: &str) -> Settings {
    values::read(text).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn what_may_not_change_is_told_with_its_setting() {
    const ETCD: &str = "controlPlane.backingStore.etcd.deploy.enabled";
    let of = |settings: &[&str]| {
        let layers: Vec<_> = settings.iter().map(|setting| values::single(setting).unwrap()).collect();
        self::settings(&values::layered(&layers).unwrap())
    };
    let members = "controlPlane.backingStore.etcd.deploy.statefulSet.highAvailability.replicas";
    for (before, after, expected) in [
        (vec![], vec![format!("{ETCD}=true")], "controlPlane.backingStore may not change: what is stored"),
        (vec![format!("{ETCD}=true")], vec![], "controlPlane.backingStore may not change"),
        (
            vec![format!("{ETCD}=true"), format!("{members}=1")],
            vec![format!("{ETCD}=true"), format!("{members}=3")],
            "highAvailability.replicas may not change: members",
        ),
        (
            vec![],
            vec!["controlPlane.statefulSet.persistence.volumeClaim.size=9Gi".to_owned()],
            "controlPlane.statefulSet.persistence may not change: a StatefulSet keeps the claims",
        ),
        (
            vec![],
            vec!["networking.serviceCIDR=10.7.0.0/16".to_owned()],
            "networking.serviceCIDR may not change",
        ),
        (
            vec![],
            vec!["networking.advanced.clusterDomain=shop.test".to_owned()],
            "networking.advanced.clusterDomain may not change",
        ),
        (vec![], vec!["policies.resourceQuota.enabled=true".to_owned()], ""),
        (
            vec![],
            vec!["controlPlane.statefulSet.persistence.volumeClaim.retentionPolicy=Delete".to_owned()],
            "",
        ),
        (vec![], vec!["controlPlane.statefulSet.resources.requests.cpu=2".to_owned()], ""),
    ] {
        let both = |all: &[String]| of(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let refused = fixed(&both(&before), &both(&after));
        match expected {
            "" => assert_eq!(refused, Vec::<String>::new(), "{after:?}"),
            expected => {
                assert_eq!(refused.len(), 1, "{refused:?}");
                assert!(refused[0].contains(expected), "{refused:?}");
            }
        }
    }
}
