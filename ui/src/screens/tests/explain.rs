use v9s::explain::{Answer, Cause, Evidence, Fix, Sure, Verdict};

use super::detail::{asked_for, stage_with};
use super::stage::Stage;
use crate::app::reads::{Puzzle, Read, Reply, Ticket};
use crate::app::{Cmd, Msg};
use crate::config::Config;
use crate::fixture;

fn verdict() -> Verdict {
    let now = fixture::now();
    let cause = Cause {
        code: "insufficient-cpu",
        sure: Sure::Certain,
        because: "no node has enough cpu free: it asks for 500m (2 of 3 nodes; also 1 node(s) were unschedulable)".into(),
        evidence: vec![Evidence {
            at: Some(now - chrono::TimeDelta::seconds(90)),
            source: "condition PodScheduled=False".into(),
            says: "Unschedulable: 0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.".into(),
        }],
        fixes: vec![
            Fix { what: "lower its request of cpu, or add a node with room".into(), risk: None },
            Fix { what: "end pods that are not needed, or that ask for much more than they use".into(), risk: None },
        ],
        weight: 2,
    };
    Verdict {
        subject: "shop/web-1".into(),
        state: "Pending".into(),
        code: cause.code,
        sentence: format!("shop/web-1 is Pending because {}; {}.", cause.because, cause.fixes[0].what),
        answer: Answer::Because(cause),
        also: Vec::new(),
        unread: vec!["the virtual cluster: no answer within 10 s".into()],
        at: now,
    }
}

fn asked(stage: &Stage) -> (Ticket, Puzzle) {
    let mut puzzle = None;
    let ticket = asked_for(stage, |read| matches!(read, Read::Explain(_)));
    for cmd in &stage.cmds {
        if let Cmd::Read(its, Read::Explain(of)) = cmd
            && *its == ticket
        {
            puzzle = Some(of.clone());
        }
    }
    (ticket, puzzle.expect("it was asked for"))
}

#[test]
fn a_pod_is_explained_where_it_is_listed() {
    let mut stage = stage_with(Config::default());
    stage.keys("enter tab e");
    let (ticket, puzzle) = asked(&stage);
    assert!(matches!(&puzzle, Puzzle::Pod { pod, .. } if pod == "web-1-x-shop-x-team-alpha"), "{puzzle:?}");
    assert!(stage.text().contains("reading the host"), "{}", stage.text());
    stage.tell(Msg::Reply(ticket, Reply::Explained(Ok(Box::new(verdict())))));
    insta::assert_snapshot!("explained_80", stage.text_at(80, 24));
    insta::assert_snapshot!("explained_200", stage.text_at(200, 50));
    stage.keys("c");
    let copied = |cmd: &Cmd| matches!(cmd, Cmd::Copy { text, .. } if text.contains("2 Insufficient cpu"));
    assert!(stage.cmds.iter().any(copied));
    stage.keys("ctrl-r");
    assert_ne!(asked(&stage).0, ticket, "it is read anew");
    stage.keys("esc");
    assert_eq!(stage.state.top().place(), "pods");
}

#[test]
fn a_row_of_the_fleet_means_its_control_plane() {
    let mut stage = stage_with(Config::default());
    stage.keys("e");
    let (ticket, puzzle) = asked(&stage);
    assert!(matches!(&puzzle, Puzzle::ControlPlane(key) if key.name == "team-alpha"), "{puzzle:?}");
    stage.tell(Msg::Reply(ticket, Reply::Explained(Err("cannot read: forbidden".into()))));
    assert!(stage.text().contains("cannot read: forbidden"), "{}", stage.text());
}
