use super::*;
use crate::fleet::model::Workload;
use crate::fleet::table::tests::{now, workload};

fn main_with(image: Option<&str>, chart: Option<&str>) -> WorkloadRow {
    let mut row = workload(Workload::StatefulSet, App::ControlPlane, "team-a", "team-a");
    row.syncer_image = image.map(SmolStr::new);
    row.labels =
        Arc::new(chart.map(|chart| (SmolStr::new("chart"), SmolStr::new(chart))).into_iter().collect());
    row
}

fn facts<'a>(
    main: &'a WorkloadRow,
    parts: Vec<&'a WorkloadRow>,
    config: Known<Option<&'a ConfigRow>>,
) -> Facts<'a> {
    Facts {
        key: VclusterKey { host: "eu".into(), namespace: "team-a".into(), name: "team-a".into() },
        claims: vec![main],
        parts,
        namespace_deleted: false,
        config,
        control_pods: Known::Yes(vec![]),
        recent_restarts: 0,
        quota: Known::NotApplicable,
        policies: Known::Yes(Arc::new(Isolation::of("team-a", []))),
        told: Known::Yes(None),
        ahead: None,
        hears_until: now(),
        counts: Known::Yes(PodCounts::default()),
        pods: Arc::new([]),
        stale_since: None,
    }
}

#[test]
fn the_version_is_the_syncers_tag_else_the_charts() {
    let cases = [
        (Some("ghcr.io/loft-sh/vcluster-pro:0.30.0"), None, Known::Yes("0.30.0".into())),
        (
            Some("registry.corp:5000/vcluster:0.30.0@sha256:00ff"),
            Some("vcluster-0.29.0"),
            Known::Yes("0.30.0".into()),
        ),
        (
            Some("registry.corp:5000/vcluster@sha256:00ff"),
            Some("vcluster-0.29.0"),
            Known::Yes("0.29.0".into()),
        ),
        (
            Some("registry.corp:5000/vcluster@sha256:00ff"),
            None,
            Known::unknown("image `registry.corp:5000/vcluster@sha256:00ff` has no tag"),
        ),
        (None, Some("other-1.0"), Known::unknown("it has no container named `syncer`")),
    ];
    for (image, chart, expected) in cases {
        assert_eq!(version(&main_with(image, chart)), expected, "{image:?} {chart:?}");
    }
}

#[test]
fn without_a_configuration_only_an_own_etcd_tells_the_store() {
    let main = main_with(None, None);
    let etcd = workload(Workload::StatefulSet, App::Etcd, "team-a", "team-a-etcd");
    let none = Known::Yes(None);
    assert_eq!(
        store(&facts(&main, vec![], none.clone())),
        Known::unknown("there is no Secret vc-config-team-a")
    );
    assert_eq!(store(&facts(&main, vec![&etcd], none)), Known::Yes(Store::DeployedEtcd));
    let forbidden = Known::unknown("forbidden: needs list secrets in team-a");
    assert_eq!(store(&facts(&main, vec![&etcd], forbidden.clone())).why(), forbidden.why());
    let unreadable =
        ConfigRow { release: "team-a".into(), settings: None, sleep_type: None, sleeping_since: None };
    let unreadable = Known::Yes(Some(&unreadable));
    assert_eq!(
        store(&facts(&main, vec![&etcd], unreadable)),
        Known::unknown("its configuration cannot be read")
    );
}

#[test]
fn of_what_does_not_run_there_is_no_lag_and_of_what_runs_it_is_unknown() {
    let row = |main: &WorkloadRow| {
        let (row, _) = derive(facts(main, vec![], Known::Yes(None)), &Thresholds::default(), now()).unwrap();
        row
    };
    let mut main = main_with(None, None);
    assert!(matches!(row(&main).lag, Known::No(_)));
    main.paused = true;
    assert_eq!(row(&main).lag, Known::NotApplicable);
    assert!(!row(&main).unknown.contains_key("lag"));
}

#[test]
fn without_a_control_plane_there_is_no_row() {
    let main = main_with(None, None);
    let facts = Facts { claims: vec![], parts: vec![&main], ..facts(&main, vec![], Known::Yes(None)) };
    assert!(derive(facts, &Thresholds::default(), now()).is_none());
}
