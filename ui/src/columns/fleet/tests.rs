use super::*;
use crate::columns::find;
use crate::fixture;
use crate::text;
use crate::theme::{ASCII, UNICODE};

fn column(id: &str) -> &'static Column<Vcluster> {
    find(COLUMNS, id).unwrap()
}

fn look() -> Look {
    Look { now: fixture::now(), symbols: &UNICODE, plain: false }
}

/// The names of the fixture's fleet, sorted by a column.
fn sorted(id: &str, direction: Direction) -> Vec<String> {
    let mut fleet = fixture::fleet();
    fleet.sort_by(|a, b| column(id).order(a, b, direction));
    fleet.iter().map(|v| v.key.name.to_string()).collect()
}

#[test]
fn every_row_says_what_it_knows_and_marks_what_it_does_not() {
    let mut table = String::new();
    for v in fixture::fleet() {
        for column in COLUMNS {
            let cell = (column.cell)(&v, &look());
            let slots: Vec<_> = cell.parts.iter().map(|p| p.slot.name()).collect();
            table.push_str(&format!("{:>12} {:40} {}\n", column.title, cell.text(), slots.join(" ")));
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

#[test]
fn plain_cells_are_ascii_words_and_numbers() {
    let look = Look { symbols: &ASCII, plain: true, ..look() };
    let mut table = String::new();
    for v in fixture::fleet() {
        let cells: Vec<String> = COLUMNS.iter().map(|c| (c.cell)(&v, &look).text()).collect();
        assert!(cells.iter().all(|c| c.is_ascii()), "{cells:?}");
        table.push_str(&cells.join(" | "));
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

#[test]
fn ids_are_unique_and_priorities_make_sense() {
    for (at, column) in COLUMNS.iter().enumerate() {
        assert!(COLUMNS[..at].iter().all(|other| other.id != column.id), "{} twice", column.id);
        assert!(column.min <= column.preferred, "{}", column.id);
        assert!(text::width(column.title) <= usize::from(column.min) + 2, "{} has no room", column.title);
    }
    let stay: Vec<_> = COLUMNS.iter().filter(|c| c.drop == 0).map(|c| c.id).collect();
    assert_eq!(stay, ["name", "state"], "they never leave");
}

#[test]
fn the_most_urgent_comes_first_whether_state_or_finding_says_so() {
    let names = sorted("state", column("state").first);
    assert_eq!(names, ["team-alpha", "edge-03", "team-gamma", "team-delta", "team-epsilon"]);
}

#[test]
fn the_first_of_the_worst_findings_is_what_to_read() {
    let finding =
        |severity, message: &str| Finding { severity, code: "test", message: message.into(), since: None };
    let v = Vcluster {
        findings: vec![
            finding(Severity::Critical, "limits.cpu is 148 % used"),
            finding(Severity::Critical, "pods is 99 % used"),
            finding(Severity::Info, "no NetworkPolicy"),
        ],
        ..fixture::vcluster("team", "team")
    };
    assert_eq!((column("why").cell)(&v, &look()).text(), "limits.cpu is 148 % used");
}

#[test]
fn unknown_is_never_sorted_as_zero() {
    for id in ["lag", "quota", "orphans", "store", "pods", "restarts", "version", "age", "backup"] {
        for direction in [Direction::Up, Direction::Down] {
            let names = sorted(id, direction);
            let at = names.iter().position(|n| n == "edge-03").unwrap();
            let paused = names.iter().position(|n| n == "team-delta").unwrap();
            assert!(at >= 3 && at + 1 >= paused, "{id} {direction:?}: {names:?}");
        }
    }
}

#[test]
fn hostile_names_and_reasons_are_harmless() {
    let evil = "\x1b]0;pwned\x07\u{202e}x\n";
    let mut v = fixture::vcluster(evil, evil);
    v.reason = evil.into();
    v.key.host = evil.into();
    v.version = Known::Yes(evil.into());
    v.distro = Known::Yes(evil.into());
    v.quota = fixture::quota(evil, evil, evil, 0.5);
    for column in COLUMNS {
        let text = (column.cell)(&v, &look()).text();
        assert_eq!(text::clean(&text), text, "{}", column.id);
    }
}

#[test]
fn the_time_that_is_left_calls_before_it_is_over() {
    let of = |minutes: i64| Vcluster {
        expires: Known::Yes(fixture::now() + chrono::TimeDelta::minutes(minutes)),
        ..fixture::vcluster("team", "team")
    };
    for (minutes, text, slot) in [
        (60 * 24 * 9, "9d", Slot::Muted),
        (59, "59m", Slot::Warn),
        (0, "over", Slot::Err),
        (-5, "over", Slot::Err),
    ] {
        let v = of(minutes);
        let cell = (column("expires").cell)(&v, &look());
        assert_eq!((cell.text().as_str(), cell.parts[0].slot), (text, slot), "{minutes}");
    }
    assert_eq!(column("expires").order(&of(5), &of(600), column("expires").first), std::cmp::Ordering::Less);
}

#[test]
fn a_backup_is_as_old_as_it_is_and_says_when_that_is_too_old() {
    let cells = |v: &Vcluster| ["backup", "rpo"].map(|id| (column(id).cell)(v, &look()).text());
    let of = |hours| Vcluster { backups: fixture::backups(hours), ..fixture::vcluster("team", "team") };
    for (hours, expected) in [
        (0, ["0s", "✓ 24h left"]),
        (23, ["23h", "✓ 60m left"]),
        (25, ["! 25h late", "! late 60m"]),
        (75, ["! 3d3h late", "! late 2d3h"]),
    ] {
        assert_eq!(cells(&of(hours)), expected, "{hours}");
    }
    assert_eq!(cells(&fixture::vcluster("team", "team")), ["none", "–"]);
    let late = of(75);
    let narrow = (column("backup").cell)(&late, &look()).fit(6, Cut::End, "…");
    assert_eq!(narrow.text(), "! 3d3h", "the sign stays when the word has no room");
    assert_eq!(
        sorted("backup", column("backup").first)[..2],
        ["team-gamma", "team-delta"],
        "none is older than any"
    );
    assert_eq!(sorted("rpo", column("rpo").first)[..2], ["team-alpha", "team-epsilon"]);
}
