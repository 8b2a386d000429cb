//! Volumes: claims that are not there or not bound, what does not attach or mount, and what a pod is to be given.

use k8s_openapi::api::core::v1::Pod;
use smol_str::{SmolStr, format_smolstr};

use super::Line;
use crate::explain::facts::{Claim, Facts, Side, Told};
use crate::explain::message::{behind, quoted, unfit};
use crate::explain::pod;
use crate::explain::verdict::{Cause, Evidence};
use crate::known::Known;

pub(super) const LINES: &[Line] = &[
    Line { code: "claim-missing", why: claim_missing },
    Line { code: "storage-class-missing", why: class_missing },
    Line { code: "volume-missing", why: volume_missing },
    Line { code: "provisioning-failed", why: provisioning_failed },
    Line { code: "provisioner-silent", why: provisioner_silent },
    Line { code: "claim-ending", why: claim_ending },
    Line { code: "claim-lost", why: claim_lost },
    Line { code: "claim-unbound", why: claim_unbound },
    Line { code: "volume-elsewhere", why: volume_elsewhere },
    Line { code: "too-many-volumes", why: too_many_volumes },
    Line { code: "secret-missing", why: |facts| object_missing(facts, "secret") },
    Line { code: "config-map-missing", why: |facts| object_missing(facts, "configmap") },
    Line { code: "key-missing", why: key_missing },
    Line { code: "volume-in-use", why: in_use },
    Line { code: "attach-failed", why: attach },
    Line { code: "mount-failed", why: mount },
];

/// The pod, while its volumes may keep it from starting.
fn waiting(facts: &Facts) -> Option<&Pod> {
    let pod = facts.pod().filter(|pod| pod::phase(pod) == "Pending" && !pod::is_going(pod))?;
    (!pod::is_scheduled(pod) || pod::is_before_start(pod)).then_some(pod)
}

/// A claim that the pod names and that is like this.
fn claim(facts: &Facts, is_it: impl Fn(&Claim) -> bool) -> Option<&Claim> {
    waiting(facts)?;
    facts.claims.get()?.iter().find(|claim| is_it(claim))
}

impl Claim {
    fn phase(&self) -> &str {
        let status = self.claim.as_ref().and_then(|claim| claim.status.as_ref());
        status.and_then(|status| status.phase.as_deref()).unwrap_or_default()
    }

    fn class(&self) -> Option<&str> {
        let spec = self.claim.as_ref()?.spec.as_ref()?;
        spec.storage_class_name.as_deref().filter(|class| !class.is_empty())
    }

    fn told(&self, reasons: &[&str], is_it: impl Fn(&str) -> bool) -> Option<Told<'_>> {
        let of_it = |event: &&crate::cluster::EventRow| {
            reasons.contains(&event.reason.as_str()) && is_it(&event.message)
        };
        let newest = self.events.iter().filter(of_it).max_by_key(|event| event.last)?;
        Some(Told { side: Side::Host, event: newest })
    }

    fn evidence(&self, facts: &Facts) -> Evidence {
        let class = self.class().map(|class| format!(", class {class}")).unwrap_or_default();
        let says = match &self.claim {
            Some(_) => format_smolstr!("{}{class}", self.phase()),
            None => "there is none of this name".into(),
        };
        Evidence { at: Some(facts.now), source: format_smolstr!("claim {}", self.name), says }
    }
}

/// What the scheduler says of claims, as evidence.
fn scheduler(facts: &Facts) -> Option<Evidence> {
    let condition = facts.pod().and_then(|pod| pod::condition(pod, "PodScheduled"));
    let about = |message: &str| message.to_lowercase().contains("persistentvolumeclaim");
    let condition = condition.filter(|it| it.message.as_deref().is_some_and(about));
    condition
        .map(pod::condition_evidence)
        .or_else(|| Some(facts.told_that(&["FailedScheduling"], about)?.evidence()))
}

fn claim_missing(facts: &Facts) -> Option<Cause> {
    let claim = claim(facts, |claim| claim.claim.is_none())?;
    let name = &claim.name;
    Some(
        Cause::certain(format_smolstr!("it names the claim {name}, and there is none"))
            .seen(claim.evidence(facts))
            .seen(scheduler(facts))
            .fix(format_smolstr!("make the PersistentVolumeClaim {name}, or correct the name")),
    )
}

fn class_missing(facts: &Facts) -> Option<Cause> {
    let says =
        |message: &str| message.contains("storageclass.storage.k8s.io") && message.contains("not found");
    let claim = claim(facts, |claim| {
        claim.phase() == "Pending"
            && claim.class().is_some()
            && (claim.provisioner == Known::Yes(None) || claim.told(&["ProvisioningFailed"], says).is_some())
    })?;
    let told = claim.told(&["ProvisioningFailed"], says).map(|told| told.evidence());
    let class = claim.class().unwrap_or_default();
    Some(
        Cause::certain(format_smolstr!(
            "its claim {} asks for the storage class {class}, and there is none",
            claim.name
        ))
        .seen(claim.evidence(facts))
        .seen(told)
        .fix(format_smolstr!("make the claim anew with a class that there is, or make the class {class}")),
    )
}

fn volume_missing(facts: &Facts) -> Option<Cause> {
    let claim = claim(facts, |claim| {
        claim.phase() == "Pending"
            && claim.told(&["FailedBinding"], |says| says.contains("no storage class is set")).is_some()
    })?;
    Some(
        Cause::certain(format_smolstr!(
            "its claim {} names no storage class, there is no default one, and no volume fits",
            claim.name
        ))
        .seen(claim.evidence(facts))
        .seen(claim.told(&["FailedBinding"], |_| true).map(|told| told.evidence()))
        .fix("make the claim anew with a storage class, or mark a class as the default one")
        .fix("make a PersistentVolume that fits"),
    )
}

fn provisioning_failed(facts: &Facts) -> Option<Cause> {
    let claim = claim(facts, |claim| {
        claim.phase() == "Pending"
            && claim.told(&["ProvisioningFailed", "VolumeFailedDelete"], |_| true).is_some()
    })?;
    let told = claim.told(&["ProvisioningFailed"], |_| true)?;
    if told.event.message.contains("storageclass.storage.k8s.io") {
        return None;
    }
    Some(
        Cause::certain(format_smolstr!(
            "no volume can be made for its claim {}: {}",
            claim.name,
            told.event.message
        ))
        .seen(claim.evidence(facts))
        .seen(told.evidence())
        .fix("see to what the provisioner says: room, rights, quota of the storage")
        .fix("make the claim anew with another class"),
    )
}

fn provisioner_silent(facts: &Facts) -> Option<Cause> {
    let claim = claim(facts, |claim| {
        claim.phase() == "Pending" && claim.told(&["ExternalProvisioning"], |_| true).is_some()
    })?;
    let told = claim.told(&["ExternalProvisioning"], |_| true)?;
    let who = claim
        .provisioner
        .get()
        .and_then(|who| who.as_deref())
        .or_else(|| between_quotes(&told.event.message))
        .unwrap_or("its provisioner");
    Some(
        Cause::certain(format_smolstr!("its claim {} waits for {who} to make a volume", claim.name))
            .seen(claim.evidence(facts))
            .seen(told.evidence())
            .fix(format_smolstr!("look whether {who} runs, and what its log says")),
    )
}

fn between_quotes(text: &str) -> Option<&str> {
    text.split_once('\'').and_then(|(_, rest)| rest.split_once('\'')).map(|(found, _)| found)
}

fn claim_ending(facts: &Facts) -> Option<Cause> {
    let claim = claim(facts, |claim| {
        claim.claim.as_ref().is_some_and(|it| it.metadata.deletion_timestamp.is_some())
    })?;
    Some(
        Cause::certain(format_smolstr!("its claim {} is being deleted", claim.name))
            .seen(claim.evidence(facts))
            .seen(scheduler(facts))
            .fix("end the pods that still use the claim, and make it anew when it is gone"),
    )
}

fn claim_lost(facts: &Facts) -> Option<Cause> {
    let claim = claim(facts, |claim| claim.phase() == "Lost")?;
    Some(
        Cause::certain(format_smolstr!(
            "the volume of its claim {} is gone, and the data with it",
            claim.name
        ))
        .seen(claim.evidence(facts))
        .fix("restore the data from a backup into a claim that is made anew"),
    )
}

fn claim_unbound(facts: &Facts) -> Option<Cause> {
    let evidence = scheduler(facts).filter(|evidence| {
        let says = &evidence.says;
        ["unbound immediate", "didn't find available persistent volumes", "bind"]
            .iter()
            .any(|it| says.contains(it))
    })?;
    let of_it = claim(facts, |claim| claim.phase() == "Pending");
    let name = of_it.map(|claim| format!(" {}", claim.name)).unwrap_or_default();
    Some(
        Cause::certain(format_smolstr!("its claim{name} is not bound to a volume"))
            .seen(of_it.map(|claim| claim.evidence(facts)))
            .seen(evidence)
            .fix("look at the events of the claim, and whether its class can make volumes")
            .fix("make a PersistentVolume that fits, with labels of a node that there is"),
    )
}

/// What the scheduler says of how many nodes.
fn unfit_for(facts: &Facts, words: &str) -> Option<(u32, Evidence)> {
    let pod = waiting(facts).filter(|pod| !pod::is_scheduled(pod))?;
    let condition = pod::condition(pod, "PodScheduled")?;
    let unfit = unfit(condition.message.as_deref()?)?;
    let (count, _) = unfit.reasons.iter().find(|(_, says)| says.contains(words))?;
    Some((*count, pod::condition_evidence(condition)))
}

fn volume_elsewhere(facts: &Facts) -> Option<Cause> {
    let found = unfit_for(facts, "volume node affinity conflict")
        .or_else(|| unfit_for(facts, "no available volume zone"))?;
    Some(
        Cause::certain(format_smolstr!(
            "its volume is in a place where it may not run, or has no room ({} nodes)",
            found.0
        ))
        .weighing(found.0)
        .seen(found.1)
        .fix("make room on the nodes where the volume is, or loosen what keeps the pod off them")
        .fix("make the claim anew with volumeBindingMode: WaitForFirstConsumer, so that it follows the pod"),
    )
}

fn too_many_volumes(facts: &Facts) -> Option<Cause> {
    let (count, evidence) = unfit_for(facts, "exceed max volume count")?;
    Some(
        Cause::certain("the nodes have as many volumes as they can attach")
            .weighing(count)
            .seen(evidence)
            .fix("add a node, or end pods with volumes"),
    )
}

/// What containers wait for once all volumes of their pod are mounted: a kubelet begins with no image before.
const AFTER_MOUNT: &[&str] = &[
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

/// The newest word of a kubelet about volumes, while it has not gone on to the images.
fn volumes<'a>(facts: &'a Facts, reasons: &[&str], is_it: impl Fn(&str) -> bool) -> Option<Told<'a>> {
    waiting(facts).filter(|pod| pod::is_scheduled(pod))?;
    if pod::waits_for(facts, AFTER_MOUNT).is_some() {
        return None;
    }
    let told = facts.told_that(reasons, is_it)?;
    let later = facts.told(&["Pulling", "Pulled", "Created", "Started"]);
    let is_over = later.is_some_and(|later| later.event.last >= told.event.last);
    (!is_over).then_some(told)
}

/// What a volume or an environment needs, and where that is said.
fn needs(facts: &Facts, is_it: impl Fn(&str) -> bool) -> Option<(SmolStr, Evidence)> {
    if let Some(told) = volumes(facts, &["FailedMount"], &is_it) {
        return Some((told.event.message.clone(), told.evidence()));
    }
    let (container, message) = pod::waits_for(facts, &["CreateContainerConfigError"])?;
    is_it(message).then(|| (message.into(), container.evidence()))
}

fn object_missing(facts: &Facts, kind: &'static str) -> Option<Cause> {
    let mark = format!("{kind} ");
    let is_it = |says: &str| says.contains("not found") && quoted(says, &mark).is_some();
    let (message, evidence) = needs(facts, is_it)?;
    let name = quoted(&message, &mark)?;
    let said = if kind == "secret" { "Secret" } else { "ConfigMap" };
    let cause = Cause::certain(format_smolstr!("it needs the {said} {name}, and there is none"))
        .seen(evidence)
        .fix(format_smolstr!("make the {said} {name} in the namespace of the pod, or mark it optional"));
    Some(match facts.tenant {
        Some(_) => cause.fix(format_smolstr!("if the tenant has it: look why the syncer has not put it on the host (sync.toHost of vcluster.yaml)")),
        None => cause,
    })
}

fn key_missing(facts: &Facts) -> Option<Cause> {
    let is_it = |says: &str| says.contains("couldn't find key ") || says.contains("references non-existent");
    let (message, evidence) = needs(facts, is_it)?;
    let what = behind(&message, "couldn't find key ")
        .or_else(|| behind(&message, "references non-existent "))
        .unwrap_or(&message);
    Some(
        Cause::certain(format_smolstr!("it needs a key that its Secret or ConfigMap has not: {what}"))
            .seen(evidence)
            .fix("add the key, correct its name in the pod, or mark it optional"),
    )
}

fn in_use(facts: &Facts) -> Option<Cause> {
    let told =
        volumes(facts, &["FailedAttachVolume", "FailedMount"], |says| says.contains("Multi-Attach error"))?;
    Some(
        Cause::certain("its volume is still attached to another node and can be on one only")
            .seen(told.evidence())
            .fix("end the pod that uses the volume; when its node is dead, say so (taint node.kubernetes.io/out-of-service)")
            .fix("use strategy Recreate, so that the old pod ends before the new one starts"),
    )
}

fn attach(facts: &Facts) -> Option<Cause> {
    let told = volumes(facts, &["FailedAttachVolume"], |says| !says.contains("Multi-Attach error"))?;
    Some(
        Cause::certain(format_smolstr!("a volume cannot be attached to its node: {}", told.event.message))
            .seen(told.evidence())
            .fix("look at the storage driver's controller, and whether the volume is still there"),
    )
}

fn mount(facts: &Facts) -> Option<Cause> {
    let known = |says: &str| {
        says.contains("not found") && (says.contains("secret \"") || says.contains("configmap \""))
    };
    let told = volumes(facts, &["FailedMount", "FailedMapVolume"], |says| {
        !known(says) && !says.contains("references non-existent") && !says.contains("Multi-Attach error")
    })?;
    let volume =
        quoted(&told.event.message, "for volume ").map(|name| format!(" {name}")).unwrap_or_default();
    let why = behind(&told.event.message, " : ").unwrap_or(&told.event.message);
    Some(
        Cause::certain(format_smolstr!("its volume{volume} cannot be mounted: {why}"))
            .seen(told.evidence())
            .fix("see to what the kubelet says: the path, the storage's server, the driver on the node"),
    )
}
