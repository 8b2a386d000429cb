//! Reads on demand: nothing is cached, and errors say what was tried, where, what the server said and what to do.

mod events;
mod kinds;
mod list;
mod logs;
mod object;

use kube::api::{GetParams, ListParams};
use kube::core::Request;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use thiserror::Error;

pub use self::events::{EventKind, EventRow};
#[cfg(feature = "backup")]
pub(crate) use self::kinds::ServedKind;
pub use self::logs::{LogEvent, LogLine, LogRequest};
#[cfg(feature = "backup")]
pub(crate) use self::object::BothConfigs;
pub use self::object::{ContainerInfo, YamlOptions};
use super::http::unbuildable;
use super::{Cluster, Failure, FailureKind, ObjectRef, Resource};

/// A read that did not work.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("cannot {what} on {cluster}: {failure}")]
pub struct ReadError {
    /// What was tried, such as `list events in team-a`.
    pub what: String,
    /// The kube context.
    pub cluster: SmolStr,
    /// What came of it.
    pub failure: Failure,
}

impl ReadError {
    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        self.failure.remedy()
    }
}

impl Cluster {
    /// Version of the API server, such as `v1.36.2`.
    ///
    /// # Errors
    /// When the server cannot be reached or does not tell.
    pub async fn version(&self) -> Result<SmolStr, ReadError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: SmolStr,
        }
        let request = http::Request::get("/version").body(Vec::new());
        let read = async {
            let request = request.map_err(|error| Failure::new(FailureKind::Rejected, error.to_string()))?;
            self.json::<Version>(request).await
        };
        let version = read.await.map_err(|failure| self.error("read the version", failure))?;
        Ok(version.git_version)
    }

    /// Names of all namespaces.
    ///
    /// # Errors
    /// When they may not be listed, or the server cannot be reached.
    pub async fn namespaces(&self) -> Result<Vec<SmolStr>, ReadError> {
        let read = async {
            let mut names = Vec::new();
            let mut params = ListParams::default().limit(500);
            loop {
                let request = Request::new(Resource::NAMESPACES.path(None)).list_metadata(&params);
                let page: NamedList = self.json(request.map_err(|error| unbuildable(&error))?).await?;
                names.extend(page.items.into_iter().map(|item| item.metadata.name));
                match page.metadata.next.filter(|token| !token.is_empty()) {
                    Some(token) => params.continue_token = Some(token),
                    None => return Ok(names),
                }
            }
        };
        read.await.map_err(|failure| self.error("list namespaces", failure))
    }

    /// One object as the server has it.
    pub(crate) async fn get<T: DeserializeOwned>(&self, object: &ObjectRef) -> Result<T, Failure> {
        let path = object.resource.path(object.namespace.as_deref());
        let request = Request::new(path).get(&object.name, &GetParams::default());
        self.json(request.map_err(|error| unbuildable(&error))?).await
    }

    /// The metadata of one object: what the rest holds is not even asked for.
    pub(crate) async fn get_metadata<T: DeserializeOwned>(&self, object: &ObjectRef) -> Result<T, Failure> {
        let path = object.resource.path(object.namespace.as_deref());
        let request = Request::new(path).get_metadata(&object.name, &GetParams::default());
        self.json(request.map_err(|error| unbuildable(&error))?).await
    }

    /// Sends a request and reads the answer as JSON. What cannot be read is not quoted.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<T, Failure> {
        let bytes = self.fetch(request).await?;
        serde_json::from_slice(&bytes)
            .map_err(|_| Failure::new(FailureKind::Protocol, "the answer is not the JSON that was expected"))
    }

    pub(crate) fn error(&self, what: impl Into<String>, failure: Failure) -> ReadError {
        ReadError { what: what.into(), cluster: self.context.clone(), failure }
    }
}

#[derive(serde::Deserialize)]
struct NamedList {
    metadata: Continue,
    items: Vec<Named>,
}

#[derive(serde::Deserialize)]
struct Continue {
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(serde::Deserialize)]
struct Named {
    metadata: NameOnly,
}

#[derive(serde::Deserialize)]
struct NameOnly {
    name: SmolStr,
}
