//! What imitations of an API server get wrong most often, and which test shows how it is: as the table of
//! `docs/sandbox-behaviours.md`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Behaviours, each with its tests: a file of this suite or of the embedded host's sources, and a function in it.
const BEHAVIOURS: &[(&str, &[&str])] = &[
    (
        "A list has the version of the store, also when it is empty, and all its pages have the same one.",
        &["lists::a_list_has_the_version_of_the_store", "lists::pages_show_one_moment"],
    ),
    (
        "A page token that is too old is refused with 410 and a token for an inconsistent rest; options that contradict \
         themselves are refused.",
        &[
            "compaction::what_is_compacted_is_gone_embedded",
            "compaction::what_is_compacted_is_gone_real",
            "lists::a_broken_page_token_is_refused",
            "lists::options_that_contradict_themselves_are_refused",
        ],
    ),
    (
        "A list is of any version, of at least one or of exactly one; a version of the future is 504 with a cause.",
        &["lists::versions_are_any_exact_or_at_least", "lists::a_version_of_the_future_is_a_timeout"],
    ),
    (
        "A watch without a version begins with what is there; one from a version shows what came after it.",
        &[
            "watches::a_watch_without_version_begins_with_what_is_there",
            "watches::a_watch_from_a_version_shows_what_came_after",
        ],
    ),
    (
        "A watch from a version that is too old begins (200), says so in an `ERROR` event with a 410 and ends.",
        &[
            "faults::a_watch_from_before_a_compaction_is_told_to_list_again",
            "compaction::what_is_compacted_is_gone_embedded",
            "compaction::what_is_compacted_is_gone_real",
        ],
    ),
    (
        "A watch sends the initial state and a bookmark at its end where it is asked to, and refuses options that do not \
         go together.",
        &[
            "watches::the_initial_state_ends_with_a_bookmark",
            "watches::initial_events_can_be_declined",
            "watches::watch_options_that_contradict_themselves_are_refused",
            "watches::an_initial_state_of_the_future_is_an_error_event",
        ],
    ),
    (
        "A bookmark has a kind and a version and nothing else, and comes only when it is allowed.",
        &["watches::bookmarks_name_only_kind_and_version"],
    ),
    (
        "An object that enters a selection is `ADDED`; one that leaves it is `DELETED` as it was, under the new version.",
        &["watches::selections_are_entered_and_left", "watches::a_field_selector_narrows_a_watch"],
    ),
    ("A deletion has a version of its own.", &["watches::a_watch_from_a_version_shows_what_came_after"]),
    (
        "Between a list and the watch from its version nothing is lost or doubled, however much is written meanwhile.",
        &["consistency::between_a_list_and_its_watch_nothing_is_lost_or_doubled"],
    ),
    (
        "All watchers see one order; who reads too slowly is let go.",
        &["consistency::all_watchers_see_one_order", "watches::who_reads_too_slowly_is_let_go"],
    ),
    (
        "A write that changes nothing is no write, by whatever method.",
        &["writes::the_same_again_is_no_write", "consistency::writes_that_change_nothing_are_not_told"],
    ),
    (
        "A replace without a version is unconditional for some kinds and refused for others; a wrong version or UID is 409.",
        &[
            "writes::a_replace_must_come_from_the_present_version",
            "writes::some_kinds_are_created_by_replace_and_must_name_a_version",
            "custom::custom_objects_are_written_by_the_rules_of_all_objects",
        ],
    ),
    (
        "Replacing what is missing is 404 except for kinds that are created that way; applying creates; deleting answers \
         with the object or a Status, sometimes with 202.",
        &[
            "writes::a_replace_names_what_the_path_names",
            "writes::some_kinds_are_created_by_replace_and_must_name_a_version",
            "patches::apply_creates_changes_and_removes",
            "deletes::preconditions_hold_or_refuse",
            "deletes::a_delete_that_waits_for_dependents_is_accepted",
        ],
    ),
    (
        "Name, namespace and kind of a body are those of the path; a missing namespace is 404.",
        &[
            "writes::a_replace_names_what_the_path_names",
            "writes::creates_are_refused_for_cause",
            "writes::nothing_is_created_in_a_missing_namespace",
            "errors::kinds_that_do_not_fit_the_path_are_refused",
        ],
    ),
    (
        "A generated name keeps 58 characters of its base and gets five; a taken one is drawn again, eight times in all.",
        &["names::names_are_generated_from_a_base", "names::a_name_that_is_taken_is_drawn_anew_eight_times"],
    ),
    (
        "A create does not choose UID, times or version.",
        &["writes::the_server_sets_identity", "writes::creates_are_refused_for_cause"],
    ),
    (
        "An update does not change UID, times or generation.",
        &["writes::what_only_the_server_may_change_stays"],
    ),
    (
        "The generation counts changes of what is wanted, and the beginning of a deletion, for kinds that have one.",
        &[
            "writes::the_generation_counts_changes_of_what_is_wanted",
            "deletes::a_pod_on_a_node_has_grace_that_only_shrinks",
        ],
    ),
    (
        "The status is written by its own path and by that alone, and so are its owners.",
        &["writes::spec_and_status_are_written_apart", "patches::status_is_applied_through_its_own_path"],
    ),
    (
        "Finalizers hold a deleted object; the last one lets it go, and no new one comes.",
        &["deletes::finalizers_hold_an_object"],
    ),
    (
        "A pod on a node has a grace that can only shrink; one that runs nowhere goes at once.",
        &[
            "deletes::a_pod_on_a_node_has_grace_that_only_shrinks",
            "deletes::pods_that_run_nowhere_go_at_once",
        ],
    ),
    (
        "Preconditions of deletes are 409 when they do not hold; propagation becomes a finalizer; options count in the \
         query and in the body.",
        &[
            "deletes::preconditions_hold_or_refuse",
            "deletes::propagation_becomes_a_finalizer",
            "deletes::options_count_in_the_query_and_in_the_body",
        ],
    ),
    ("A collection is deleted by selector.", &["deletes::a_collection_is_deleted_by_selector"]),
    (
        "An owner of another namespace or UID does not exist; what lives in no namespace is not collected for an owner in \
         one; foreground deletion waits for those who block it.",
        &[
            "controllers::owners_that_are_not_what_they_seem_do_not_exist",
            "controllers::what_lives_in_no_namespace_is_not_collected_for_an_owner_in_one",
            "controllers::an_owner_waits_for_those_who_block_it",
        ],
    ),
    (
        "A namespace goes in two steps and takes nothing new meanwhile; some stay for ever.",
        &[
            "deletes::a_namespace_goes_in_two_steps",
            "deletes::some_namespaces_stay",
            "scales::a_namespace_ends_when_its_last_finalizer_is_taken",
        ],
    ),
    (
        "A quota refuses what exceeds it or does not say what it takes, and tells its use later.",
        &[
            "controllers::a_quota_counts_and_refuses",
            "quotas::what_exceeds_a_quota_is_refused",
            "quotas::a_quota_of_an_amount_wants_to_hear_it",
        ],
    ),
    (
        "Each kind of patch does what it can, and is refused with 415 or 422 where it cannot.",
        &[
            "patches::merge_patches_replace_and_remove",
            "patches::json_patches_test_and_change",
            "patches::unknown_patch_types_are_refused",
            "custom::custom_objects_are_written_by_the_rules_of_all_objects",
        ],
    ),
    (
        "Applying conflicts with other owners unless it is forced, removes what is not applied any more, and needs a manager.",
        &[
            "patches::apply_conflicts_unless_forced",
            "patches::apply_creates_changes_and_removes",
            "patches::apply_demands_a_manager_and_a_whole_name",
        ],
    ),
    (
        "A refusal is a Status with reason, message, details and causes; unknown paths are plain text.",
        &[
            "errors::a_missing_object_is_a_status",
            "errors::what_a_known_group_does_not_have_is_a_status",
            "errors::unknown_paths_are_plain_text",
            "errors::nobody_without_a_valid_token_comes_in",
            "errors::users_may_what_roles_say",
        ],
    ),
    (
        "Label and field selectors choose; fields that a kind does not have and selectors that make no sense are 400.",
        &[
            "lists::label_selectors_choose",
            "lists::field_selectors_choose",
            "lists::options_that_contradict_themselves_are_refused",
        ],
    ),
    (
        "Items of a built-in list do not say what they are, those of custom resources and of watches do.",
        &[
            "lists::items_of_built_in_lists_do_not_say_what_they_are",
            "custom::custom_objects_are_written_by_the_rules_of_all_objects",
            "watches::a_watch_from_a_version_shows_what_came_after",
        ],
    ),
    (
        "What is defaulted and allotted is visible in the answer.",
        &["writes::defaults_are_visible", "controllers::services_have_addresses_without_controllers_too"],
    ),
    (
        "Unknown and doubled fields are told or refused; bodies can be too large; Secrets fold plain text; values have one \
         spelling; some things never change.",
        &[
            "errors::fields_that_do_not_exist_are_dropped_or_refused",
            "forms::fields_that_stand_twice_are_told_or_refused",
            "faults::requests_are_refused_as_a_busy_server_refuses_them",
            "writes::a_body_can_be_too_large",
            "writes::secrets_fold_plain_text",
            "values::bytes_must_be_base64",
            "values::amounts_come_back_in_one_spelling",
            "values::numbers_and_percentages_stay_what_they_were",
            "errors::immutable_maps_stay_as_they_are",
            "values::an_address_is_for_life",
            "values::a_claim_does_not_shrink",
        ],
    ),
];

const HEAD: &str = "\
# How the embedded host behaves

What imitations of an API server get wrong most often, and the tests that show how it is. Written by the test
`the_table_of_behaviours_names_its_tests`; `V9S_UPDATE_SUPPORT=1 cargo test --workspace --test host behaviours` writes it anew.

Tests without a mark run on the embedded host and on a real API server, which is right where they disagree. Those marked
*embedded* need what only the embedded host can be made to do, such as drawing the same name twice or being busy; those marked
*real* are the other half of one on a host of its own.

| behaviour | tests |
| --- | --- |
";

/// Where a test stands.
fn file(place: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match place.contains('/') {
        true => root.join("src").join(place).with_extension("rs"),
        false => root.join("../tests/host").join(place).with_extension("rs"),
    }
}

/// What the table says of a test: its name, and on which host it runs unless on both.
fn entry(test: &str) -> String {
    let (place, name) = test.rsplit_once("::").unwrap_or_default();
    let path = file(place);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (before, after) =
        text.split_once(&format!("fn {name}(")).unwrap_or_else(|| panic!("there is no test {test}"));
    let attribute = before.trim_end_matches("async ").trim_end().lines().last().unwrap_or_default().trim();
    let mark = match (after.lines().next().is_some_and(|line| line.contains(": Host)")), attribute) {
        (true, _) => "",
        (_, "v9s_testkit::real_test! {") => " *real*",
        (_, "#[test]" | "#[tokio::test]") => " *embedded*",
        _ => panic!("{test} is no test"),
    };
    format!("`{test}`{mark}")
}

/// The published table is the one above, and every test in it exists. `V9S_UPDATE_SUPPORT=1` writes it anew.
#[test]
fn the_table_of_behaviours_names_its_tests() {
    let mut text = String::from(HEAD);
    for (behaviour, tests) in BEHAVIOURS {
        let tests: Vec<String> = tests.iter().map(|test| entry(test)).collect();
        let _ = writeln!(text, "| {behaviour} | {} |", tests.join("<br>"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sandbox-behaviours.md");
    if std::env::var_os("V9S_UPDATE_SUPPORT").is_some() {
        std::fs::write(&path, &text).expect("the docs are writable");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == text, "docs/sandbox-behaviours.md is stale: V9S_UPDATE_SUPPORT=1 writes it anew");
}
