//! Makes the certificates of a virtual cluster anew and restarts what uses them.
//!
//! Only leaves are made anew. Their authorities stay, so that old and new trust each other while pods are replaced, and so does the
//! key that signs tokens: what tenants hold goes on. That pods have to be replaced is written into their workloads' templates, as a
//! digest: their controllers do it, one pod after the other, and another run sees what an interrupted one has left to do.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::ByteString;
use serde_json::{Value, json};
use smol_str::{SmolStr, format_smolstr};

use super::seen::Seen;
use super::{CertificateInfo, rollout};
use crate::cluster::{Cluster, ObjectRef, Resource};
use crate::lifecycle::LifeError;
use crate::lifecycle::Memory;
use crate::lifecycle::exact::{change_part, is_conflict};
use crate::lifecycle::refusal::{Decision, Refusal, unless_reconciled, unless_stopped_by_others};
use crate::operation::{Operation, Progress};
use crate::provision::objects;
use crate::provision::pki::{self, Keys, serving_names};
use crate::provision::service_range::ServiceRange;
use crate::target::{Part, Target};
use crate::wire::{App, annotation, name};

/// The steps of a rotation, in order.
pub const STEPS: [&str; 4] = [
    "make new certificates",
    "replace the administrator's kubeconfig",
    "restart its etcd",
    "restart the control plane",
];

/// The word in the record of changes.
const ACTION: &str = "rotate certificates";
/// How long new leaves live.
const LIFE: TimeDelta = TimeDelta::days(365);

/// What a rotation takes.
#[derive(Debug, Clone, PartialEq)]
pub struct RotatePlan {
    /// Certificates that are made anew; none when an earlier run has made them and was interrupted.
    pub renewed: Vec<CertificateInfo>,
    /// Authorities that end before what they sign now would: new leaves do not help for long.
    pub short: Vec<CertificateInfo>,
    /// Whether the administrator's kubeconfig is still to be replaced.
    pub hand_out: bool,
    /// Workloads of its etcd whose pods are replaced.
    pub etcd: Vec<Part>,
    /// Those of the control plane.
    pub control_plane: Vec<Part>,
    /// Whether nobody answers meanwhile.
    pub gap: bool,
    /// What is lost by it, and why.
    pub loses: Option<String>,
}

/// How to rotate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateOptions {
    /// Also when somebody who puts things back deploys it.
    pub anyway: bool,
    /// Also when everything in it is lost by that.
    pub lose: bool,
    /// How long each workload may take.
    pub patience: Duration,
}

/// How long each workload may take, unless somebody says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(600);

impl Default for RotateOptions {
    fn default() -> Self {
        RotateOptions { anyway: false, lose: false, patience: PATIENCE }
    }
}

/// Why it is not to be done, before anything is read that only v9s makes.
pub fn refusal(target: &Target, anyway: bool) -> Option<Refusal> {
    if target.control_plane().is_none() {
        return Some(Refusal::Elsewhere { why: "it has no control plane".to_owned(), instead: Vec::new() });
    }
    if !target.is_ours() {
        let Target { host, namespace, name, .. } = target;
        let why = "its certificates are made by the syncer that runs it, not by v9s; that one renews leaves by itself when it \
                   starts and they end within 90 days";
        let instead = vec![
            format!("vcluster certs rotate {name} --context {host} -n {namespace}"),
            format!("v9s restart {name} --context {host} -n {namespace}"),
        ];
        return Some(Refusal::Elsewhere { why: why.to_owned(), instead });
    }
    let instead = "make new certificates where its Secrets come from, apply them, and `v9s restart` it";
    unless_stopped_by_others(target).or_else(|| unless_reconciled(target, anyway, instead))
}

/// What is to be done; certificates that an interrupted run has made are brought into use, not made again.
pub fn plan(
    target: &Target,
    seen: &Seen,
    memory: Memory,
    now: DateTime<Utc>,
    options: &RotateOptions,
) -> Decision<RotatePlan> {
    if let Some(refusal) = refusal(target, options.anyway) {
        return Decision::Refused(refusal);
    }
    let digest = seen.digest();
    let admin = Keys::of_files(seen.files.clone()).map(|keys| keys.admin().certificate.into_bytes());
    let hand_out = admin.ok() != seen.handed_out;
    let due = |part: &&Part| part.certificates.as_ref() != Some(&digest) || rollout::is_under_way(part);
    let left: Vec<&Part> = target.parts.iter().filter(due).collect();
    let go_on = seen.mark.as_ref() == Some(&digest) && (hand_out || !left.is_empty());
    let parts = if go_on { left } else { target.parts.iter().collect() };
    let loses = memory.lost_with(parts.iter().copied().filter(|part| part.replicas > 0));
    if let Some(lost) = loses.as_ref().filter(|_| !options.lose) {
        return Decision::Refused(Refusal::Forgets(lost.clone()));
    }
    let of = |etcd: bool| -> Vec<Part> {
        parts.iter().filter(|part| (part.app == App::Etcd) == etcd).map(|part| (*part).clone()).collect()
    };
    let (authorities, leaves): (Vec<_>, Vec<_>) = seen.infos().into_iter().partition(|info| info.authority);
    let short =
        authorities.into_iter().filter(|info| info.ends.is_none_or(|ends| ends < now + LIFE)).collect();
    Decision::Do(RotatePlan {
        renewed: if go_on { Vec::new() } else { leaves },
        short: if go_on { Vec::new() } else { short },
        hand_out: hand_out || !go_on,
        gap: parts.iter().any(|part| part.replicas == 1),
        etcd: of(true),
        control_plane: of(false),
        loses,
    })
}

/// Carries it out on a task. The steps are [`STEPS`].
pub fn start(
    cluster: Cluster,
    target: Target,
    seen: Seen,
    plan: RotatePlan,
    options: RotateOptions,
) -> Operation<(), LifeError> {
    let title = format!("rotate the certificates of {target}");
    Operation::start(title, STEPS, move |progress| async move {
        carry_out(&cluster, &target, seen, &plan, &options, &progress).await
    })
}

/// Carries it out. The steps are [`STEPS`].
///
/// # Errors
/// When something cannot be read or changed, or does not become ready in time. A second run goes on from there.
pub async fn carry_out(
    cluster: &Cluster,
    target: &Target,
    seen: Seen,
    plan: &RotatePlan,
    options: &RotateOptions,
    progress: &Progress,
) -> Result<(), LifeError> {
    let keys = if plan.renewed.is_empty() {
        progress.skip(0, "an interrupted run has made them");
        Keys::of_files(seen.files.clone()).map_err(|error| unusable(target, &error))?
    } else {
        progress.step(0, renew(cluster, target, &seen, progress)).await?
    };
    if plan.hand_out {
        let range = ServiceRange::default();
        let kubeconfig = objects::kubeconfig(&seen.request.blueprint(&range), &keys, Some(&seen.service));
        let work = async {
            cluster.apply::<Value>(ACTION, &kubeconfig.at, &kubeconfig.body).await?;
            Ok::<(), LifeError>(())
        };
        progress.step(1, work).await?;
    } else {
        progress.skip(1, "an interrupted run has replaced it");
    }
    let digest = super::digest::digest(keys.files());
    let end = keys.first_end().ok().map(pki::written);
    let roll = Roll { cluster, target, digest, end, patience: options.patience, progress };
    roll.out(2, &plan.etcd).await?;
    roll.out(3, &plan.control_plane).await
}

/// New leaves, in the place of the old ones if nobody has changed them since they were looked at.
async fn renew(
    cluster: &Cluster,
    target: &Target,
    seen: &Seen,
    progress: &Progress,
) -> Result<Keys, LifeError> {
    let range = ServiceRange::default();
    let blueprint = seen.request.blueprint(&range);
    let names = serving_names(&blueprint, &seen.addresses);
    let keys = Keys::renewed(seen.files.clone(), &blueprint, &names, Utc::now());
    let keys = keys.map_err(|error| unusable(target, &error))?;
    let secret = secret(target);
    let bytes = |(file, text): (&String, &String)| (file.clone(), ByteString(text.clone().into_bytes()));
    let data: BTreeMap<String, ByteString> = keys.files().iter().map(bytes).collect();
    let body = json!({
        "metadata": {"uid": seen.uid, "resourceVersion": seen.resource_version,
            "annotations": {annotation::CERTIFICATES: super::digest::digest(keys.files())}},
        "data": data,
    });
    match cluster.merge::<Value>(ACTION, &secret, &body).await {
        Err(error) if is_conflict(&error) => {
            Err(LifeError::Changed(format!("{secret} was changed meanwhile")))
        }
        Err(error) => Err(error.into()),
        Ok(_) => {
            let leaves = keys.files().keys().filter(|file| is_leaf(file)).count();
            progress.note(format_smolstr!("{leaves}, by the same authorities"));
            Ok(keys)
        }
    }
}

fn is_leaf(file: &str) -> bool {
    let certificate = file.strip_suffix(".crt").is_some_and(|stem| stem != "ca" && !stem.ends_with("-ca"));
    certificate || file.ends_with(".conf")
}

fn secret(target: &Target) -> ObjectRef {
    ObjectRef::namespaced(
        Resource::SECRETS,
        target.namespace.clone(),
        name::certificates_secret(&target.name),
    )
}

fn unusable(target: &Target, error: &crate::provision::pki::PkiError) -> LifeError {
    LifeError::Unusable { what: secret(target).to_string(), why: error.to_string() }
}

struct Roll<'a> {
    cluster: &'a Cluster,
    target: &'a Target,
    digest: SmolStr,
    /// When the first of the new ones ends.
    end: Option<String>,
    patience: Duration,
    progress: &'a Progress,
}

impl Roll<'_> {
    async fn out(&self, step: usize, parts: &[Part]) -> Result<(), LifeError> {
        if parts.is_empty() {
            self.progress.skip(step, "there is nothing to restart");
            return Ok(());
        }
        let work = async {
            for part in parts {
                let wanted =
                    |now: &Part| (now.certificates.as_ref() != Some(&self.digest)).then(|| self.mark(now));
                change_part(self.cluster, self.target, part, ACTION, wanted).await?;
                rollout::until_done(self.cluster, self.target, part, self.patience, self.progress).await?;
            }
            if parts.iter().all(|part| part.replicas == 0) {
                self.progress.note("it is stopped, and will start with them");
            }
            Ok(())
        };
        self.progress.step(step, work).await
    }

    /// Its pods start anew with these. In one write with it, so that no interrupted run has done the one and not the other, the
    /// control plane tells the fleet when they end.
    fn mark(&self, part: &Part) -> Value {
        let annotations = json!({annotation::CERTIFICATES: self.digest});
        let told = match part.app {
            App::ControlPlane => json!({"annotations": {annotation::CERTIFICATES_END: self.end}}),
            _ => json!({}),
        };
        json!({"metadata": told, "spec": {"template": {"metadata": {"annotations": annotations}}}})
    }
}
