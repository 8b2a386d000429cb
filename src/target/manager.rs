//! Who deploys a virtual cluster, and would undo what others change of it.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use crate::wire::{annotation, label};

/// Who deploys it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manager {
    /// Nobody but people: v9s, or whoever applied its objects.
    Nobody,
    /// Helm, as this release. It changes nothing between upgrades.
    Helm {
        /// Name of the release.
        release: SmolStr,
    },
    /// Argo CD, as part of this application.
    Argo {
        /// Name of the application.
        application: SmolStr,
    },
    /// Flux, by this object of its own.
    Flux {
        /// `helmrelease` or `kustomization`, as its CLI says it.
        kind: &'static str,
        /// Its namespace.
        namespace: SmolStr,
        /// Its name.
        name: SmolStr,
    },
}

impl Manager {
    /// Whether it puts back what others change, all the time.
    pub fn reconciles(&self) -> bool {
        matches!(self, Manager::Argo { .. } | Manager::Flux { .. })
    }

    /// A few words for it.
    pub fn words(&self) -> String {
        match self {
            Manager::Nobody => "nobody but people".to_owned(),
            Manager::Helm { release } => format!("Helm (release {release})"),
            Manager::Argo { application } => format!("Argo CD (application {application})"),
            Manager::Flux { kind, namespace, name } => format!("Flux ({kind} {namespace}/{name})"),
        }
    }
}

/// What the labels and annotations of one object say of who it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    argo: Option<SmolStr>,
    flux: Option<(&'static str, SmolStr, SmolStr)>,
    helm: Option<SmolStr>,
}

impl Claims {
    /// Reads them.
    pub fn of(labels: &BTreeMap<SmolStr, SmolStr>, annotations: &BTreeMap<SmolStr, SmolStr>) -> Self {
        let full =
            |map: &BTreeMap<SmolStr, SmolStr>, key: &str| map.get(key).filter(|it| !it.is_empty()).cloned();
        // APPLICATION:GROUP/KIND:NAMESPACE/NAME
        let tracked = full(annotations, annotation::ARGO_TRACKING)
            .and_then(|id| Some(SmolStr::from(id.split(':').next()?)));
        let flux = label::FLUX
            .into_iter()
            .find_map(|(kind, name, namespace)| Some((kind, full(labels, namespace)?, full(labels, name)?)));
        Claims {
            argo: tracked.or_else(|| full(labels, label::ARGO_INSTANCE)),
            flux,
            helm: full(annotations, annotation::HELM_RELEASE),
        }
    }

    /// Who it is, over several objects. Who reconciles goes before Helm, which both of them may use.
    pub fn manager<'a>(all: impl IntoIterator<Item = &'a Claims>) -> Manager {
        let mut helm = None;
        let mut flux = None;
        for claims in all {
            if let Some(application) = &claims.argo {
                return Manager::Argo { application: application.clone() };
            }
            flux = flux.or_else(|| claims.flux.clone());
            helm = helm.or_else(|| claims.helm.clone());
        }
        match (flux, helm) {
            (Some((kind, namespace, name)), _) => Manager::Flux { kind, namespace, name },
            (None, Some(release)) => Manager::Helm { release },
            (None, None) => Manager::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Claims {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Claims::of(&map(labels), &map(annotations))
    }

    #[test]
    fn who_reconciles_goes_before_helm() {
        let helm = || claims(&[("heritage", "Helm")], &[("meta.helm.sh/release-name", "shop")]);
        let argo = || claims(&[], &[("argocd.argoproj.io/tracking-id", "shops:/Secret:ns/vc-config-shop")]);
        let flux = || {
            claims(
                &[("helm.toolkit.fluxcd.io/name", "shop"), ("helm.toolkit.fluxcd.io/namespace", "flux")],
                &[("meta.helm.sh/release-name", "shop")],
            )
        };
        let kustomization = claims(
            &[
                ("kustomize.toolkit.fluxcd.io/name", "apps"),
                ("kustomize.toolkit.fluxcd.io/namespace", "flux"),
            ],
            &[],
        );
        let labelled = claims(&[("argocd.argoproj.io/instance", "shops")], &[]);
        let chart_only = claims(&[("heritage", "Helm"), ("chart", "vcluster-0.30.0")], &[]);
        for (case, all, expected) in [
            ("nothing", vec![], "nobody but people"),
            ("rendered by the chart, applied by hand", vec![chart_only], "nobody but people"),
            ("helm", vec![helm()], "Helm (release shop)"),
            ("argo on another object", vec![helm(), argo()], "Argo CD (application shops)"),
            ("argo by label", vec![labelled], "Argo CD (application shops)"),
            ("flux with helm", vec![helm(), flux()], "Flux (helmrelease flux/shop)"),
            ("flux without helm", vec![kustomization], "Flux (kustomization flux/apps)"),
        ] {
            let manager = Claims::manager(&all);
            assert_eq!(manager.words(), expected, "{case}");
            assert_eq!(manager.reconciles(), expected.starts_with(['A', 'F']), "{case}");
        }
    }
}
