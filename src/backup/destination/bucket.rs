//! A bucket of a storage that speaks S3.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore as _, ObjectStoreExt as _, RetryConfig, WriteMultipart,
};
use smol_str::{SmolStr, ToSmolStr as _};

use super::Stored;
use super::error::DestinationError;
use super::place::{BucketPlace, Environment, Place};
use super::profile::Profile;

/// Bytes of one request of an upload; a storage takes 10,000 of them, so 80 GB.
const PART: usize = 8 << 20;
/// Requests of an upload that are under way: with [`PART`], what an upload holds in memory.
const AT_ONCE: usize = 2;

/// A bucket.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: SmolStr,
    place: Box<Place>,
}

impl Bucket {
    pub(super) fn open(
        at: &BucketPlace,
        environment: &Environment,
        place: &Place,
    ) -> Result<Self, DestinationError> {
        // The first one in the process counts; it is the only one that is compiled in.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = builder(at, environment).build().map_err(|why| failed("use", place.of(""), &why))?;
        Ok(Bucket { store: Arc::new(store), prefix: at.prefix.clone(), place: Box::new(place.clone()) })
    }

    fn path(&self, name: &str) -> Path {
        Path::from_iter(self.prefix.split('/').filter(|segment| !segment.is_empty()).chain([name]))
    }

    pub(super) async fn begin(&self, name: &str) -> Result<BucketUpload, DestinationError> {
        let (path, at) = (self.path(name), self.place.of(name));
        match self.store.head(&path).await {
            Err(Error::NotFound { .. }) => {}
            Ok(_) => return Err(DestinationError::There(at)),
            Err(why) => return Err(failed("write", at, &why)),
        }
        let upload =
            self.store.put_multipart(&path).await.map_err(|why| failed("write", at.clone(), &why))?;
        Ok(BucketUpload { upload: WriteMultipart::new_with_chunk_size(upload, PART), at })
    }

    pub(super) async fn read(
        &self,
        name: &str,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>, DestinationError> {
        let at = self.place.of(name);
        let found = self.store.get(&self.path(name)).await.map_err(|why| failed("read", at, &why))?;
        Ok(found.into_stream().map_err(std::io::Error::other).boxed())
    }

    pub(super) async fn list(&self) -> Result<Vec<Stored>, DestinationError> {
        let prefix = Path::from_iter(self.prefix.split('/').filter(|segment| !segment.is_empty()));
        let listed = self.store.list_with_delimiter(Some(&prefix)).await;
        let listed = listed.map_err(|why| failed("list", self.place.of(""), &why))?;
        let stored = listed.objects.into_iter().filter_map(|object| {
            let name = object.location.filename()?.to_smolstr();
            Some(Stored { name, length: object.size, modified: object.last_modified })
        });
        Ok(stored.collect())
    }

    pub(super) async fn remove(&self, name: &str) -> Result<(), DestinationError> {
        match self.store.delete(&self.path(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(failed("remove", self.place.of(name), &why)),
        }
    }
}

/// How to reach it: what the URL says, else the environment, else the profile. As whom: keys of the environment, then those of the
/// profile; a named profile comes first. Without any, tokens of the pod or the machine.
fn builder(at: &BucketPlace, environment: &Environment) -> AmazonS3Builder {
    let profile = Profile::read(at.profile.as_deref(), environment);
    let mut builder = AmazonS3Builder::new();
    for (key, setting) in [
        ("region", AmazonS3ConfigKey::Region),
        ("endpoint_url", AmazonS3ConfigKey::Endpoint),
        ("aws_access_key_id", AmazonS3ConfigKey::AccessKeyId),
        ("aws_secret_access_key", AmazonS3ConfigKey::SecretAccessKey),
        ("aws_session_token", AmazonS3ConfigKey::Token),
    ] {
        let own = environment.get("AWS_ACCESS_KEY_ID").is_some() && at.profile.is_none();
        let credential = key.starts_with("aws_");
        if let Some(value) = profile.get(key)
            && !(credential && own)
        {
            builder = builder.with_config(setting, value);
        }
    }
    for (name, value) in environment.variables() {
        let credential = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(&name);
        let setting = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>();
        if let Ok(setting) = setting
            && !(credential && at.profile.is_some())
        {
            builder = builder.with_config(setting, value);
        }
    }
    if let Some(url) = &at.url {
        builder = builder.with_endpoint(url.as_str());
    }
    if let Some(region) = &at.region {
        builder = builder.with_region(region.as_str());
    }
    if let Some(path_style) = at.path_style {
        builder = builder.with_virtual_hosted_style_request(!path_style);
    }
    // Somebody who writes http:// means it: a storage on the same machine or network.
    let written = [
        at.url.as_deref(),
        environment.get("AWS_ENDPOINT_URL"),
        environment.get("AWS_ENDPOINT_URL_S3"),
        profile.get("endpoint_url"),
    ];
    let plain = written.into_iter().flatten().any(|url| url.starts_with("http://"));
    let options = ClientOptions::new()
        .with_allow_http(plain)
        .with_connect_timeout(Duration::from_secs(10))
        .with_timeout(Duration::from_secs(120));
    let retry = RetryConfig {
        max_retries: 5,
        retry_timeout: Duration::from_secs(90),
        backoff: BackoffConfig { max_backoff: Duration::from_secs(10), ..BackoffConfig::default() },
    };
    builder.with_bucket_name(at.bucket.as_str()).with_client_options(options).with_retry(retry)
}

fn failed(what: &'static str, at: SmolStr, why: &Error) -> DestinationError {
    let remedy = match why {
        Error::NotFound { .. } if what == "read" => return DestinationError::NotThere(at),
        Error::AlreadyExists { .. } => return DestinationError::There(at),
        Error::NotFound { .. } => "check the name of the bucket: v9s makes none",
        Error::PermissionDenied { .. } => "the credentials are known and may not do this: grant it to them",
        Error::Unauthenticated { .. } => "check the credentials: AWS_ACCESS_KEY_ID, a profile, or a role",
        _ => "check the URL of the storage, the credentials and the network",
    };
    // Answers of a storage are pages of XML.
    let why = why.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    DestinationError::Bucket { what, at, why: why.chars().take(400).collect(), remedy }
}

/// An object that is being written.
pub struct BucketUpload {
    upload: WriteMultipart,
    at: SmolStr,
}

impl BucketUpload {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), DestinationError> {
        let ready = self.upload.wait_for_capacity(AT_ONCE).await;
        ready.map_err(|why| failed("write", self.at.clone(), &why))?;
        self.upload.put(bytes);
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), DestinationError> {
        let at = self.at;
        self.upload.finish().await.map(drop).map_err(|why| failed("finish", at, &why))
    }

    pub(super) async fn abort(self) {
        if let Err(why) = self.upload.abort().await {
            tracing::warn!(at = %self.at, %why, "an unfinished upload may stay with the storage until it is cleaned there");
        }
    }
}
