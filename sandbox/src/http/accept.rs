//! In which form a client wants its answer.

use crate::status::Status;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The objects themselves.
    Object,
    /// Only their metadata, in this version of `meta.k8s.io`.
    Metadata(&'static str),
    /// Rows to print, in this version of `meta.k8s.io`.
    Table(&'static str),
}

/// How an answer is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// One clause of an `Accept` header.
struct Clause<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts
            .filter_map(|p| p.split_once('='))
            .map(|(k, v)| (k.trim(), v.trim().trim_matches('"')))
            .collect();
        let quality = parameters.iter().find(|(k, _)| *k == "q").and_then(|(_, v)| v.parse().ok());
        Self { media_type, parameters, quality: quality.unwrap_or(1.0) }
    }

    fn parameter(&self, name: &str) -> &'a str {
        self.parameters.iter().find(|(k, _)| *k == name).map_or("", |(_, v)| v)
    }

    fn is_json(&self) -> bool {
        matches!(self.media_type, "application/json" | "application/*" | "*/*" | "")
    }

    fn is_yaml(&self) -> bool {
        self.media_type == "application/yaml"
    }

    /// The form that the clause asks for, if it is one.
    fn form(&self) -> Option<Form> {
        match self.parameter("as") {
            "" => Some(Form::Object),
            "Table" => version(self.parameter("v")).map(Form::Table),
            "PartialObjectMetadata" | "PartialObjectMetadataList" => {
                version(self.parameter("v")).map(Form::Metadata)
            }
            _ => None,
        }
    }
}

/// The clauses, the wanted ones first.
fn clauses(header: &str) -> Vec<Clause<'_>> {
    let mut clauses: Vec<_> = header.split(',').map(Clause::parse).collect();
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    clauses
}

fn version(text: &str) -> Option<&'static str> {
    match text {
        "v1" => Some("v1"),
        "v1beta1" => Some("v1beta1"),
        _ => None,
    }
}

/// The form that an `Accept` header asks for.
///
/// # Errors
/// 406 when nothing it accepts is spoken here.
pub(crate) fn form(header: &str) -> Result<Form, Status> {
    let spoken = |clause: &&Clause<'_>| clause.is_json() || clause.is_yaml();
    clauses(header).iter().filter(spoken).find_map(Clause::form).ok_or_else(not_acceptable)
}

/// The form of a watch, which is never written in YAML.
///
/// # Errors
/// 406 when nothing it accepts is spoken here.
pub(crate) fn watch_form(header: &str) -> Result<Form, Status> {
    clauses(header).iter().filter(|clause| clause.is_json()).find_map(Clause::form).ok_or_else(not_acceptable)
}

/// How the answer in that form is to be written down.
pub(crate) fn encoding(header: &str) -> Encoding {
    let clauses = clauses(header);
    let first = clauses.iter().find(|clause| {
        (clause.is_json() || clause.is_yaml())
            && (clause.form().is_some() || clause.parameter("as") == "APIGroupDiscoveryList")
    });
    if first.is_some_and(|clause| clause.is_yaml()) { Encoding::Yaml } else { Encoding::Json }
}

fn not_acceptable() -> Status {
    let mut status = Status::new(406, "NotAcceptable", NOT_ACCEPTABLE);
    status.details = Some(Box::default());
    status
}

const NOT_ACCEPTABLE: &str = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
    application/vnd.kubernetes.protobuf, application/json;stream=watch, \
    application/vnd.kubernetes.protobuf;stream=watch";

/// The version of aggregated discovery that an `Accept` header asks for before plain JSON.
pub(crate) fn aggregated_discovery(header: &str) -> Option<&'static str> {
    let clauses = clauses(header);
    let first = clauses.iter().find(|clause| {
        clause.is_json()
            && match clause.parameter("as") {
                "" => true,
                "APIGroupDiscoveryList" => {
                    clause.parameter("g") == "apidiscovery.k8s.io"
                        && matches!(clause.parameter("v"), "v2" | "v2beta1")
                }
                _ => false,
            }
    })?;
    match (first.parameter("as"), first.parameter("v")) {
        ("", _) => None,
        (_, "v2") => Some("v2"),
        _ => Some("v2beta1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_spoken_wins() {
        let cases = [
            ("", Some(Form::Object)),
            ("*/*", Some(Form::Object)),
            ("application/json", Some(Form::Object)),
            ("application/vnd.kubernetes.protobuf,application/json", Some(Form::Object)),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some(Form::Table("v1")),
            ),
            ("application/json;as=Table;g=meta.k8s.io;v=v1beta1", Some(Form::Table("v1beta1"))),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Form::Metadata("v1"))),
            ("application/json;q=0.5, application/json;as=Table;v=v1;g=meta.k8s.io", Some(Form::Table("v1"))),
            ("application/vnd.kubernetes.protobuf", None),
            ("text/html", None),
        ];
        for (header, expected) in cases {
            assert_eq!(form(header).ok(), expected, "{header}");
        }
        assert_eq!(form("text/html").unwrap_err().code, 406);
    }

    #[test]
    fn aggregated_discovery_is_recognised_in_any_order_of_parameters() {
        let v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        assert_eq!(aggregated_discovery(v2), Some("v2"));
        let nopeer = "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io;profile=nopeer,application/json";
        assert_eq!(aggregated_discovery(nopeer), Some("v2"));
        assert_eq!(
            aggregated_discovery("application/json;v=v2beta1;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"),
            Some("v2beta1")
        );
        assert_eq!(aggregated_discovery("application/json"), None);
        assert_eq!(aggregated_discovery(""), None);
    }
}
