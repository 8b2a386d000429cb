//! Which versions of Kubernetes go together. Pure.

use std::ops::RangeInclusive;

use smol_str::{SmolStr, format_smolstr};

use crate::cluster::minor;

/// Hosts before it let no container sleep before its end (Kubernetes 1.30), by which a store outlives its API server.
const OLDEST_HOST: u32 = 30;
/// Releases that are known to work inside.
const TENANTS: RangeInclusive<u32> = 30..=36;
/// As many releases apart may what runs pods be from the API server that asks for them.
const APART: u32 = 3;

/// What cannot be, and what is not known to work.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    pub refused: Option<SmolStr>,
    pub doubted: Option<SmolStr>,
    pub note: Option<SmolStr>,
}

/// Judges the host's version, the one that is asked for, and the one that is there, if any.
pub(super) fn judge(host: &str, asked: &str, now: Option<&str>) -> Judged {
    let own = minor(host);
    if own.is_some_and(|own| own < OLDEST_HOST) {
        return refused(format_smolstr!(
            "the host is {host}; v9s makes virtual clusters on 1.{OLDEST_HOST} and newer"
        ));
    }
    let Some(tenant) = minor(asked) else {
        return refused(format_smolstr!(
            "controlPlane.distro.k8s.version: {asked} is no version of Kubernetes such as v1.36.0"
        ));
    };
    if let Some((before, now)) = now.and_then(|now| Some((minor(now)?, now))) {
        if tenant < before {
            return refused(format_smolstr!(
                "controlPlane.distro.k8s.version: it runs {now}, and {asked} does not read what that has stored; give no older release"
            ));
        }
        if tenant > before + 1 {
            return refused(format_smolstr!(
                "controlPlane.distro.k8s.version: it runs {now}; Kubernetes is upgraded one release at a time, so go to 1.{} first",
                before + 1
            ));
        }
    }
    let (oldest, newest) = (TENANTS.start(), TENANTS.end());
    let doubted = (!TENANTS.contains(&tenant)).then(|| {
        format_smolstr!("controlPlane.distro.k8s.version: v9s is tried with 1.{oldest} to 1.{newest}, and {asked} is none of them")
    });
    let note = own.filter(|own| own.abs_diff(tenant) > APART).map(|_| {
        format_smolstr!(
            "the host is {host} and the virtual cluster {asked}: Kubernetes promises no more than {APART} releases between an API server and what runs its pods"
        )
    });
    Judged { refused: None, doubted, note }
}

fn refused(why: SmolStr) -> Judged {
    Judged { refused: Some(why), ..Judged::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged_by_release() {
        // Host, asked, now; and whether it is refused, doubted, noted.
        let cases = [
            ("v1.36.2", "v1.36.0", None, (false, false, false)),
            ("v1.36.2+k3s1", "v1.33.4", None, (false, false, false)),
            ("v1.36.2", "v1.32.0", None, (false, false, true)),
            ("v1.31.0", "v1.36.0", None, (false, false, true)),
            ("v1.30.0", "v1.30.0", None, (false, false, false)),
            ("v1.29.9", "v1.30.0", None, (true, false, false)),
            ("v1.33.0", "v1.29.0", None, (false, true, true)),
            ("v1.38.0", "v1.37.0", None, (false, true, false)),
            ("v1.36.2", "latest", None, (true, false, false)),
            ("unknown", "v1.35.0", None, (false, false, false)),
            ("v1.36.2", "v1.35.9", Some("v1.35.1"), (false, false, false)),
            ("v1.36.2", "v1.35.1", Some("v1.35.9"), (false, false, false)),
            ("v1.36.2", "v1.36.0", Some("v1.35.1"), (false, false, false)),
            ("v1.36.2", "v1.36.0", Some("v1.34.1"), (true, false, false)),
            ("v1.36.2", "v1.34.0", Some("v1.35.1"), (true, false, false)),
        ];
        for (host, asked, now, expected) in cases {
            let Judged { refused, doubted, note } = judge(host, asked, now);
            assert_eq!(
                (refused.is_some(), doubted.is_some(), note.is_some()),
                expected,
                "{host} {asked} {now:?}"
            );
        }
    }
}
