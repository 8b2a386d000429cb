//! What installing or removing a companion comes to. Pure.

use super::look::{Found, Made};
use super::objects::{Blueprint, Observer};
use crate::companion::{self, Mode};
use crate::lifecycle::refusal::{Decision, Refusal, unless_stopped_by_others};
use crate::provision::objects::Object;
use crate::provision::values::settings::{Image, Settings};
use crate::target::{Rest, Target};
use crate::wire::name;

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The image; that of this v9s when None.
    pub image: Option<String>,
}

/// What installing takes.
#[derive(Debug, Clone, PartialEq)]
pub struct InstallPlan {
    /// What it may do, and where it publishes.
    pub rights: Vec<Object>,
    /// What runs it.
    pub workload: Object,
    /// Its image.
    pub image: String,
    /// Whether something of it is there already, which is then brought up to date.
    pub again: bool,
    /// What a person should know.
    pub beware: Vec<String>,
}

impl InstallPlan {
    /// Its objects, in the order in which they are applied.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.rights.iter().chain([&self.workload])
    }

    /// The same for people, a line each.
    pub fn lines(&self) -> Vec<String> {
        let word = if self.again { "bring up to date" } else { "make" };
        self.objects().map(|object| format!("{word} {}", object.at)).collect()
    }
}

/// What removing takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovePlan {
    /// What goes, in order.
    pub made: Vec<Made>,
}

impl RemovePlan {
    /// For people, a line each.
    pub fn lines(&self) -> Vec<String> {
        self.made.iter().map(|made| format!("delete {}", made.object)).collect()
    }
}

/// What is to be done so that a companion stands beside it.
pub fn plan(target: &Target, found: &Found, wanted: &Wanted) -> Decision<InstallPlan> {
    let Some(plane) = target.control_plane() else {
        return Decision::Nothing(format!("{target} has no control plane that could be observed"));
    };
    if let Some(refusal) = refusal(target, found) {
        return Decision::Refused(refusal);
    }
    let defaults = Settings::default();
    let settings = found.settings.as_deref().unwrap_or(&defaults);
    let image = wanted.image.clone().unwrap_or_else(|| image(settings));
    let blueprint = Blueprint { target, plane, settings, image: &image, place: &found.place };
    let Observer { rights, workload } = blueprint.objects();
    let beware = found.settings.as_ref().err().map(|why| {
        format!("its configuration is not known ({why}): what is mirrored by default is observed")
    });
    Decision::Do(InstallPlan {
        rights,
        workload,
        image,
        again: !found.made.is_empty(),
        beware: beware.into_iter().collect(),
    })
}

/// The image of this v9s, from where the virtual cluster's own come from.
fn image(settings: &Settings) -> String {
    let own = Image { registry: None, repository: "v9s-syncer".to_owned(), tag: None };
    own.reference(
        settings.control_plane.advanced.default_image_registry.as_deref(),
        env!("CARGO_PKG_VERSION"),
    )
}

fn refusal(target: &Target, found: &Found) -> Option<Refusal> {
    let Target { host, namespace, name, .. } = target;
    let elsewhere = |why: String, instead: Vec<String>| Some(Refusal::Elsewhere { why, instead });
    if target.is_ours() {
        return elsewhere(
            "its own syncer is v9s's and measures it already: there is nothing to install".to_owned(),
            Vec::new(),
        );
    }
    if let Some(mode) = found.other {
        let who = match mode {
            Some(Mode::Sync) => "v9s-syncer mirrors it, and measures it already",
            Some(Mode::Observe) => "another observer, which `v9s observe` has not made, measures it already",
            None => "somebody publishes what v9s cannot read in the place where its companion would",
        };
        let map = companion::config_map(name);
        let command = format!("kubectl --context {host} -n {namespace} delete configmap {map}");
        return elsewhere(
            format!("{who}; if nobody does any more, delete the ConfigMap {namespace}/{map} and repeat"),
            vec![command],
        );
    }
    if let Some(refusal) = unless_stopped_by_others(target) {
        return Some(refusal);
    }
    if let Some(Rest::Paused(_) | Rest::ScaledDown) = target.rest() {
        let instead = format!("`v9s resume {name} -n {namespace}` first");
        return Some(Refusal::Rests { how: "it does not run", instead });
    }
    if !found.not_allowed.is_empty() {
        let named: Vec<String> = found.not_allowed.iter().map(ToString::to_string).collect();
        return elsewhere(format!("you may not {}", named.join(", nor ")), Vec::new());
    }
    if !found.kubeconfig {
        let secret = name::kubeconfig_secret(name);
        let pods = format!("app=vcluster,release={name}");
        return elsewhere(
            format!(
                "the Secret {namespace}/{secret} with its kubeconfig is not there, by which its companion would get in: its syncer writes it when it starts; look why it has not, or restart it, and repeat"
            ),
            vec![
                format!("kubectl --context {host} -n {namespace} logs -l {pods} -c syncer"),
                format!("v9s restart {name} -n {namespace} --context {host}"),
            ],
        );
    }
    None
}

/// What is to be done so that nothing of its companion is left.
pub fn removal(target: &Target, made: Vec<Made>) -> Decision<RemovePlan> {
    if made.is_empty() {
        return Decision::Nothing(format!("nothing that `v9s observe` makes is beside {target}"));
    }
    Decision::Do(RemovePlan { made })
}
