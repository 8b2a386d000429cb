//! Images that cannot be had.

use smol_str::{SmolStr, format_smolstr};

use super::Line;
use crate::explain::facts::Facts;
use crate::explain::pod::{self, Container};
use crate::explain::verdict::{Cause, Evidence};

pub(super) const LINES: &[Line] = &[
    Line { code: "image-name-invalid", why: invalid },
    Line { code: "image-never-pulled", why: never },
    Line { code: "pull-secret-missing", why: pull_secret },
    Line { code: "image-not-found", why: not_found },
    Line { code: "image-unauthorized", why: unauthorized },
    Line { code: "registry-unreachable", why: unreachable },
    Line { code: "image-pull-failed", why: other },
    Line { code: "image-pulling", why: pulling },
];

/// An image that cannot be pulled: whose, which, and what was said about it.
struct Pull<'a> {
    container: Container<'a>,
    said: SmolStr,
    evidence: Vec<Evidence>,
}

impl Pull<'_> {
    fn image(&self) -> &str {
        &self.container.status.image
    }

    fn cause(&self, because: impl Into<SmolStr>) -> Cause {
        Cause { evidence: self.evidence.clone(), ..Cause::certain(because) }
    }
}

fn pull(facts: &Facts) -> Option<Pull<'_>> {
    let (container, message) = pod::waits_for(facts, &["ErrImagePull", "ImagePullBackOff"])?;
    let image = &container.status.image;
    // While it backs off, older kubelets say what was wrong in an event only.
    let told = facts.told_that(&["Failed"], |says| {
        says.starts_with("Failed to pull image") && says.contains(image.as_str())
    });
    let told = told.or_else(|| facts.told_that(&["Failed"], |says| says.starts_with("Failed to pull image")));
    let said =
        format_smolstr!("{message} {}", told.map(|told| told.event.message.as_str()).unwrap_or_default());
    let mut evidence = vec![container.evidence()];
    evidence.extend(told.map(|told| told.evidence()));
    Some(Pull { container, said, evidence })
}

#[derive(PartialEq, Eq)]
enum Kind {
    NotFound,
    Unauthorized,
    Unreachable,
    Other,
}

fn kind(said: &str) -> Kind {
    let said = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    // A registry that denies does not say whether there is such an image.
    if has(&[
        "unauthorized",
        "authentication required",
        "access denied",
        "authorization failed",
        "403 forbidden",
        "insufficient_scope",
        "no basic auth",
    ]) {
        Kind::Unauthorized
    } else if has(&[
        "no such host",
        "connection refused",
        "i/o timeout",
        "x509",
        "tls:",
        "dial tcp",
        "deadline exceeded",
        "no route to host",
        "server gave http response",
        "temporary failure in name resolution",
        "unexpected eof",
        "502 bad gateway",
        "503 service",
        "504 gateway",
    ]) {
        Kind::Unreachable
    } else if has(&["not found", "manifest unknown", "name unknown", "no match for platform"]) {
        Kind::NotFound
    } else {
        Kind::Other
    }
}

fn of(facts: &Facts, wanted: Kind) -> Option<Pull<'_>> {
    pull(facts).filter(|pull| kind(&pull.said) == wanted)
}

fn invalid(facts: &Facts) -> Option<Cause> {
    let (container, _) = pod::waits_for(facts, &["InvalidImageName"])?;
    Some(
        Cause::certain(format_smolstr!(
            "the image of {} has a name that is none: {:?}",
            container.words(),
            container.status.image
        ))
        .seen(container.evidence())
        .fix("correct the name of the image: REGISTRY/PATH:TAG, in lower case"),
    )
}

fn never(facts: &Facts) -> Option<Cause> {
    let (container, _) = pod::waits_for(facts, &["ErrImageNeverPull"])?;
    Some(
        Cause::certain(format_smolstr!(
            "imagePullPolicy is Never, and its node does not have the image {}",
            container.status.image
        ))
        .seen(container.evidence())
        .fix("say imagePullPolicy: IfNotPresent, or load the image on the nodes"),
    )
}

fn pull_secret(facts: &Facts) -> Option<Cause> {
    let pull = pull(facts).filter(|pull| matches!(kind(&pull.said), Kind::Unauthorized | Kind::NotFound))?;
    let told = facts.told(&["FailedToRetrieveImagePullSecret"])?;
    let names = told
        .event
        .message
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map_or("", |(names, _)| names);
    Some(
        pull.cause(format_smolstr!(
            "the pull secret {names} does not exist, so its registry does not hand out {}",
            pull.image()
        ))
        .seen(told.evidence())
        .fix(format_smolstr!(
            "make the Secret {names} (kubectl create secret docker-registry) in the namespace of the pod"
        )),
    )
}

fn not_found(facts: &Facts) -> Option<Cause> {
    let pull = of(facts, Kind::NotFound)?;
    Some(
        pull.cause(format_smolstr!(
            "there is no image {} at its registry (for {})",
            pull.image(),
            pull.container.words()
        ))
        .fix("correct name and tag of the image, or push it"),
    )
}

fn unauthorized(facts: &Facts) -> Option<Cause> {
    let pull = of(facts, Kind::Unauthorized)?;
    Some(
        pull.cause(format_smolstr!(
            "its registry does not hand out {}: it is private, or there is none",
            pull.image()
        ))
        .fix("give the pod or its service account an imagePullSecret that may read it")
        .fix("correct name and tag of the image"),
    )
}

fn unreachable(facts: &Facts) -> Option<Cause> {
    let pull = of(facts, Kind::Unreachable)?;
    Some(
        pull.cause(format_smolstr!("its node does not reach the registry of {}", pull.image()))
            .fix("look at the node's way to the registry: name service, proxy, certificate")
            .fix("use a registry that the nodes reach"),
    )
}

fn other(facts: &Facts) -> Option<Cause> {
    let pull = of(facts, Kind::Other)?;
    Some(
        pull.cause(format_smolstr!("the image {} cannot be pulled", pull.image()))
            .fix("see to what the kubelet says of it"),
    )
}

fn pulling(facts: &Facts) -> Option<Cause> {
    let pod = facts.pod().filter(|pod| pod::phase(pod) == "Pending" && !pod::is_going(pod))?;
    let told = facts.told(&["Pulling"])?;
    let later = facts.told(&["Pulled", "Failed", "BackOff"]);
    if later.is_some_and(|later| later.event.last >= told.event.last)
        || pull(facts).is_some()
        || !pod::is_scheduled(pod)
    {
        return None;
    }
    let image = told.event.message.split('"').nth(1).unwrap_or("an image");
    let since = told.event.last.map(|since| facts.now.signed_duration_since(since).num_seconds());
    let since = since.map(|seconds| format!(", for {seconds} s by now")).unwrap_or_default();
    Some(
        Cause::likely(format_smolstr!("its node is pulling {image}{since}"))
            .seen(told.evidence())
            .fix("wait; a large image takes minutes"),
    )
}
