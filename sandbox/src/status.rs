//! Errors as the API server answers them: the Kubernetes `Status` object.
//!
//! Clients branch on `reason`, people read `message`; both are therefore spelled as the real server spells them.

mod field;
mod wire;

pub use field::FieldError;
pub use wire::{Cause, Details};

use crate::store::Gr;
use smol_str::SmolStr;
use std::fmt;

/// A refusal: HTTP code, reason, message, details. Serializes to the `Status` object on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// HTTP code.
    pub code: u16,
    /// Machine-readable reason, e.g. `NotFound`; empty where the real server leaves it out.
    pub reason: SmolStr,
    /// What a person reads.
    pub message: String,
    /// What it concerns.
    pub details: Option<Box<Details>>,
    /// A page token with which the list can go on all the same.
    pub next: Option<Box<str>>,
}

impl Status {
    /// Any refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason: SmolStr::new_static(reason), message: message.into(), details: None, next: None }
    }

    fn about(mut self, gr: &Gr, name: &str) -> Self {
        self.details = Some(Box::new(Details {
            name: name.into(),
            group: gr.group.clone(),
            kind: gr.plural.clone(),
            ..Details::default()
        }));
        self
    }

    /// The same refusal about a resource under another name: some are stored under a name of their own.
    #[must_use]
    pub fn renamed(mut self, from: &Gr, to: &Gr) -> Self {
        if from == to {
            return self;
        }
        self.message = self.message.replacen(&format!("{from} "), &format!("{to} "), 1);
        if let Some(details) = self.details.as_mut().filter(|details| details.kind == from.plural) {
            details.kind.clone_from(&to.plural);
            details.group.clone_from(&to.group);
        }
        self
    }

    /// The same refusal with one more cause.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.details.get_or_insert_default().causes.push(cause);
        self
    }

    /// The same refusal with a wish when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = seconds;
        self
    }

    /// 404: no such object.
    pub fn not_found(gr: &Gr, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{gr} {name:?} not found")).about(gr, name)
    }

    /// 404: no such kind.
    pub fn unknown_resource() -> Self {
        let mut status = Self::new(404, "NotFound", "the server could not find the requested resource");
        status.details = Some(Box::default());
        status
    }

    /// 409: the name is taken.
    pub fn already_exists(gr: &Gr, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{gr} {name:?} already exists")).about(gr, name)
    }

    /// 409: the name is taken by something that is on its way out.
    pub fn being_deleted(gr: &Gr, name: &str) -> Self {
        let message = format!("object is being deleted: {gr} {name:?} already exists");
        Self::new(409, "AlreadyExists", message).about(gr, name)
    }

    /// 409: every generated name was taken.
    pub fn generate_name_conflict(gr: &Gr, name: &str) -> Self {
        let message = format!(
            "{gr} {name:?} already exists, the server was not able to generate a unique name for the object"
        );
        Self::new(409, "AlreadyExists", message).about(gr, name).with_retry_after(1)
    }

    /// 409: somebody else was faster, or a precondition does not hold.
    pub fn conflict(gr: &Gr, name: &str, why: impl fmt::Display) -> Self {
        let message = format!("Operation cannot be fulfilled on {gr} {name:?}: {why}");
        Self::new(409, "Conflict", message).about(gr, name)
    }

    /// Why an object is not the one that is meant, in the words of the real server's store; `place` is where it keeps it.
    pub(crate) fn other_uid(place: &str, expected: &str, present: &str) -> String {
        format!(
            "StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: \
             UID in precondition: {expected}, UID in object meta: {present}"
        )
    }

    /// 409: the object was modified since it was read.
    pub fn modified(gr: &Gr, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(gr, name, why)
    }

    /// 409: server-side apply ran into other owners.
    pub fn apply_conflict(message: String, causes: Vec<Cause>) -> Self {
        let mut status = Self::new(409, "Conflict", message);
        status.details = Some(Box::new(Details { causes, ..Details::default() }));
        status
    }

    /// 422: the object breaks the rules of its kind. `kind` is the kind's name (`Pod`), not the plural.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: Vec<FieldError>) -> Self {
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        // Two checks may say the same; people are told once.
        let mut texts: Vec<String> = Vec::new();
        for error in &errors {
            let text = format!("{}: {}", error.field, error.message);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let message = match texts.as_slice() {
            [] => format!("{qualified} {name:?} is invalid"),
            [one] => format!("{qualified} {name:?} is invalid: {one}"),
            many => format!("{qualified} {name:?} is invalid: [{}]", many.join(", ")),
        };
        let causes = errors
            .into_iter()
            .map(|e| Cause { reason: SmolStr::new_static(e.reason), message: e.message, field: e.field })
            .collect();
        let mut status = Self::new(422, "Invalid", message);
        status.details = Some(Box::new(Details {
            name: name.into(),
            group: group.into(),
            kind: kind.into(),
            causes,
            ..Details::default()
        }));
        status
    }

    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401: nobody we know.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403: not allowed.
    pub fn forbidden(gr: &Gr, name: &str, why: impl fmt::Display) -> Self {
        let message = if gr.plural.is_empty() {
            format!("forbidden: {why}")
        } else if name.is_empty() {
            format!("{gr} is forbidden: {why}")
        } else {
            format!("{gr} {name:?} is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message).about(gr, name)
    }

    /// 405: the verb does not exist here.
    pub fn method_not_allowed() -> Self {
        let mut status = Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
        status.details = Some(Box::default());
        status
    }

    /// 410: the revision has left the log.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 410 for a watch that asks from a revision before the log.
    pub fn too_old(asked: u64, oldest: u64) -> Self {
        Self::expired(format!("too old resource version: {asked} ({oldest})"))
    }

    /// 504: a revision that has not happened yet.
    pub fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self::new(504, "Timeout", message).with_retry_after(1).with_cause(Cause {
            reason: SmolStr::new_static("ResourceVersionTooLarge"),
            message: "Too large resource version".into(),
            field: String::new(),
        })
    }

    /// 406: no representation that the client accepts.
    pub fn not_acceptable(accepted: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", accepted.join(", "));
        Self::new(406, "NotAcceptable", message)
    }

    /// 415: a body in a form that is not read here.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 429: too much at once.
    pub fn too_many_requests(message: impl Into<String>, retry_after: u32) -> Self {
        Self::new(429, "TooManyRequests", message).with_retry_after(retry_after)
    }

    /// 500: our own fault.
    pub fn internal(why: impl fmt::Display) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {why}")).with_cause(Cause {
            reason: SmolStr::default(),
            message: why.to_string(),
            field: String::new(),
        })
    }

    /// 501: real Kubernetes serves this, the embedded host does not.
    pub fn not_implemented(what: impl fmt::Display) -> Self {
        Self::new(501, "NotImplemented", format!("the embedded host does not serve {what}"))
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.reason == "NotFound"
    }

    /// Whether somebody else was faster; read again and retry.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    /// Whether the name is taken.
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.message, self.code, self.reason)
    }
}

impl std::error::Error for Status {}

#[cfg(test)]
mod tests;
