use chrono::TimeDelta;

use smol_str::SmolStr;

use super::*;
use crate::resources::fixture::{World, lean};

const EVERY: Duration = Duration::from_secs(10);

fn canary(every: Option<Duration>) -> Canary {
    Canary { every, course: Arc::new(Course::new(every)) }
}

fn turn_of(world: &World, side: Side) -> Option<u64> {
    Turn::of(&lean(&world.get(side, KIND, &name()))).map(|turn| turn.number)
}

/// As if the turn under way had begun so long ago.
fn age(world: &mut World, mirror: &Canary, age: TimeDelta) {
    let turn = Turn::of(&lean(&world.get(Side::Virtual, KIND, &name()))).expect("a turn");
    let data = mirror.data(turn.number, Utc::now() - age);
    for side in [Side::Virtual, Side::Host] {
        world.change(side, KIND, &name(), &json!({"data": data}));
    }
}

#[test]
fn a_turn_is_one_write_on_each_side_and_the_next_one_waits_for_its_time() {
    let mirror = canary(Some(EVERY));
    let mut world = World::new(&[KIND]);
    let (writes, plan) = world.settle(&mirror, KIND, &name());
    assert_eq!((writes, turn_of(&world, Side::Virtual), turn_of(&world, Side::Host)), (2, Some(1), Some(1)));
    let again = plan.again.expect("it is looked at again");
    assert!(again <= EVERY && again > EVERY / 2, "{again:?}");
    age(&mut world, &mirror, TimeDelta::seconds(9));
    assert_eq!(world.settle(&mirror, KIND, &name()).0, 0);
    age(&mut world, &mirror, TimeDelta::seconds(11));
    assert_eq!(world.settle(&mirror, KIND, &name()).0, 2);
    assert_eq!((turn_of(&world, Side::Virtual), turn_of(&world, Side::Host)), (Some(2), Some(2)));
    age(&mut world, &mirror, TimeDelta::seconds(-3600));
    assert_eq!(world.settle(&mirror, KIND, &name()).0, 2, "another's clock does not stop it");
}

#[test]
fn it_comes_back_when_somebody_takes_it_away_and_goes_when_it_is_turned_off() {
    let mirror = canary(Some(EVERY));
    let mut world = World::new(&[KIND]);
    world.settle(&mirror, KIND, &name());
    world.remove(Side::Virtual, KIND, &name());
    world.settle(&mirror, KIND, &name());
    assert_eq!((turn_of(&world, Side::Virtual), turn_of(&world, Side::Host)), (Some(2), Some(2)));
    world.remove(Side::Host, KIND, &name());
    world.settle(&mirror, KIND, &name());
    assert_eq!(turn_of(&world, Side::Host), Some(2));
    assert_eq!(world.settle(&canary(None), KIND, &name()).0, 2);
    assert!(world.get(Side::Virtual, KIND, &name()).is_null() && world.host(KIND, &name()).is_null());
}

#[test]
fn a_tenants_own_object_of_its_name_is_left_alone() {
    let mut world = World::new(&[KIND]);
    world.tenant(KIND, json!({"metadata": {"namespace": NAMESPACE, "name": NAME}, "data": {"mine": "yes"}}));
    for every in [Some(EVERY), None] {
        let plan = world.plan(&canary(every), KIND, &name());
        assert!(plan.writes.is_empty() && plan.waits_for.is_some(), "{plan:?}");
    }
}

#[test]
fn each_leg_is_timed_by_answers_and_the_whole_by_what_the_hosts_watch_tells() {
    let course = Course::new(Some(EVERY));
    assert!(course.trouble().is_some_and(|why| why.contains("since the start")));
    let begun = Utc::now();
    let at = |millis: i64| begun + TimeDelta::milliseconds(millis);
    let turn = |by: &SmolStr, number| Turn { number, begun, by: by.clone() };
    let own = turn(&course.by, 7);
    course.told(Side::Virtual, &own, Teller::Answer, at(30));
    course.told(Side::Virtual, &own, Teller::Watch, at(40));
    course.told(Side::Host, &own, Teller::Answer, at(80));
    assert_eq!(course.record().flights, 0, "an answer alone proves nothing");
    course.told(Side::Host, &own, Teller::Watch, at(100));
    course.told(Side::Host, &own, Teller::Watch, at(5_000));
    let record = course.record();
    let millis = Duration::from_millis;
    let expected = Flight { round_trip: millis(100), to_virtual: millis(30), to_host: millis(50) };
    assert_eq!((record.flights, record.last), (1, Some(expected)), "what is told again is no flight");
    assert_eq!(course.trouble(), None);
    // Another's turn shows that it comes round, and cannot be timed by our clock.
    course.told(Side::Host, &turn(&"other".into(), 8), Teller::Watch, at(-9_000));
    let record = course.record();
    assert_eq!((record.flights, record.round_trips.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn it_is_missed_after_three_intervals() {
    let course = Course::new(Some(EVERY));
    let turn = Turn { number: 1, begun: Utc::now(), by: course.by.clone() };
    course.told(Side::Host, &turn, Teller::Watch, Utc::now());
    tokio::time::advance(EVERY * 3).await;
    assert_eq!(course.trouble(), None);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(course.trouble().as_deref(), Some("has not come round for 31 s"));
    assert_eq!(Course::new(None).trouble(), None, "who does not fly is not missed");
}
