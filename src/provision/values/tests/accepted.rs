//! What is accepted, and what comes of it.

use super::*;

#[test]
fn an_empty_document_is_the_defaults() {
    for document in ["", "\n", "---\n", "{}", "null\n", "# nothing\n", "sync:\nnetworking: null\n"] {
        assert_eq!(settings(document), Settings::default(), "{document:?}");
    }
}

#[test]
fn the_complete_values_of_the_official_chart_are_the_defaults() {
    assert_eq!(settings(CHART_VALUES), Settings::default());
}
