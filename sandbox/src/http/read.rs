//! Getting and listing.

use super::Call;
use super::body::{self, Body};
use super::encode::ListMeta;
use crate::status::{FieldError, Status};
use crate::store::{ListQuery, Selector};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Response;
use serde::{Deserialize, Serialize};

/// What a client reads when its page token is older than the log.
const EXPIRED_PAGE: &str = "The provided continue parameter is too old to display a consistent list result. You can \
    start a new list without the continue parameter, or use the continue token in this response to retrieve the \
    remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were \
    created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

/// What a `continue` token says: the snapshot and the key after which to go on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Token {
    #[serde(rename = "v")]
    version: String,
    /// Negative: none, go on in the present.
    #[serde(rename = "rv")]
    revision: i64,
    #[serde(rename = "start")]
    after: String,
}

impl Token {
    fn encode(revision: u64, after: String) -> String {
        Self { version: "meta.k8s.io/v1".into(), revision: i64::try_from(revision).unwrap_or(-1), after }
            .text()
    }

    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(text: &str) -> Result<Self, Status> {
        let invalid = |why: String| Status::bad_request(format!("invalid continue token: {why}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|error| invalid(format!("continue key is not valid: {error}")))?;
        let token: Self = serde_json::from_slice(&bytes)
            .map_err(|error| invalid(format!("continue key is not valid: {error}")))?;
        match token {
            Self { ref version, .. } if version != "meta.k8s.io/v1" => Err(invalid(format!(
                "continue key is not valid: server does not recognize this encoded version {version}"
            ))),
            Self { revision: 0, .. } => Err(invalid(
                "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
                    .into(),
            )),
            token => Ok(token),
        }
    }
}

/// `GET` of one object.
pub(super) fn get(call: &Call) -> Result<Response<Body>, Status> {
    let object = call.store().get(&call.gr, call.namespace(), call.name())?;
    // Any version at least this new will do, and the present one is.
    if let Some(wanted) = revision(call.query.text("resourceVersion"))? {
        not_older(wanted, call.store().revision())?;
    }
    call.show(200, &object)
}

/// `GET` of a collection.
pub(super) fn list(call: &Call) -> Result<Response<Body>, Status> {
    let query = list_query(call)?;
    let page = call.store().list(&call.gr, &query).map_err(|refused| match &query.after {
        Some(after) if refused.reason == "Expired" => expired_page(after),
        _ => refused,
    })?;
    let meta = ListMeta {
        revision: page.revision,
        next: page.next.map(|after| Token::encode(page.revision, after)),
        remaining: page.remaining,
    };
    Ok(body::json(200, call.encoder()?.list(&page.items, &meta)))
}

/// The snapshot of a page token is gone; the list can go on in the present.
fn expired_page(after: &str) -> Status {
    let token = Token { version: "meta.k8s.io/v1".into(), revision: -1, after: after.to_owned() };
    Status { next: Some(token.text().into()), ..Status::expired(EXPIRED_PAGE) }
}

/// What the parameters of a list ask for.
pub(super) fn list_query(call: &Call) -> Result<ListQuery, Status> {
    let query = &call.query;
    let (text, rule, next) =
        (query.text("resourceVersion"), query.text("resourceVersionMatch"), query.text("continue"));
    // What cannot be read is refused before what makes no sense.
    let limit = query.number::<i64>("limit")?;
    let mut wanted = ListQuery {
        namespace: call.target.namespace.clone(),
        selector: selector(call)?,
        limit: limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        ..ListQuery::default()
    };
    check_match(query.switch("sendInitialEvents"), text, rule, next)?;
    wanted.selector.check_fields()?;
    let current = call.store().revision();
    if !next.is_empty() {
        if !matches!(text, "" | "0") {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let token = Token::decode(next)?;
        wanted.after = Some(token.after);
        wanted.revision = u64::try_from(token.revision).ok();
        return Ok(wanted);
    }
    match (revision(text)?, rule) {
        (None | Some(0), _) => {}
        (Some(exact), "Exact") => wanted.revision = Some(exact),
        // A limit without a rule means exactly this version; that is how paging was done before the rule existed. The one
        // object of a name is no page.
        (Some(exact), "") if wanted.limit > 0 && !of_one(call, &wanted.selector) => {
            wanted.revision = Some(exact);
        }
        (Some(at_least), _) => not_older(at_least, current)?,
    }
    Ok(wanted)
}

/// The selectors of a request.
pub(super) fn selector(call: &Call) -> Result<Selector, Status> {
    Selector::parse(&call.kind, call.query.text("labelSelector"), call.query.text("fieldSelector"))
}

/// Reads a resource version; none for the empty text.
pub(super) fn revision(text: &str) -> Result<Option<u64>, Status> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            let shown = format!("{text:?}");
            let why = format!("strconv.ParseUint: parsing {text:?}: invalid syntax");
            let error = FieldError::invalid("resourceVersion", shown, &why);
            Status::bad_request(format!("invalid resource version: {}: {}", error.field, error.message))
        }),
    }
}

/// Whether a list is that of one object, whose place is known.
fn of_one(call: &Call, selector: &Selector) -> bool {
    selector.exact_name().is_some() && call.kind.namespaced == call.target.namespace.is_some()
}

fn not_older(wanted: u64, current: u64) -> Result<(), Status> {
    if wanted > current { Err(Status::too_large(wanted, current)) } else { Ok(()) }
}

fn check_match(initial: Option<bool>, version: &str, rule: &str, next: &str) -> Result<(), Status> {
    let mut errors = Vec::new();
    let mut forbid = |detail: &str| errors.push(FieldError::forbidden("resourceVersionMatch", detail));
    if !rule.is_empty() {
        if version.is_empty() {
            forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        if !next.is_empty() {
            forbid("resourceVersionMatch is forbidden when continue is provided");
        }
        if rule == "Exact" && version == "0" {
            forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        }
        if !matches!(rule, "Exact" | "NotOlderThan") {
            let known = ["Exact", "NotOlderThan", ""];
            errors.push(FieldError::not_supported("resourceVersionMatch", rule, &known));
        }
    }
    if initial.is_some() {
        let detail = "sendInitialEvents is forbidden for list";
        errors.push(FieldError::forbidden("sendInitialEvents", detail));
    }
    refuse_options(errors)
}

/// 422 about the options of a list or watch.
pub(super) fn refuse_options(errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("meta.k8s.io", "ListOptions", "", errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_tokens_survive_the_wire() {
        let text = Token::encode(12, "ns/name".into());
        assert_eq!(Token::decode(&text).map(|t| (t.revision, t.after)), Ok((12, "ns/name".into())));
        for bad in ["%", "e30", "bm9wZQ"] {
            assert_eq!(Token::decode(bad).unwrap_err().code, 400, "{bad}");
        }
    }
}
