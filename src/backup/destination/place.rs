//! How places are written: paths, `file://`, and `s3://bucket/prefix?region=…`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

/// A place that is not written right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// It is empty.
    #[error("a place is missing: a folder, or s3://BUCKET/PREFIX")]
    Empty,
    /// Of a kind that is not known.
    #[error("{0}:// is not known: there are paths, file:// and s3://")]
    Scheme(SmolStr),
    /// `file://` with a host.
    #[error("file:// takes an absolute path behind two slashes, such as file:///backups")]
    File,
    /// Without a bucket.
    #[error("a bucket is missing: s3://BUCKET/PREFIX")]
    Bucket,
    /// A setting that is not known, or makes no sense.
    #[error(
        "{0} is no setting of s3://: there are url, region, profile and force-path-style (true or false)"
    )]
    Setting(SmolStr),
    /// Credentials where everybody can read them.
    #[error(
        "credentials do not belong into a URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
    )]
    Credentials,
    /// A folder where a file was meant.
    #[error("{0} names no backup in a place: write FOLDER/NAME or s3://BUCKET/PREFIX/NAME")]
    NoName(SmolStr),
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket.
    Bucket(BucketPlace),
}

/// Where in which storage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketPlace {
    /// The bucket.
    pub bucket: SmolStr,
    /// What names of objects begin with, without slashes at its ends; may be empty.
    pub prefix: SmolStr,
    /// URL of the storage; AWS itself when there is none.
    pub url: Option<SmolStr>,
    /// Region.
    pub region: Option<SmolStr>,
    /// Profile in the files of the AWS command line.
    pub profile: Option<SmolStr>,
    /// Whether the bucket is part of the path and not of the name of the server.
    pub path_style: Option<bool>,
}

impl Place {
    /// A place as a person writes it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Place, PlaceError> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() { Err(PlaceError::Empty) } else { Ok(Place::Folder(text.into())) };
        };
        match scheme {
            "file" if rest.starts_with('/') => {
                let path = percent_encoding::percent_decode_str(rest).decode_utf8();
                Ok(Place::Folder(path.map_err(|_| PlaceError::File)?.as_ref().into()))
            }
            "file" => Err(PlaceError::File),
            "s3" => bucket(rest).map(Place::Bucket),
            other => Err(PlaceError::Scheme(other.chars().take(20).collect())),
        }
    }

    /// A place and the name of something in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse_file(text: &str) -> Result<(Place, SmolStr), PlaceError> {
        let no_name = || PlaceError::NoName(text.chars().take(200).collect());
        match Place::parse(text)? {
            Place::Folder(path) => {
                if text.ends_with('/') {
                    return Err(no_name());
                }
                let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(no_name)?.into();
                let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                Ok((Place::Folder(folder.unwrap_or(Path::new(".")).to_owned()), name))
            }
            Place::Bucket(mut at) => {
                let prefix = std::mem::take(&mut at.prefix);
                let (before, name) = prefix.rsplit_once('/').unwrap_or(("", &prefix));
                if name.is_empty() || text.split('?').next().is_some_and(|path| path.ends_with('/')) {
                    return Err(no_name());
                }
                at.prefix = before.into();
                Ok((Place::Bucket(at), name.into()))
            }
        }
    }

    /// Something in it, as it is written; itself for an empty name.
    pub fn of(&self, name: &str) -> SmolStr {
        match self {
            Place::Folder(path) if name.is_empty() => format_smolstr!("{}", path.display()),
            Place::Folder(path) => format_smolstr!("{}", path.join(name).display()),
            Place::Bucket(at) => {
                let mut text = format!("s3://{}", at.bucket);
                for segment in [at.prefix.as_str(), name].into_iter().filter(|segment| !segment.is_empty()) {
                    text.push('/');
                    text.push_str(segment);
                }
                text.push_str(&at.settings());
                text.into()
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of(""))
    }
}

impl BucketPlace {
    /// The settings as they are written behind the path, so that what is printed can be used again.
    fn settings(&self) -> String {
        let style = self.path_style.map(|style| SmolStr::new(style.to_string()));
        let settings = [
            ("url", &self.url),
            ("region", &self.region),
            ("profile", &self.profile),
            ("force-path-style", &style),
        ];
        let mut text = String::new();
        for (key, value) in settings {
            let Some(value) = value else { continue };
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(key);
            text.push('=');
            text.extend(percent_encoding::utf8_percent_encode(value, ESCAPED));
        }
        text
    }
}

/// What would end a value.
const ESCAPED: &percent_encoding::AsciiSet =
    &percent_encoding::CONTROLS.add(b' ').add(b'&').add(b'%').add(b'#').add(b'+').add(b'?');

fn bucket(rest: &str) -> Result<BucketPlace, PlaceError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    if bucket.contains('@') {
        return Err(PlaceError::Credentials);
    }
    if bucket.is_empty() {
        return Err(PlaceError::Bucket);
    }
    let mut at = BucketPlace {
        bucket: bucket.into(),
        prefix: prefix.trim_matches('/').into(),
        ..BucketPlace::default()
    };
    for setting in query.split('&').filter(|setting| !setting.is_empty()) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let wrong = || PlaceError::Setting(key.chars().take(40).collect());
        let value = percent_encoding::percent_decode_str(value).decode_utf8().map_err(|_| wrong())?;
        if key.contains("key") || key.contains("secret") || key.contains("token") {
            return Err(PlaceError::Credentials);
        }
        if value.is_empty() {
            return Err(wrong());
        }
        match key {
            "url" if value.contains('@') => return Err(PlaceError::Credentials),
            "url" if value.starts_with("https://") || value.starts_with("http://") => {
                at.url = Some(value.as_ref().into());
            }
            "region" => at.region = Some(value.as_ref().into()),
            "profile" => at.profile = Some(value.as_ref().into()),
            "force-path-style" => at.path_style = Some(value.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        }
    }
    Ok(at)
}

/// What of the environment says how to reach a storage and as whom. Read once, by whoever starts.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
}

impl Environment {
    /// That of this process: variables that begin with `AWS_`, and where the files of the AWS command line are.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            (name.starts_with("AWS_") && !value.is_empty()).then_some((name, value))
        });
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        Environment { variables: variables.collect(), home }
    }

    /// One that holds just these.
    pub fn of(variables: impl IntoIterator<Item = (&'static str, String)>, home: Option<PathBuf>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Environment { variables, home }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }
}

/// Secrets are not shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
