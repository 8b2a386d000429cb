//! The lives of containers, told as stories.

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// A container that may start at 0 and its story: states as (second, word).
fn story(behaviour: &Behaviour, restart: Restart, seconds: i64) -> Vec<(i64, String)> {
    let mut status = Status { name: "c".to_owned(), image: "i:1".to_owned(), ..Status::default() };
    status.state = State::waiting("ContainerCreating", "");
    let mut told: Vec<(i64, String)> = Vec::new();
    for second in 0..=seconds {
        let around = Surroundings {
            now: at(second),
            since: at(0),
            restart,
            behaviour,
            present: false,
            pace: 1.0,
            pod: "p_n(u)",
            seed: 500,
        };
        while live(&mut status, &around, &mut Vec::new()) == Some(at(second)) {}
        let word = match &status.state {
            State { waiting: Some(waiting), .. } => waiting.reason.clone(),
            State { running: Some(_), .. } => {
                format!("running{}", if status.ready { " ready" } else { "" })
            }
            State { terminated: Some(terminated), .. } => terminated.reason.clone(),
            _ => "nothing".to_owned(),
        };
        let word = format!("{word} {}", status.restart_count);
        if told.last().is_none_or(|(_, last)| *last != word) {
            told.push((second, word));
        }
    }
    told
}

fn told(story: &[(i64, &str)]) -> Vec<(i64, String)> {
    story.iter().map(|(second, word)| (*second, (*word).to_owned())).collect()
}

fn exits(after: u64, code: i64) -> Behaviour {
    let run = Run::Exits { after: Duration::from_secs(after), exit: Exit::code(code) };
    Behaviour {
        pull: Pull::Cached,
        start: Duration::ZERO,
        ready: Some(Duration::ZERO),
        run,
        ..Behaviour::default()
    }
}

#[test]
fn a_healthy_container_is_pulled_started_and_ready() {
    let behaviour = Behaviour {
        pull: Pull::Takes(Duration::from_secs(3)),
        start: Duration::from_secs(1),
        ready: Some(Duration::from_secs(2)),
        ..Behaviour::default()
    };
    let expected = told(&[(0, "ContainerCreating 0"), (4, "running 0"), (6, "running ready 0")]);
    assert_eq!(story(&behaviour, Restart::Always, 20), expected);
}

#[test]
fn a_crashing_container_waits_longer_each_time() {
    let expected = told(&[
        (0, "running ready 0"),
        (2, "running ready 1"),
        (4, "CrashLoopBackOff 1"),
        (14, "running ready 2"),
        (16, "CrashLoopBackOff 2"),
        (36, "running ready 3"),
        (38, "CrashLoopBackOff 3"),
        (78, "running ready 4"),
    ]);
    assert_eq!(story(&exits(2, 1), Restart::Always, 79), expected);
}

#[test]
fn what_may_end_ends() {
    assert_eq!(
        story(&exits(2, 0), Restart::OnFailure, 60),
        told(&[(0, "running ready 0"), (2, "Completed 0")])
    );
    assert_eq!(story(&exits(2, 3), Restart::Never, 60), told(&[(0, "running ready 0"), (2, "Error 0")]));
}

#[test]
fn an_image_that_cannot_be_pulled_says_so() {
    let behaviour = Behaviour { pull: Pull::Fails("not found".to_owned()), ..Behaviour::default() };
    let expected = told(&[(0, "ContainerCreating 0"), (2, "ErrImagePull 0"), (12, "ImagePullBackOff 0")]);
    assert_eq!(story(&behaviour, Restart::Always, 60), expected);
}

#[test]
fn a_container_that_exits_at_once_does_not_spin() {
    let story = story(&exits(0, 1), Restart::Always, 10);
    assert_eq!(story, told(&[(0, "CrashLoopBackOff 1"), (10, "CrashLoopBackOff 2")]));
}

#[test]
fn back_off_grows_to_five_minutes_and_is_forgiven() {
    let crash = |ran: i64| Terminated {
        started_at: Some(at(0)),
        finished_at: Some(at(ran)),
        ..Terminated::default()
    };
    let waits: Vec<i64> = (0..8).map(|n| back_off(n, &crash(1)).num_seconds()).collect();
    assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(back_off(7, &crash(700)), TimeDelta::zero());
    assert_eq!([10, 80, 300].map(|s| go_duration(TimeDelta::seconds(s))), ["10s", "1m20s", "5m0s"]);
}

#[test]
fn images_get_their_registry_and_a_digest() {
    let name = |image: &str| image_id(image).split('@').next().map(str::to_owned);
    assert_eq!(name("nginx:1").as_deref(), Some("docker.io/library/nginx"));
    assert_eq!(name("loft/vcluster").as_deref(), Some("docker.io/loft/vcluster"));
    assert_eq!(name("host:5000/a/b:1@sha256:00").as_deref(), Some("host:5000/a/b"));
    assert_eq!(image_id("a:1"), image_id("a:1"));
    assert_eq!(image_id("a:1").len(), "docker.io/library/a@sha256:".len() + 64);
}
