use super::*;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

fn of(entries: &[(&str, &str, &str)]) -> Arc<Quota> {
    let entry = |(resource, used, hard): &(&str, &str, &str)| {
        QuotaEntry::new("vc-shop".into(), (*resource).into(), (*used).into(), (*hard).into())
    };
    Arc::new(entries.iter().map(entry).collect())
}

/// One key, of which this much was used in each minute.
fn seen(used: &[u32], hard: &str) -> (Watch, Arc<Quota>) {
    let quota = |used: u32| of(&[("pods", &used.to_string(), hard)]);
    let mut newest = quota(used[0]);
    let mut watch = Watch::begin(&newest, at(0));
    for (minute, used) in used.iter().enumerate().skip(1) {
        newest = quota(*used);
        watch.see(&newest, at(minute as i64));
    }
    (watch, newest)
}

fn course(used: &[u32], hard: &str) -> Course {
    let (watch, quota) = seen(used, hard);
    watch.course(&quota.entries[0])
}

fn repeated(cycle: &[u32], times: usize) -> Vec<u32> {
    cycle.iter().copied().cycle().take(cycle.len() * times).collect()
}

#[test]
fn each_course_is_told_by_its_name() {
    let rising: Vec<u32> = (10..=40).collect();
    let falling: Vec<u32> = rising.iter().rev().copied().collect();
    let one_release: Vec<u32> = (0..31).map(|minute| if minute < 15 { 10 } else { 40 }).collect();
    for (case, used, hard, expected) in [
        ("nothing moves", vec![10; 31], "100", Course::Steady),
        ("less and less", falling, "100", Course::Falls),
        ("jobs that come and go", repeated(&[10, 30, 50, 20], 8), "100", Course::Wavers),
        ("one release", one_release, "100", Course::Wavers),
        ("a pod more or less", repeated(&[10, 11], 16), "1k", Course::Steady),
        ("all of it", vec![10; 3], "10", Course::Full),
        ("more than all of it", vec![12; 3], "10", Course::Full),
        ("a ban", vec![0; 3], "0", Course::Steady),
        ("a broken ban", vec![1; 3], "0", Course::Full),
        ("no amount", vec![1; 31], "many", Course::Unknown),
        ("three minutes", (10..=13).collect(), "100", Course::TooShort(TimeDelta::minutes(7))),
    ] {
        assert_eq!(course(&used, hard), expected, "{case}");
    }
    let Course::Grows { per_hour, full: Some(full) } = course(&rising, "100") else { panic!("it grows") };
    assert!((58.0..62.0).contains(&per_hour), "{per_hour}");
    assert!((at(88)..=at(92)).contains(&full), "60 are left at one a minute, after 30 minutes: {full}");
}

#[test]
fn growth_with_noise_on_it_is_growth() {
    let noisy: Vec<u32> = (0..60).map(|minute| 10 + minute / 2 + [0, 3, 1, 4][minute as usize % 4]).collect();
    let Course::Grows { per_hour, .. } = course(&noisy, "100") else { panic!("{:?}", course(&noisy, "100")) };
    assert!((27.0..33.0).contains(&per_hour), "{per_hour}");
}

#[test]
fn what_was_long_ago_counts_no_more() {
    let then: Vec<u32> = (10..70).chain(std::iter::repeat_n(70, 300)).collect();
    assert_eq!(course(&then, "100"), Course::Steady, "it grew, and has stood for hours");
    let (watch, _) = seen(&(0..1000).collect::<Vec<_>>(), "10k");
    assert!(watch.moved.iter().all(|moved| moved.runs.len() <= MOST));
}

#[test]
fn what_does_not_move_takes_no_room_and_a_key_that_is_gone_none_either() {
    let (mut watch, _) = seen(&[10, 10, 10, 10], "20");
    assert!(watch.moved.is_empty());
    watch.see(&of(&[("pods", "11", "20")]), at(4));
    assert_eq!(watch.moved.len(), 1);
    watch.see(&of(&[("requests.cpu", "1", "2")]), at(5));
    assert!(watch.moved.is_empty());
}

#[test]
fn while_a_host_gives_no_sign_nothing_is_learnt() {
    let rising: Vec<u32> = (10..=40).collect();
    let (mut watch, quota) = seen(&rising, "100");
    watch.lose();
    let mut briefly = watch.clone();
    briefly.see(&quota, at(31));
    assert!(matches!(briefly.course(&quota.entries[0]), Course::Grows { .. }), "a short break");
    watch.see(&of(&[("pods", "90", "100")]), at(90));
    assert_eq!(watch.course(&quota.entries[0]), Course::TooShort(NEEDED), "it begins anew");
}

#[test]
fn the_first_limit_is_the_one_that_is_hit_first() {
    let quota = of(&[("a", "5", "10"), ("b", "9", "10"), ("c", "1", "10")]);
    let grows = |minutes: i64| Course::Grows { per_hour: 1.0, full: Some(at(minutes)) };
    let by = |a: Course, b: Course, c: Course| {
        outlook(&quota, |entry| match entry.resource.as_str() {
            "a" => a,
            "b" => b,
            _ => c,
        })
    };
    let told = |outlook: Outlook<'_>| match outlook {
        Outlook::Full(full) => {
            format!("full {}", full.iter().map(|it| it.resource.as_str()).collect::<String>())
        }
        Outlook::Hits { entry, at: when, .. } => {
            format!("{} at {}", entry.resource, (when - at(0)).num_minutes())
        }
        Outlook::TooShort(needed) => format!("short of {}", needed.num_minutes()),
        Outlook::Nothing => "nothing".to_owned(),
    };
    let short = Course::TooShort(TimeDelta::minutes(3));
    let far = Course::Grows { per_hour: 0.001, full: None };
    for (courses, expected) in [
        ([grows(50), Course::Steady, grows(20)], "c at 20"),
        ([grows(50), Course::Full, grows(20)], "full b"),
        ([Course::Steady, Course::Falls, Course::Wavers], "nothing"),
        ([far, Course::Steady, Course::Steady], "nothing"),
        ([short, short, Course::Unknown], "short of 3"),
        ([Course::Unknown; 3], "nothing"),
    ] {
        let [a, b, c] = courses;
        assert_eq!(told(by(a, b, c)), expected, "{courses:?}");
    }
}

#[test]
fn a_limit_that_is_near_is_a_finding_and_how_near_is_configured() {
    let quota = of(&[("requests.cpu", "8300m", "10")]);
    let found = |hours: i64, thresholds: &Thresholds| {
        let hits = Outlook::Hits { entry: &quota.entries[0], per_hour: 1.0, at: at(hours * 60) };
        hits.finding(thresholds, at(0)).map(|finding| (finding.severity, finding.message.to_string()))
    };
    let thresholds = Thresholds::default();
    let message = |time: &str| {
        format!("quota requests.cpu is full in about {time} if it goes on so: 8300m of 10 (vc-shop)")
    };
    assert_eq!(found(3, &thresholds), Some((Severity::Critical, message("3 h"))));
    assert_eq!(found(4, &thresholds), Some((Severity::Warning, message("4 h"))));
    assert_eq!(found(24, &thresholds), None);
    assert_eq!(found(-1, &thresholds), Some((Severity::Critical, message("5 min or less"))));
    let never = Thresholds { quota_full_warning_hours: 0.0, quota_full_critical_hours: 0.0, ..thresholds };
    assert_eq!(found(1, &never), None);
    for silent in [Outlook::Nothing, Outlook::TooShort(NEEDED), Outlook::Full(vec![&quota.entries[0]])] {
        assert_eq!(silent.finding(&Thresholds::default(), at(0)), None);
    }
}

#[test]
fn guesses_are_not_told_to_the_second() {
    for (minutes, expected) in [
        (0, "5 min or less"),
        (7, "5 min"),
        (59, "55 min"),
        (90, "2 h"),
        (600, "10 h"),
        (2880, "2 d"),
        (50_000, "35 d"),
    ] {
        assert_eq!(about(Duration::from_secs(minutes * 60)), expected, "{minutes}");
    }
}
