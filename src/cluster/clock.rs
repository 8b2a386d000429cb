//! What time it is for an API server.

use chrono::{DateTime, Utc};
use http::{HeaderMap, Request, header};

use super::{Cluster, ReadError};

impl Cluster {
    /// What its API server's clock says, to the second; None when it does not tell. Times that several machines go by are
    /// made and compared by this one.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn clock(&self) -> Result<Option<DateTime<Utc>>, ReadError> {
        let request = Request::get("/version").body(Vec::new());
        let sent = match request {
            Ok(request) => self.send(request).await,
            Err(error) => Err(super::Failure::new(super::FailureKind::Rejected, error.to_string())),
        };
        let answer = sent.map_err(|failure| self.error("ask what time it is", failure))?;
        Ok(date(answer.headers()))
    }
}

/// When an answer was given, by the server's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(date).ok().map(|date| date.to_utc())
}
