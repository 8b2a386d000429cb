//! Time zones, by the names of the IANA's database.

use std::str::FromStr;

use jiff::tz::{TimeZone, db};
use smol_str::SmolStr;
use thiserror::Error;

/// A time zone that the API server will know, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(SmolStr);

/// A name that is none of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ZoneError {
    /// It is not known.
    #[error("{0:?} is no time zone: names are those of the IANA's database, such as Europe/Berlin or UTC")]
    Unknown(SmolStr),
    /// It is written otherwise, and the API server looks at that.
    #[error("{0:?} is no time zone as it is written: say {1}")]
    Written(SmolStr, SmolStr),
}

impl Zone {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let shown = || text.chars().take(60).collect::<SmolStr>();
        let sign = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '/' | '_' | '-' | '+');
        // `Local` is whatever the controller manager's machine is set to.
        if text.is_empty() || !text.chars().all(sign) || text.eq_ignore_ascii_case("local") {
            return Err(ZoneError::Unknown(shown()));
        }
        if text == "UTC" {
            return Ok(Zone(text.into()));
        }
        match TimeZone::get(text) {
            Ok(zone) => match zone.iana_name() {
                Some(name) if name != text => Err(ZoneError::Written(shown(), name.into())),
                _ => Ok(Zone(text.into())),
            },
            // Machines without a database leave it to the API server, which has one.
            Err(_) if db().is_definitively_empty() => Ok(Zone(text.into())),
            Err(_) => Err(ZoneError::Unknown(shown())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_named_as_the_api_server_looks_for_them() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert_eq!(name.parse::<Zone>().map(|zone| zone.0), Ok(name.into()));
        }
        for name in ["", "Local", "local", "Nowhere/Land", "Europe/Berlin ", "../etc/passwd", "CET DST"] {
            assert!(matches!(name.parse::<Zone>(), Err(ZoneError::Unknown(_))), "{name}");
        }
        assert_eq!(
            "europe/berlin".parse::<Zone>(),
            Err(ZoneError::Written("europe/berlin".into(), "Europe/Berlin".into()))
        );
    }
}
