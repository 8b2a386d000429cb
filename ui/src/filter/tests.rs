use chrono::TimeDelta;
use proptest::prelude::*;
use v9s::fleet::model::Vcluster;

use super::fleet::LANGUAGE;
use super::*;
use crate::fixture;

fn filter(text: &str) -> Filter<Vcluster> {
    Filter::parse(&LANGUAGE, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Names of the fixture's rows that a filter lets through.
fn names(text: &str) -> Vec<String> {
    let mut fleet = fixture::fleet();
    fleet[3].created = Some(fixture::now() - TimeDelta::minutes(54));
    let found = filter(text).select(&fleet, fixture::now());
    found.iter().map(|f| fleet[f.index].key.name.to_string()).collect()
}

#[test]
fn terms_choose_rows() {
    let (alpha, gamma, delta, epsilon, edge) =
        ("team-alpha", "team-gamma", "team-delta", "team-epsilon", "edge-03");
    for (text, expected) in [
        ("", &[alpha, gamma, delta, epsilon, edge][..]),
        ("team", &[alpha, gamma, delta, epsilon]),
        ("TEAM", &[alpha, gamma, delta, epsilon]),
        ("!team", &[edge]),
        ("tmgamma", &[gamma]),
        ("paused", &[delta]),
        ("team !alpha !gamma", &[delta, epsilon]),
        ("\"team-a\"", &[alpha]),
        ("\"teama\"", &[]),
        ("state:degraded", &[alpha]),
        ("state:un", &[gamma, epsilon, edge]),
        ("state=Unknown", &[edge]),
        ("!state:running", &[alpha, delta, edge]),
        ("state!=running", &[alpha, delta, edge]),
        ("ns:edge", &[edge]),
        ("host:eu team", &[alpha, gamma, delta, epsilon]),
        ("host:us", &[]),
        ("why:\"writes refused\"", &[alpha]),
        ("restarts>2", &[alpha]),
        ("restarts>=4", &[alpha]),
        ("restarts:4", &[alpha]),
        ("!restarts>2", &[gamma, delta, epsilon]),
        ("restarts:?", &[edge]),
        ("lag>2s", &[alpha, gamma]),
        ("lag<250ms", &[epsilon]),
        ("lag:-", &[delta]),
        ("!lag:?", &[alpha, gamma, delta, epsilon]),
        ("quota>80%", &[alpha]),
        ("!quota>80%", &[gamma, delta, epsilon]),
        ("age<1h", &[epsilon]),
        ("age>80d", &[alpha]),
        ("pods>=1903", &[gamma]),
        ("pending>0", &[gamma]),
        ("ready<1", &[delta]),
        ("store:etcd", &[alpha]),
        ("fill>90%", &[alpha]),
        ("version<0.37", &[alpha, gamma, delta, epsilon]),
        ("version<0.4", &[]),
        ("k8s:1.36 orphans>0", &[alpha]),
        ("findings>0", &[alpha, gamma]),
        ("-l release=team-alpha", &[alpha]),
        ("-l release in (team-alpha, team-delta), app state:paused", &[delta]),
        ("!-l release=team-alpha !edge", &[gamma, delta, epsilon]),
        ("-l app team", &[alpha, gamma, delta, epsilon]),
    ] {
        assert_eq!(names(text), expected, "/{text}");
    }
}

#[test]
fn letters_scattered_over_a_name_are_no_match() {
    let row = fixture::vcluster("the-large-example-app", "the-large-example-app");
    for (typed, hit) in [("example", true), ("exapp", true), ("larex", true), ("team", false), ("tap", false)]
    {
        let found = filter(typed).select([&row], fixture::now());
        assert_eq!(found.len(), usize::from(hit), "{typed}");
    }
}

#[test]
fn the_best_fit_comes_first_and_equals_keep_their_order() {
    let rows: Vec<_> = ["my-web-2", "xweb", "web", "my-web-1", "warehouse-b"]
        .map(|name| fixture::vcluster("ns", name))
        .to_vec();
    let filter = filter("web");
    assert!(filter.ranks());
    let mut found = filter.select(&rows, fixture::now());
    rank(&mut found);
    let ranked: Vec<_> = found.iter().map(|f| rows[f.index].key.name.as_str()).collect();
    assert_eq!(ranked, ["web", "my-web-2", "my-web-1", "xweb"]);
}

#[test]
fn the_letters_that_were_found_are_told() {
    let row = fixture::vcluster("team-ns", "team-gamma");
    for (typed, text, expected) in [
        ("gam", "team-gamma", "gam"),
        ("tmgm", "team-gamma", "tmgm"),
        ("\"TEAM\" gam", "team-gamma", "teamgam"),
        ("!gam", "team-gamma", ""),
        ("gam", "team-ns", ""),
        ("gam", "gamma is no word of the row", ""),
        ("name:gam", "team-gamma", ""),
    ] {
        let found = filter(typed).found(&row, text);
        let letters: String = found.into_iter().map(|range| &text[range]).collect::<String>();
        let mut sorted: Vec<char> = letters.chars().collect();
        let mut wanted: Vec<char> = expected.chars().collect();
        sorted.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(sorted, wanted, "/{typed} in {text}");
    }
}

#[test]
fn mistakes_are_told_with_their_position() {
    for (text, expected) in [
        ("!", "column 1: ! needs something right behind it"),
        ("team ! alpha", "column 6: ! needs something"),
        ("colour:red", "column 1: no column \"colour\"; there are name, ns, host, state"),
        ("team lag>2", "column 10: \"2\" is not a duration with a unit"),
        ("quota>80", "column 7: \"80\" is not a percentage such as 80%"),
        ("restarts>many", "column 10: \"many\" is not a whole number"),
        ("state:", "column 7: state: needs a value"),
        ("state>down", "column 6: state holds words; use : or ="),
        ("\"open", "column 1: this quote is never closed"),
        ("\"a\"b", "column 1: a space must follow the closing quote"),
        ("-l", "column 3: -l needs a label selector"),
        ("team -l a in (b", "column 14: this parenthesis is never closed"),
        ("-l a=b(", "column 7: expected a comma or a space"),
        ("日本 lag>x", "column 8: \"x\" is not a duration"),
    ] {
        let error = Filter::parse(&LANGUAGE, text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_or_the_search_panic(text in "\\PC{0,40}") {
        if let Ok(filter) = Filter::parse(&LANGUAGE, &text) {
            filter.select(&fixture::fleet(), fixture::now());
        }
    }

    #[test]
    fn what_is_shown_reads_back_the_same(
        text in "(!{0,3}(team|\"a b\"|-l a in \\(b,c\\),!d|(state|lag|ns|version|quota|age)(:|=|!=|>|<=)(\\?|-|2s|80%|x|\"a b\"))[ ]{1,2}){0,4}",
    ) {
        if let Ok(filter) = Filter::parse(&LANGUAGE, &text) {
            let shown = filter.to_string();
            let again = Filter::parse(&LANGUAGE, &shown).map(|f| f.to_string());
            prop_assert_eq!(again, Ok(shown.clone()), "{}", text);
            let fleet = fixture::fleet();
            let reread = Filter::parse(&LANGUAGE, &shown).map(|f| f.select(&fleet, fixture::now()));
            prop_assert_eq!(reread, Ok(filter.select(&fleet, fixture::now())));
        }
    }
}

#[test]
fn what_ends_soon_and_whose_it_is_can_be_asked() {
    use v9s::known::Known;
    let hours = |hours: i64| Vcluster {
        expires: Known::Yes(fixture::now() + chrono::TimeDelta::hours(hours)),
        owner: Some("jane".into()),
        ..fixture::vcluster("team", "team")
    };
    let eternal = fixture::vcluster("team", "team");
    for (terms, v, shown) in [
        ("expires<24h", hours(3), true),
        ("expires<24h", hours(-3), true),
        ("expires<24h", hours(30), false),
        ("expires<24h", eternal.clone(), false),
        ("expires:-", eternal.clone(), true),
        ("owner:jane", hours(3), true),
        ("owner:jane", eternal, false),
    ] {
        assert_eq!(!filter(terms).select([&v], fixture::now()).is_empty(), shown, "{terms}");
    }
}
