use v9s::explain::{Also, Cause, Evidence, Fix};

use super::*;
use crate::theme::Theme;

fn verdict() -> Verdict {
    let at: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
    let cause = Cause {
        code: "quota-exceeded",
        sure: Sure::Certain,
        because: "the quota vc-team has no room".into(),
        evidence: vec![Evidence {
            at: Some(at - chrono::TimeDelta::seconds(60)),
            source: "virtual event SyncError (v9s-syncer)".into(),
            says: "pods \"web\" is forbidden: exceeded quota: vc-team, requested: requests.cpu=250m, used: requests.cpu=9900m, limited: requests.cpu=10".into(),
        }],
        fixes: vec![
            Fix { what: "raise the quota vc-team, or end pods that are not needed".into(), risk: None },
            Fix { what: "let it through by hand".into(), risk: Some("others go short") },
        ],
        weight: 0,
    };
    Verdict {
        subject: "shop/web".into(),
        state: "Pending".into(),
        code: cause.code,
        sentence: "shop/web is Pending because the quota vc-team has no room: requests.cpu 9900m of 10 used, this pod needs 250m; raise the quota vc-team, or end pods that are not needed.".into(),
        answer: Answer::Because(cause),
        also: vec![Also { code: "twin-missing", because: "it is not on the host".into() }],
        unread: vec!["nodes: forbidden".into()],
        at,
    }
}

#[test]
fn an_explanation_reads_from_the_sentence_to_what_is_not_known() {
    insta::assert_snapshot!(Explanation::text(&verdict()));
}

#[test]
fn it_fits_any_size() {
    let theme = Theme::default();
    let verdict = verdict();
    for (width, height) in [(1, 1), (20, 5), (80, 24), (200, 50)] {
        let area = Rect { x: 0, y: 0, width, height };
        let mut buf = Buffer::empty(area);
        let mut pane = Explanation::default();
        pane.go(Move::Bottom);
        pane.render(&verdict, area, &mut buf, &theme, verdict.at);
        for line in
            (Said { verdict: &verdict, symbols: theme.symbols(), now: verdict.at, width: usize::from(width) })
                .lines()
        {
            assert!(width < 40 || line.width() <= usize::from(width), "{:?}", line.text());
        }
    }
}
