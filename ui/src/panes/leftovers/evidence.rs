//! All that is known of one leftover, for a closer look.

use chrono::{DateTime, SecondsFormat, Utc};
use v9s::gc::{Evidence, Finding, Ghost, Place, Reclaims, Stuck, Survey, Tenant, Verdict};
use v9s::wire::label;

use super::held;
use super::rows::{Row, Source};
use crate::format::age;
use crate::text::clean;

/// The evidence of a row as clean text, a line each.
pub fn text(row: &Row, survey: &Survey, now: DateTime<Utc>) -> String {
    let mut lines = Lines::default();
    match &row.source {
        Source::Finding(at) => {
            if let Some(finding) = survey.findings.get(*at) {
                of_finding(row, finding, survey, now, &mut lines);
            }
        }
        Source::Stuck(at) => {
            if let Some(stuck) = survey.stuck.get(*at) {
                of_stuck(row, stuck, now, &mut lines);
            }
        }
        Source::Tenant(place) => {
            if let Some(tenant) = survey.tenants.get(place) {
                of_tenant(place, tenant, &mut lines);
            }
        }
        Source::Unseen(at) => {
            if let Some((kind, failure)) = survey.unseen.get(*at) {
                lines.say("kind", kind);
                lines.say("unseen", &format!("it cannot be listed: {failure}"));
                lines.say("so", "what is left of this kind is not known; gc says so by its exit code, too");
            }
        }
        Source::Ghost(at) => {
            if let Some(ghost) = survey.ghosts.get(*at) {
                of_ghost(ghost, now, &mut lines);
            }
        }
    }
    lines.0
}

/// Words and what they say, one below the other.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn say(&mut self, word: &str, said: &str) {
        let line = format!("{:<13} {}", word, clean(said));
        self.0 += line.trim_end();
        self.0.push('\n');
    }

    fn say_if(&mut self, word: &str, said: Option<impl AsRef<str>>) {
        if let Some(said) = said {
            self.say(word, said.as_ref());
        }
    }

    fn gap(&mut self) {
        self.0.push('\n');
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn since(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ({} ago)", moment(at), age(at, now))
}

fn of_finding(row: &Row, finding: &Finding, survey: &Survey, now: DateTime<Utc>, lines: &mut Lines) {
    let claim = &finding.claim;
    lines.say("object", &format!("{} @ {}", claim.object, row.host));
    verdict(&finding.verdict, lines);
    if let Some(place) = finding.place() {
        let there = survey.world.vclusters.contains_key(place);
        let there = if there { "which is on the host" } else { "of which nothing is on the host" };
        lines.say("vcluster", &format!("{place}, {there}"));
    }
    match &row.kept {
        None if row.is_data => {
            lines.say("collecting", "only when it is marked itself: what is on it is lost")
        }
        None => lines.say("collecting", "after a plan; it is looked at again just before"),
        Some(why) => lines.say("collecting", &format!("not possible: {why}")),
    }
    lines.gap();
    let marks = &claim.marks;
    lines.say_if("label", marks.managed_by.as_ref().map(|it| format!("{}={it}", label::MANAGED_BY)));
    lines.say_if("made for", marks.made_for.as_ref());
    let mut word = "annotations";
    for (key, said) in [
        ("object-namespace", &marks.namespace),
        ("object-name", &marks.name),
        ("object-uid", &marks.uid),
        ("object-kind", &marks.kind),
        ("object-host-name", &marks.host_name),
        ("object-host-namespace", &marks.host_namespace),
    ] {
        if let Some(said) = said {
            lines.say(word, &format!("{key}={said}"));
            word = "";
        }
    }
    if word == "annotations" {
        lines.say(word, "none that says what it was made for");
    }
    match claim.owners.as_slice() {
        [] => lines.say("owner", "nothing on the host owns it"),
        owners => owners
            .iter()
            .for_each(|it| lines.say("owner", &format!("{} {}, UID {}", it.kind, it.name, it.uid))),
    }
    lines.say("uid on host", &claim.uid);
    lines.say_if("created", claim.created.map(|at| since(at, now)));
    lines.say_if("node", claim.holds.node.as_ref());
    let holds = held(Reclaims::default().and(&claim.holds));
    lines.say("holds", if holds.is_empty() { "nothing that is counted" } else { &holds });
    if !claim.finalizers.is_empty() {
        lines.say("finalizers", &claim.finalizers.join(", "));
    }
}

fn verdict(verdict: &Verdict, lines: &mut Lines) {
    let asked = |evidence: &Evidence, lines: &mut Lines| match evidence.answered {
        Some(at) => lines.say("asked", &format!("the virtual API, at {} by its own clock", moment(at))),
        None => lines.say("asked", "nobody inside"),
    };
    match verdict {
        Verdict::Orphan { reason, evidence } => {
            lines.say(
                "is",
                &format!("proven to be a leftover, by rule {} ({})", reason.letter(), reason.code()),
            );
            lines.say("because", &evidence.says);
            asked(evidence, lines);
        }
        Verdict::Suspect { doubt, evidence } => {
            lines.say("is", &format!("suspect, and not proven ({})", doubt.code()));
            lines.say("missing", &doubt.to_string());
            lines.say("so far", &evidence.says);
            asked(evidence, lines);
        }
        Verdict::Kept(kept) => lines.say("is", &kept.to_string()),
        Verdict::Unknown(why) => lines.say("is", &format!("not known: {why}")),
    }
}

fn of_stuck(row: &Row, stuck: &Stuck, now: DateTime<Utc>, lines: &mut Lines) {
    lines.say("object", &format!("{} @ {}", stuck.object, row.host));
    lines.say("is", "going, and does not go");
    lines.say("since", &since(stuck.since, now));
    let mut word = "because";
    for because in &stuck.because {
        lines.say(word, because);
        word = "";
    }
    lines.gap();
    lines.0 += "What to do, the safest first; go on only when the step before did not help:\n";
    for (at, fix) in stuck.fixes.iter().enumerate() {
        lines.gap();
        lines.say(&format!("{}", at + 1), &fix.what);
        lines.say_if("", fix.command_on(&row.host));
        if !fix.risk.is_empty() {
            lines.say("RISK", fix.risk);
        }
    }
}

fn of_tenant(place: &Place, tenant: &Tenant, lines: &mut Lines) {
    let (objects, why) = tenant.unknown.clone().unwrap_or_default();
    lines.say("vcluster", &place.to_string());
    lines.say(
        "unknown",
        &format!("{objects} of its objects on the host are neither leftovers nor not: nobody could say"),
    );
    lines.say("because", &why);
    let mut word = "on the host";
    for (kind, count) in &tenant.objects {
        lines.say(word, &format!("{count} {kind}"));
        word = "";
    }
    lines.say("so", "they stay; look again when it answers");
}

fn of_ghost(ghost: &Ghost, now: DateTime<Utc>, lines: &mut Lines) {
    lines.say("inside", &format!("{} {} of {}", ghost.kind, ghost.name, ghost.place));
    let (why, what) = match ghost.kind.as_str() {
        "Node" => (
            "the host has no node of this name",
            "its syncer takes it away when it runs; pods that say they run there do not",
        ),
        _ => (
            "nothing on the host came from it: whatever its status says, it does not run",
            "look at its events inside and at what its syncer says; gc changes nothing inside",
        ),
    };
    lines.say("because", why);
    lines.say_if("created", ghost.created.map(|at| since(at, now)));
    lines.say("so", what);
}
