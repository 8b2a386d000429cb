use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use clap::Parser;
use clap::error::ErrorKind;
use serde_json::Value;
use v9s::fleet::model::{Fleet, Host, Link, Phase, PodRow, Restarts, Scope};
use v9s::known::Known;

use super::list::{Answer, answer};
use super::*;
use crate::filter::Selector;
use crate::fixture;

fn host(context: &str, link: Link) -> Arc<Host> {
    Arc::new(Host {
        context: context.into(),
        server: format!("https://{context}:6443").into(),
        version: Known::Yes("v1.36.2".into()),
        link,
        scope: Scope::All,
        notes: Vec::new(),
    })
}

fn live() -> Link {
    Link::Live { last_seen: fixture::now() }
}

fn unreachable() -> Link {
    Link::Unreachable { next_try: fixture::now() + TimeDelta::seconds(8), error: "connection refused".into() }
}

fn fleet_on(hosts: Vec<Arc<Host>>) -> Fleet {
    let vclusters = fixture::fleet().into_iter().map(Arc::new).collect();
    Fleet { epoch: 1, hosts, vclusters }
}

/// A fleet about which everything is known.
fn healthy() -> Fleet {
    let vclusters = vec![Arc::new(fixture::vcluster("team-a", "team-a"))];
    Fleet { epoch: 1, hosts: vec![host("eu-west-1", live())], vclusters }
}

fn run(fleet: &Fleet, output: OutputFormat) -> Answer {
    answer(fleet, &ListArgs { output, ..ListArgs::default() }, None, fixture::now()).unwrap()
}

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("v9s").chain(line.split_whitespace()))
}

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn flags_are_understood_before_and_behind_the_subcommand() {
    let cli = parse("--context a,b --context c -n x -n y,z --read-only --request-timeout 1m30s").unwrap();
    assert!(cli.command.is_none(), "without a subcommand the dashboard starts");
    assert_eq!(cli.global.connect.context, ["a", "b", "c"]);
    assert_eq!(cli.global.scope.namespace, ["x", "y", "z"]);
    assert_eq!(cli.global.connect.request_timeout, Some(std::time::Duration::from_secs(90)));
    assert!(cli.global.read_only);

    let cli =
        parse("-l app=web list -o json --all-contexts --sort-by lag --as ops --as-group a --as-group b")
            .unwrap();
    assert_eq!(cli.global.scope.selector, Selector::parse("app=web").ok());
    assert_eq!(cli.global.connect.impersonate_groups, ["a", "b"]);
    let Some(Command::List(list)) = cli.command else { panic!("no list") };
    assert_eq!((list.output, list.sort_by), (OutputFormat::Json, Some("lag")));

    let Some(Command::Demo(demo)) = parse("demo --vclusters 1000 --pods 50000 --chaos").unwrap().command
    else {
        panic!("no demo")
    };
    assert_eq!((demo.vclusters, demo.pods, demo.chaos), (Some(1000), Some(50_000), true));
}

#[test]
fn nonsense_is_refused_with_the_place_and_the_code_for_usage() {
    for (line, expected) in [
        ("-A -n x", "cannot be used with"),
        ("--context a --all-contexts", "cannot be used with"),
        ("--context a,", "a name is missing"),
        ("-n=", "a name is missing"),
        ("--as-group a", "--as <USER>"),
        ("-l a=b,,c list", "column 5: expected a label key"),
        ("list --filter lag>2", "column 5: \"2\" is not a duration"),
        ("list --sort-by colour", "there are name, namespace"),
        ("list -o xml", "[possible values: table, wide, json, yaml, name]"),
        ("--request-timeout soon", "such as 10s"),
        ("--request-timeout 0", "more than nothing"),
        ("demo --vclusters 0", "0 is not in 1..=5000"),
        ("sandbox --port 70000", "70000 is not in"),
        ("frobnicate", "unrecognized subcommand"),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.to_string().contains(expected), "{line}: {error}");
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()), "{line}");
    }
    assert_eq!(parse("--help").unwrap_err().kind(), ErrorKind::DisplayHelp);
}

#[test]
fn a_table_has_the_most_telling_columns() {
    insta::assert_snapshot!(run(&fleet_on(vec![host("eu-west-1", live())]), OutputFormat::Table).rows);
}

#[test]
fn a_wide_table_has_every_column() {
    insta::assert_snapshot!(run(&fleet_on(vec![host("eu-west-1", live())]), OutputFormat::Wide).rows);
}

#[test]
fn yaml_says_the_same_as_json() {
    let fleet = fleet_on(vec![host("eu-west-1", live()), host("us-east-1", unreachable())]);
    let yaml = run(&fleet, OutputFormat::Yaml).rows;
    let json: Value = serde_json::from_str(&run(&fleet, OutputFormat::Json).rows).unwrap();
    let read: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read, json);
}

#[test]
fn json_has_null_and_a_reason_for_what_is_not_known() {
    let json: Value =
        serde_json::from_str(&run(&fleet_on(vec![host("eu-west-1", live())]), OutputFormat::Json).rows)
            .unwrap();
    let edge = json["items"].as_array().unwrap().iter().find(|item| item["name"] == "edge-03").unwrap();
    assert_eq!(edge["pods"], Value::Null);
    assert_eq!(edge["unknown"]["pods"], "forbidden: needs list pods in edge-03");
    assert_eq!(edge["unknown"]["storeHealth"], "no companion");
    let paused = json["items"].as_array().unwrap().iter().find(|item| item["name"] == "team-delta").unwrap();
    assert_eq!(paused["lag"], Value::Null);
    assert_eq!(
        paused["notApplicable"],
        serde_json::json!([
            "quota",
            "companion",
            "lag",
            "orphans",
            "storeHealth",
            "backup.late",
            "expiresAt"
        ])
    );
    assert_eq!(paused["unknown"], serde_json::json!({}));
}

#[test]
fn names_carry_the_context_only_where_there_are_several() {
    assert_eq!(run(&healthy(), OutputFormat::Name).rows, "team-a/team-a\n");
    let mut two = healthy();
    two.hosts.push(host("us-east-1", live()));
    assert_eq!(run(&two, OutputFormat::Name).rows, "eu-west-1\tteam-a/team-a\n");
}

#[test]
fn rows_are_chosen_by_selector_and_filter_and_sorted_by_column() {
    let fleet = fleet_on(vec![host("eu-west-1", live())]);
    let names = |filter: Option<&str>, sort_by: Option<&'static str>, selector: Option<&str>| {
        let selector = selector.map(|text| Selector::parse(text).unwrap());
        let args = ListArgs {
            output: OutputFormat::Name,
            filter: filter.map(str::to_owned),
            sort_by,
            ..ListArgs::default()
        };
        let rows = answer(&fleet, &args, selector.as_ref(), fixture::now()).unwrap().rows;
        rows.lines().map(|line| line.split('/').next_back().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(Some("lag>2s"), None, None), ["team-alpha", "team-gamma"]);
    assert_eq!(names(None, None, Some("release in (edge-03,team-delta)")), ["team-delta", "edge-03"]);
    assert_eq!(
        names(Some("team"), Some("lag"), None),
        ["team-gamma", "team-alpha", "team-epsilon", "team-delta"]
    );
}

#[test]
fn the_exit_code_says_how_whole_the_answer_is() {
    let nothing = |link| Fleet { epoch: 1, hosts: vec![host("eu-west-1", link)], vclusters: Vec::new() };
    let mut two = healthy();
    two.hosts.push(host("us-east-1", unreachable()));
    let loading = Link::Loading { objects: 7, pending: vec!["pods".into()] };
    for (case, fleet, exit, note) in [
        ("all is known", healthy(), Exit::Ok, None),
        ("there is nothing", nothing(live()), Exit::Ok, Some("no vclusters found")),
        ("nobody answers", nothing(unreachable()), Exit::Error, Some("eu-west-1: connection refused")),
        ("one of two answers", two, Exit::Partial, Some("us-east-1: connection refused")),
        (
            "too slow",
            nothing(loading),
            Exit::Error,
            Some("eu-west-1: not listed whole in time, still waiting for pods"),
        ),
        (
            "a lookup failed",
            fleet_on(vec![host("eu-west-1", live())]),
            Exit::Partial,
            Some("edge-03/edge-03: forbidden: needs list pods in edge-03"),
        ),
    ] {
        let answer = run(&fleet, OutputFormat::Table);
        assert_eq!(answer.exit, exit, "{case}");
        assert_eq!(answer.notes.first().map(String::as_str), note, "{case}");
    }
}

#[test]
fn what_nobody_measures_is_no_failure() {
    let mut fleet = healthy();
    let mut v = fixture::vcluster("team-a", "team-a");
    v.lag = Known::unknown("not measured");
    v.orphans = Known::unknown("not measured");
    v.store_health = Known::unknown("not measured");
    fleet.vclusters = vec![Arc::new(v)];
    assert_eq!(run(&fleet, OutputFormat::Table).exit, Exit::Ok);
}

#[test]
fn one_reason_for_many_rows_is_told_once() {
    let mut fleet = healthy();
    fleet.vclusters = (0..500)
        .map(|n| {
            let mut v = fixture::vcluster(&format!("team-{n}"), "a");
            v.quota = Known::unknown("forbidden: needs list resourcequotas");
            Arc::new(v)
        })
        .collect();
    let answer = run(&fleet, OutputFormat::Table);
    assert_eq!(answer.notes, ["team-0/a and 499 more: forbidden: needs list resourcequotas"]);
}

/// Every field of a document, as the documentation spells them. Maps with free keys are one field.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) if !["items[].labels", "items[].unknown"].contains(&path) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                fields(value, &path, found);
            }
        }
        Value::Array(elements) if elements.iter().any(Value::is_object) => {
            found.insert(format!("{path}[]"));
            elements.iter().for_each(|element| fields(element, &format!("{path}[]"), found));
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn the_documentation_lists_every_field_and_every_exit_code() {
    let mut fleet = fleet_on(vec![host("eu-west-1", live())]);
    let mut v = fleet.vclusters.swap_remove(0).as_ref().clone();
    v.restarts =
        Known::Yes(Restarts { count: 1, last_reason: Some("Error".into()), last_at: Some(fixture::now()) });
    v.control_plane = Arc::new([PodRow {
        name: "team-alpha-0".into(),
        namespace: "team-alpha".into(),
        uid: "1".into(),
        virtual_name: None,
        virtual_namespace: None,
        status: "Running".into(),
        phase: Phase::Running,
        ready: 1,
        containers: 1,
        restarts: 1,
        node: Some("node-1".into()),
        created: None,
    }]);
    let status = Arc::new(v9s::companion::SyncerStatus::default());
    let companion = v9s::health::Companion { status, heard: fixture::now(), silent: false };
    v.companion = Known::Yes(Arc::new(companion));
    let missed = v9s::target::MissedBackup {
        at: fixture::now(),
        what: v9s::target::Missed::Failed,
        why: "no room".into(),
        who: "ada".into(),
    };
    let backups = v9s::health::Backups::clone(&fixture::backups(75));
    v.backups = Arc::new(v9s::health::Backups { missed: Known::Yes(Some(missed)), ..backups });
    fleet.vclusters = vec![Arc::new(v)];
    let json: Value = serde_json::from_str(&run(&fleet, OutputFormat::Json).rows).unwrap();
    let mut printed = BTreeSet::new();
    fields(&json, "", &mut printed);

    let document = include_str!("../../../docs/list.md");
    let rows = |heading: &str| -> BTreeSet<String> {
        let section = document.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
        let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        cells.map(str::to_owned).collect()
    };
    assert_eq!(rows("## The document"), printed);
    let codes: BTreeSet<String> = Exit::ALL.iter().map(|exit| exit.code().to_string()).collect();
    assert_eq!(rows("## Exit codes"), codes);
}
