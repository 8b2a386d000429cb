use serde_json::Value;

use super::*;
use crate::backup::archive::Recipients;
use crate::cronjob::HOME;

const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

fn one(name: &str) -> Of {
    Of::One { namespace: "team".into(), name: name.into(), workload: name.into() }
}

fn wish(of: Of, to: &str) -> Wish {
    Wish {
        of,
        line: "0 3 * * *".parse().unwrap(),
        zone: Some("Europe/Berlin".parse().unwrap()),
        jitter: Some(Duration::from_secs(900)),
        keep: Keep { last: Some(7), within: Some(Duration::from_secs(30 * 86_400)) },
        to: Place::parse(to).unwrap(),
        protection: Protection::Sealed(Recipients::parse([RECIPIENT]).unwrap()),
        native: true,
        at_once: 2,
        objective: Some("24h".parse().unwrap()),
        means: Means { image: Some("registry.example/v9s:1".into()), ..Means::default() },
    }
}

fn with(to: &str, change: impl FnOnce(&mut Wish)) -> Result<CronJob, ScheduleError> {
    let mut wish = wish(one("shop"), to);
    change(&mut wish);
    job(&wish)
}

#[test]
fn the_objects_of_a_schedule_are_these() {
    let mut wish = wish(one("shop"), "s3://backups/eu?url=https://minio.example&region=eu");
    wish.means.credentials = Some("minio".into());
    let objects: Vec<String> =
        job(&wish).unwrap().objects().iter().map(|object| serde_saphyr::to_string(object).unwrap()).collect();
    insta::assert_snapshot!(objects.join("---\n"));
}

#[test]
fn the_program_is_told_what_a_person_would_say() {
    let told = |wish: &Wish| job(wish).unwrap().words.join(" ");
    let bucket = "s3://b";
    let words = format!(
        "backup --namespace team shop --to s3://b --recipient {RECIPIENT} --jitter 900s --keep 7 --keep-for 2592000s --rpo 1d --output json"
    );
    assert_eq!(told(&wish(one("shop"), bucket)), words);
    let open = Wish {
        jitter: None,
        keep: Keep::default(),
        protection: Protection::Open,
        native: false,
        objective: None,
        ..wish(Of::All, bucket)
    };
    assert_eq!(
        told(&open),
        "backup --all-namespaces --to s3://b --at-once 2 --unencrypted --no-native --output json"
    );
    let of = |namespace: Option<&str>| Of::Labelled {
        selector: "env in (prod),!old".into(),
        namespace: namespace.map(SmolStr::from),
    };
    assert!(
        told(&Wish { of: of(None), ..open.clone() })
            .starts_with("backup --selector env in (prod),!old --all-namespaces ")
    );
    assert!(
        told(&Wish { of: of(Some("team")), ..open })
            .starts_with("backup --selector env in (prod),!old --namespace team ")
    );
}

#[test]
fn what_cannot_be_meant_is_told() {
    let claimed = |to: &str| with(to, |wish| wish.means.claim = Some("disk".into()));
    for (answer, word) in [
        (with("s3://b", |wish| wish.means.image = None), "--image"),
        (with("s3://b", |wish| wish.means.image = Some(" ".into())), "--image"),
        (with("/backups", |_| {}), "--claim"),
        (claimed("s3://b"), "--claim is for a folder"),
        (claimed("backups"), "absolute"),
        (claimed("/"), "absolute"),
        (claimed("/etc/backups"), "absolute"),
        (claimed("/home/v9s"), "absolute"),
        (claimed("/backups/../etc"), "absolute"),
        (claimed("/back:ups"), "absolute"),
        (with("s3://b?profile=me", |_| {}), "--credentials-from-secret"),
        (with("s3://b", |wish| wish.jitter = Some(Duration::from_secs(86_400))), "--jitter"),
    ] {
        let error = answer.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(claimed("/backups/eu").unwrap().claim, Some(("disk".into(), "/backups/eu".into())));
    assert!(with("s3://b", |_| {}).unwrap().claim.is_none());
}

#[test]
fn names_fit_and_differ() {
    assert_eq!(name(&one("shop")), "v9s-backup-shop");
    assert_eq!(name(&Of::All), "v9s-backup");
    let long = |end: &str| name(&one(&format!("{}{end}", "a-very-long-name-".repeat(3))));
    assert!(long("x").len() <= LONGEST_NAME && long("x") != long("y"), "{}", long("x"));
    let labelled = |selector: &str| name(&Of::Labelled { selector: selector.into(), namespace: None });
    assert_ne!(labelled("a"), labelled("b"));
}

#[test]
fn one_virtual_cluster_takes_no_right_beyond_its_namespace_and_one_workload() {
    let one = job(&wish(one("shop"), "s3://b")).unwrap();
    assert_eq!(one.reach, Reach::Namespace("team".into()));
    let changes = |job: &CronJob| -> Vec<Value> {
        let reads = |verb: &Value| matches!(verb.as_str(), Some("get" | "list"));
        let rules = job.rules.iter().filter(|rule| !rule["verbs"].as_array().unwrap().iter().all(reads));
        rules.cloned().collect()
    };
    let [forward, note] = &changes(&one)[..] else { panic!("{:?}", changes(&one)) };
    assert_eq!(forward["resources"], serde_json::json!(["pods/portforward"]));
    assert_eq!(note["resourceNames"], serde_json::json!(["shop"]));
    let kinds: Vec<String> =
        one.objects().iter().map(|object| object["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["ServiceAccount", "Role", "RoleBinding", "CronJob"]);

    let all = job(&wish(Of::All, "s3://b")).unwrap();
    assert_eq!(all.reach.home(), HOME);
    assert!(changes(&all)[1].get("resourceNames").is_none(), "of all, none has a name yet");
}

#[test]
fn a_run_waits_no_longer_than_it_may() {
    let most = Duration::from_secs(900);
    for (share, seconds) in [(0.0, 0), (0.5, 450), (1.0, 900), (7.0, 900), (-1.0, 0), (f64::NAN, 0)] {
        assert_eq!(wait(most, share).as_secs(), seconds, "{share}");
    }
    assert_eq!(wait(Duration::ZERO, 0.9), Duration::ZERO);
}
