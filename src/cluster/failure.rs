//! What went wrong between v9s and an API server: one classification, from which words and next steps follow.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use http::StatusCode;
use kube::core::Status;
use smol_str::{SmolStr, format_smolstr};

/// A failed exchange with an API server.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What it amounts to.
    pub kind: FailureKind,
    /// What the server or the system said, as a fragment for a person.
    pub message: SmolStr,
}

/// What a failure amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// We may not do this.
    Forbidden,
    /// The server does not accept who we are.
    Unauthorized,
    /// The object or the kind does not exist.
    NotFound,
    /// The revision is too old: list again.
    Gone,
    /// Somebody changed the object in between, or it exists already.
    Conflict,
    /// The server asks for patience.
    Busy {
        /// How long, if it said so.
        retry_after: Option<Duration>,
    },
    /// The server does not understand or accept the request.
    Rejected,
    /// The server failed.
    Server,
    /// No answer in time.
    Timeout,
    /// Nobody listens at the address.
    Refused,
    /// The host name cannot be resolved.
    NameResolution,
    /// The network does not get us there.
    Unreachable,
    /// The certificate of one side is past its date.
    CertificateExpired,
    /// TLS could not be established for another reason.
    Tls,
    /// The connection ended in the middle.
    Cut,
    /// The program that should provide credentials failed.
    Credentials,
    /// The answer is not what the API promises.
    Protocol,
}

impl Failure {
    /// A failure with a message.
    pub fn new(kind: FailureKind, message: impl Into<SmolStr>) -> Self {
        Failure { kind, message: message.into() }
    }

    /// No answer within this time.
    pub fn timeout(after: Duration) -> Self {
        Failure::new(FailureKind::Timeout, format_smolstr!("no answer within {} s", after.as_secs_f32()))
    }

    /// What a `Status` from the server means.
    pub fn from_status(status: &Status) -> Self {
        let kind = match status.reason.as_str() {
            "Expired" | "Gone" => FailureKind::Gone,
            "Forbidden" => FailureKind::Forbidden,
            "Unauthorized" => FailureKind::Unauthorized,
            "NotFound" => FailureKind::NotFound,
            "Conflict" | "AlreadyExists" => FailureKind::Conflict,
            "TooManyRequests" => FailureKind::Busy { retry_after: retry_after(status) },
            "Timeout" | "ServerTimeout" => FailureKind::Timeout,
            _ => kind_of_code(status.code, retry_after(status)),
        };
        let message = if status.message.is_empty() { &status.reason } else { &status.message };
        Failure::new(kind, message.as_str())
    }

    /// What an HTTP answer that is not a success means. `retry_after` is the header of that name in seconds.
    pub fn from_response(code: StatusCode, retry_after: Option<u64>, body: &[u8]) -> Self {
        let wait = retry_after.map(Duration::from_secs);
        if let Ok(status) = serde_json::from_slice::<Status>(body)
            && !(status.reason.is_empty() && status.message.is_empty())
        {
            let mut failure = Failure::from_status(&Status { code: code.as_u16(), ..status });
            if let FailureKind::Busy { retry_after } = &mut failure.kind {
                *retry_after = retry_after.or(wait);
            }
            return failure;
        }
        // A proxy or load balancer in between answers in its own words; its page is of no use on one line.
        let text = String::from_utf8_lossy(body);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('<'));
        let said = line.map(|line| line.chars().take(200).collect::<String>()).unwrap_or_default();
        let message = if said.is_empty() { format!("HTTP {code}") } else { format!("HTTP {code}: {said}") };
        Failure::new(kind_of_code(code.as_u16(), wait), message)
    }

    /// What an error of the client library means.
    pub fn from_kube(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Failure::from_status(status),
            kube::Error::Auth(auth) => Failure::new(FailureKind::Credentials, describe_auth(auth)),
            // Never the error's own text: it quotes the answer, which may be a Secret.
            kube::Error::SerdeError(_) => Failure::new(FailureKind::Protocol, "the answer cannot be read"),
            other => Failure::from_chain(other),
        }
    }

    /// What an error of the transport means, found by walking its causes.
    pub fn from_chain(error: &(dyn StdError + 'static)) -> Self {
        let mut at = Some(error);
        let mut deepest = error;
        while let Some(cause) = at {
            deepest = cause;
            if let Some(auth) = cause.downcast_ref::<kube::client::AuthError>() {
                return Failure::new(FailureKind::Credentials, describe_auth(auth));
            }
            if let Some(kind) = kind_of_cause(cause) {
                return Failure::new(kind, cause.to_string());
            }
            at = next_cause(cause);
        }
        let message = deepest.to_string();
        let kind = if message.contains("dns error") || message.contains("failed to lookup address") {
            FailureKind::NameResolution
        } else {
            FailureKind::Cut
        };
        Failure::new(kind, message)
    }

    /// What a person can do about it; a sentence fragment.
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            FailureKind::Forbidden => "ask the cluster's administrator for this permission",
            FailureKind::Unauthorized => {
                "log in again: the token or client certificate is expired, revoked or of another cluster"
            }
            FailureKind::NotFound => "it may have been deleted meanwhile: refresh",
            FailureKind::Gone => "nothing: the list starts again by itself",
            FailureKind::Conflict => "look at the object again and repeat",
            FailureKind::Busy { .. } => "wait: the server sheds load, v9s tries again by itself",
            FailureKind::Rejected => "the server is too old or too new for this request",
            FailureKind::Server => "look at the API server's own log",
            FailureKind::Timeout => "check VPN and network, or raise --request-timeout",
            FailureKind::Refused => "is the API server running, and is the address in the kubeconfig right?",
            FailureKind::NameResolution => "check the server's name in the kubeconfig, DNS and VPN",
            FailureKind::Unreachable => "check VPN and network",
            FailureKind::CertificateExpired => {
                "renew the expired certificate (server or client), and check this machine's clock"
            }
            FailureKind::Tls => "check certificate-authority, tls-server-name and proxy in the kubeconfig",
            FailureKind::Cut => {
                "try again; if it goes on, look what ends connections between here and the server"
            }
            FailureKind::Credentials => {
                "run the credential plugin of this context by hand to see why it fails"
            }
            FailureKind::Protocol => "is this address really a Kubernetes API server?",
        }
    }

    /// Whether new credentials may help.
    pub fn wants_credentials(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Unauthorized | FailureKind::Credentials | FailureKind::CertificateExpired
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.kind {
            FailureKind::Forbidden => "forbidden",
            FailureKind::Unauthorized => "not logged in",
            FailureKind::NotFound => "not found",
            FailureKind::Gone => "revision too old",
            FailureKind::Conflict => "conflict",
            FailureKind::Busy { .. } => "server busy",
            FailureKind::Rejected => "rejected",
            FailureKind::Server => "server error",
            FailureKind::Timeout => "timeout",
            FailureKind::Refused => "connection refused",
            FailureKind::NameResolution => "unknown host",
            FailureKind::Unreachable => "unreachable",
            FailureKind::CertificateExpired => "certificate expired",
            FailureKind::Tls => "TLS",
            FailureKind::Cut => "connection lost",
            FailureKind::Credentials => "credentials",
            FailureKind::Protocol => "unexpected answer",
        };
        write!(f, "{word}: {}", self.message)
    }
}

fn kind_of_code(code: u16, retry_after: Option<Duration>) -> FailureKind {
    match code {
        401 => FailureKind::Unauthorized,
        403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        409 => FailureKind::Conflict,
        410 => FailureKind::Gone,
        408 | 504 => FailureKind::Timeout,
        429 | 503 => FailureKind::Busy { retry_after },
        400..=499 => FailureKind::Rejected,
        _ => FailureKind::Server,
    }
}

fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref().map(|details| details.retry_after_seconds)?;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

/// The cause inside. An `io::Error` hides its own content from `source`, so it is asked directly.
fn next_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn kind_of_cause(cause: &(dyn StdError + 'static)) -> Option<FailureKind> {
    if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
        return Some(kind_of_tls(tls));
    }
    let io = cause.downcast_ref::<io::Error>()?;
    if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return None;
    }
    match io.kind() {
        io::ErrorKind::ConnectionRefused => Some(FailureKind::Refused),
        io::ErrorKind::TimedOut => Some(FailureKind::Timeout),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(FailureKind::Unreachable),
        _ => None,
    }
}

fn kind_of_tls(error: &rustls::Error) -> FailureKind {
    use rustls::{AlertDescription, CertificateError, Error};
    match error {
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )
        | Error::AlertReceived(AlertDescription::CertificateExpired) => FailureKind::CertificateExpired,
        Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateRequired
            | AlertDescription::AccessDenied,
        ) => FailureKind::Unauthorized,
        _ => FailureKind::Tls,
    }
}

/// Words for a failed credential plugin. Its standard output may hold a token and is never shown.
pub(super) fn describe_auth(error: &kube::client::AuthError) -> SmolStr {
    use kube::client::AuthError;
    match error {
        AuthError::AuthExecStart(cause) => format_smolstr!("the credential plugin does not start: {cause}"),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no message");
            format_smolstr!("the credential plugin failed ({}): {last}", out.status)
        }
        AuthError::AuthExecParse(_) => "the credential plugin's answer cannot be read".into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(reason: &str, code: u16) -> Status {
        Status { code, ..Status::failure("words of the server", reason) }
    }

    #[test]
    fn a_status_is_classified_by_reason_then_by_code() {
        let busy = FailureKind::Busy { retry_after: None };
        let cases = [
            ("Expired", 410, FailureKind::Gone),
            ("", 410, FailureKind::Gone),
            ("Forbidden", 403, FailureKind::Forbidden),
            ("Unauthorized", 401, FailureKind::Unauthorized),
            ("NotFound", 404, FailureKind::NotFound),
            ("AlreadyExists", 409, FailureKind::Conflict),
            ("TooManyRequests", 429, busy),
            ("", 503, busy),
            ("ServerTimeout", 500, FailureKind::Timeout),
            ("InternalError", 500, FailureKind::Server),
            ("Invalid", 422, FailureKind::Rejected),
        ];
        for (reason, code, expected) in cases {
            assert_eq!(Failure::from_status(&status(reason, code)).kind, expected, "{reason} {code}");
        }
    }

    #[test]
    fn an_answer_of_something_in_between_is_one_short_line() {
        let page = b"<html>\n<h1>\nBad gateway\n</h1></html>";
        let failure = Failure::from_response(StatusCode::BAD_GATEWAY, None, page);
        assert_eq!(failure.to_string(), "server error: HTTP 502 Bad Gateway: Bad gateway");
        let wait = Failure::from_response(StatusCode::TOO_MANY_REQUESTS, Some(7), b"");
        assert_eq!(wait.kind, FailureKind::Busy { retry_after: Some(Duration::from_secs(7)) });
    }

    #[test]
    fn causes_are_found_behind_wrappers() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let wrapped = io::Error::other(io::Error::other(refused));
        assert_eq!(Failure::from_chain(&wrapped).kind, FailureKind::Refused);
        let expired = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, expired);
        assert_eq!(Failure::from_chain(&wrapped).kind, FailureKind::CertificateExpired);
        let other = io::Error::other("broken pipe");
        assert_eq!(Failure::from_chain(&other).kind, FailureKind::Cut);
    }

    #[test]
    fn what_a_credential_plugin_prints_stays_hidden() {
        use std::os::unix::process::ExitStatusExt;
        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: b"token-of-somebody".to_vec(),
            stderr: b"starting\nsession expired, run login\n".to_vec(),
        };
        let error = kube::client::AuthError::AuthExecRun { cmd: "plugin".into(), out: Box::new(out) };
        let failure = Failure::from_kube(&kube::Error::Auth(error));
        assert_eq!(failure.kind, FailureKind::Credentials);
        assert!(failure.message.contains("session expired, run login"));
        assert!(!failure.message.contains("token-of-somebody"));
    }
}
