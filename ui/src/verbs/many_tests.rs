use v9s::operation::OperationState;

use super::*;

/// A verb that ends as it is told to, or waits to be stopped.
#[derive(Debug, Clone)]
struct Ends(Option<(Ended, &'static str)>);

impl Verb for Ends {
    fn title(&self) -> SmolStr {
        "a part".into()
    }

    fn steps(&self) -> Vec<SmolStr> {
        vec!["do it".into()]
    }

    fn begin(&self, _: &Hands) -> Begun {
        let wanted = self.0;
        let operation = Operation::<(), Trouble>::start("a part", self.steps(), move |progress| async move {
            let work = async {
                match wanted {
                    Some((Ended::Failed, why)) => Err(Trouble::Said(why.to_owned())),
                    Some(_) => Ok(()),
                    None => loop {
                        progress.waiting("the end of time");
                        progress.pause(LOOK).await?;
                    },
                }
            };
            progress.step(0, work).await
        });
        Begun::follow(operation, move |()| {
            let (ended, said) = wanted.unwrap_or((Ended::Done, "done"));
            Outcome::new(ended, said)
                .with("left", vec!["a volume".to_owned(); usize::from(ended == Ended::Partly)])
        })
    }
}

fn hands() -> Hands {
    use v9s::audit::AuditLog;
    use v9s::cluster::{ConnectOptions, KubeconfigSource};

    use crate::app::runner::{Open, source_at_hand};
    let source = source_at_hand(KubeconfigSource::Text("".into()));
    let clusters = Clusters::new(source, ConnectOptions::default(), AuditLog::at("/nonexistent/audit.jsonl"));
    Hands { clusters, open: Open::new(tokio::sync::mpsc::unbounded_channel().0) }
}

fn many(verbs: &[(&str, Option<(Ended, &'static str)>)]) -> Many {
    let verbs =
        verbs.iter().map(|(name, ends)| (SmolStr::from(*name), Arc::new(Ends(*ends)) as Arc<dyn Verb>));
    Many { title: "test".into(), verbs: verbs.collect(), at_once: 1 }
}

async fn ended(begun: Begun) -> (Outcome, OperationState) {
    let outcome = begun.outcome.await;
    let state = begun.states.borrow().as_ref().clone();
    (outcome, state)
}

fn key(host: &str, name: &str) -> VclusterKey {
    VclusterKey { host: host.into(), namespace: "team".into(), name: name.into() }
}

fn asks(facts: &[(&'static str, &str)]) -> Looked {
    Looked::Ask(Box::new(Plan {
        title: "x".to_owned(),
        facts: facts.iter().map(|(word, line)| (*word, vec![(*line).to_owned()])).collect(),
        ask: Ask::Name("x".to_owned()),
        verb: Arc::new(Ends(Some((Ended::Done, "done")))),
        leaves: false,
    }))
}

#[test]
fn a_plan_for_several_names_each_and_deleting_takes_their_number() {
    let found = vec![
        (
            key("h", "a"),
            Ok(asks(&[
                ("stops", "1 StatefulSet a"),
                ("DATA", "1 PersistentVolumeClaim data-a-0"),
                ("guard", "x"),
            ])),
        ),
        (key("h", "b"), Ok(Looked::Nothing("it is gone already".to_owned()))),
        (key("h", "c"), Ok(Looked::Refused { why: "it is protected".to_owned(), instead: Vec::new() })),
        (key("h", "d"), Err("the host does not answer".to_owned())),
        (key("h", "e"), Ok(asks(&[("stops", "1 Deployment e")]))),
    ];
    let Looked::Ask(plan) = planned(What::Delete, found, 1) else { panic!("two can be deleted") };
    assert_eq!((plan.title.as_str(), &plan.ask), ("delete 2 virtual clusters", &Ask::Count(2)));
    let facts = &plan.facts;
    assert_eq!(
        facts[0],
        (
            "deletes",
            vec![
                "team/a: 1 StatefulSet a; DATA 1 PersistentVolumeClaim data-a-0".to_owned(),
                "team/e: 1 Deployment e".to_owned()
            ]
        )
    );
    assert_eq!(
        facts[1],
        ("not", vec!["team/c: it is protected".to_owned(), "team/d: the host does not answer".to_owned()])
    );
    assert_eq!(facts[2], ("so already", vec!["team/b: it is gone already".to_owned()]));
    assert!(facts[3].1[0].contains("1 of them are marked and not shown"), "{facts:?}");
    assert_eq!(plan.verb.steps(), ["team/a", "team/e"]);
}

#[test]
fn what_is_undone_by_another_verb_takes_a_key_and_hosts_are_named_where_there_are_several() {
    let found = vec![(key("h", "a"), Ok(asks(&[]))), (key("i", "a"), Ok(asks(&[])))];
    let Looked::Ask(plan) = planned(What::Pause, found, 0) else { panic!("both can be paused") };
    assert_eq!(plan.ask, Ask::Yes);
    assert_eq!(plan.verb.steps(), ["h/team/a", "i/team/a"]);
}

#[test]
fn what_would_lose_everything_is_left_out_of_several() {
    let lossy = asks(&[("DATA", "lost is every object in it")]);
    let found = vec![(key("h", "a"), Ok(asks(&[]))), (key("h", "b"), Ok(lossy))];
    let Looked::Ask(plan) = planned(What::Pause, found, 0) else { panic!("one can be paused") };
    assert_eq!(plan.verb.steps(), ["team/a"]);
    assert!(
        plan.facts
            .contains(&("not", vec!["team/b: lost is every object in it; do that to it alone".to_owned()])),
        "{:?}",
        plan.facts
    );
}

#[test]
fn where_nothing_can_be_done_to_any_of_them_it_is_told_why() {
    let nothing = |name| (key("h", name), Ok(Looked::Nothing("it is paused already".to_owned())));
    assert!(matches!(planned(What::Pause, vec![nothing("a"), nothing("b")], 0), Looked::Nothing(_)));
    let found = vec![nothing("a"), (key("h", "b"), Err("no answer".to_owned()))];
    let Looked::Refused { why, .. } = planned(What::Pause, found, 0) else { panic!("one is not known") };
    assert_eq!(why, "team/b: no answer\nteam/a: it is paused already");
}

#[tokio::test]
async fn one_that_fails_does_not_keep_the_next_ones_and_what_is_left_is_told() {
    let (outcome, state) = ended(
        many(&[
            ("a", Some((Ended::Done, "paused"))),
            ("b", Some((Ended::Failed, "no answer"))),
            ("c", Some((Ended::Partly, "deleted; one thing is left"))),
        ])
        .begin(&hands()),
    )
    .await;
    assert_eq!((outcome.ended, outcome.said.as_str()), (Ended::Partly, "2 are done, 1 are not"));
    assert_eq!(
        outcome.facts,
        [("not done", vec!["b: no answer".to_owned()]), ("left", vec!["c: a volume".to_owned()])]
    );
    assert!(
        matches!(&state.steps[0].state, StepState::Done { note: Some(note), .. } if note == "paused"),
        "{state:?}"
    );
    assert!(
        matches!(&state.steps[1].state, StepState::Failed { why, .. } if why == "no answer"),
        "{state:?}"
    );
    let (all, _) = ended(many(&[("a", Some((Ended::Done, "paused")))]).begin(&hands())).await;
    assert_eq!((all.ended, all.said.as_str()), (Ended::Done, "all 1 are done"));
    let (none, _) = ended(many(&[("a", Some((Ended::Failed, "no")))]).begin(&hands())).await;
    assert_eq!((none.ended, none.said.as_str()), (Ended::Failed, "none was done"));
}

#[tokio::test]
async fn stopping_stops_the_one_that_is_under_way_and_begins_no_other() {
    let begun = many(&[("a", None), ("b", Some((Ended::Done, "done")))]).begin(&hands());
    let mut states = begun.states.clone();
    let waits = |state: &Arc<OperationState>| matches!(&state.steps[0].state, StepState::Running { cause: Some(cause), .. } if cause == "do it: the end of time");
    states.wait_for(waits).await.unwrap();
    begun.cancel.cancel();
    let (outcome, state) = ended(begun).await;
    assert_eq!(outcome.ended, Ended::Cancelled);
    assert!(matches!(state.steps[1].state, StepState::Waiting), "{state:?}");
}

#[tokio::test]
async fn a_few_at_a_time_tell_each_of_itself_and_stop_together() {
    let three = [("a", None), ("b", None), ("c", None)];
    let begun = Many { at_once: 2, ..many(&three) }.begin(&hands());
    let mut states = begun.states.clone();
    let runs = |step: &v9s::operation::Step| matches!(&step.state, StepState::Running { cause: Some(cause), .. } if cause == "do it: the end of time");
    states.wait_for(|state| state.steps[..2].iter().all(runs)).await.unwrap();
    assert!(matches!(states.borrow().steps[2].state, StepState::Waiting), "no more than two at a time");
    begun.cancel.cancel();
    let (outcome, state) = ended(begun).await;
    assert_eq!(outcome.ended, Ended::Cancelled);
    assert!(matches!(state.steps[2].state, StepState::Waiting), "{state:?}");
}

#[test]
fn the_words_for_many_say_what_is_done_to_them() {
    assert_eq!(titled(What::Pause, 3), "pause 3 virtual clusters");
    assert_eq!(titled(What::ProtectSo(false), 2), "unprotect 2 virtual clusters");
}
