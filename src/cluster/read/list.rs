//! Objects of one kind, as many as match.

use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cluster::http::unbuildable;
use crate::cluster::{Cluster, Failure, Resource};

/// Objects in one page.
const PAGE: u32 = 500;

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Page<T> {
    #[serde(default)]
    metadata: Continue,
    /// None in a list of metadata that holds nothing.
    #[serde(default)]
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct Continue {
    #[serde(rename = "continue")]
    next: Option<String>,
}

impl Cluster {
    /// The objects with these labels, whole, in one namespace or in all.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
    ) -> Result<Vec<T>, Failure> {
        self.pages(resource, namespace, labels, false).await
    }

    /// The same of which only the metadata is sent: what the rest holds is not even asked for.
    pub(crate) async fn list_metadata<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
    ) -> Result<Vec<T>, Failure> {
        self.pages(resource, namespace, labels, true).await
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
        metadata_only: bool,
    ) -> Result<Vec<T>, Failure> {
        let mut items = Vec::new();
        self.each_page(resource, namespace, labels, metadata_only, |page| items.extend(page)).await?;
        Ok(items)
    }

    /// Asks for one object at most: what is told is whether the kind is served.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`](crate::cluster::FailureKind::NotFound) when it is not, and whatever else the server answers.
    pub(crate) async fn serves(&self, resource: &Resource, namespace: Option<&str>) -> Result<(), Failure> {
        let request = Request::new(resource.path(namespace)).list_metadata(&ListParams::default().limit(1));
        self.fetch(request.map_err(|error| unbuildable(&error))?).await.map(drop)
    }

    /// The same page by page: what nobody keeps of a page is gone before the next one comes.
    pub(crate) async fn each_page<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: Option<&str>,
        metadata_only: bool,
        mut take: impl FnMut(Vec<T>),
    ) -> Result<(), Failure> {
        let mut params = ListParams::default().limit(PAGE);
        if let Some(labels) = labels {
            params = params.labels(labels);
        }
        loop {
            let request = Request::new(resource.path(namespace));
            let request = if metadata_only { request.list_metadata(&params) } else { request.list(&params) };
            let page: Page<T> = self.json(request.map_err(|error| unbuildable(&error))?).await?;
            take(page.items.unwrap_or_default());
            match page.metadata.next.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(()),
            }
        }
    }
}
