//! Which objects of a backup are wanted: what `--only` says.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;
use thiserror::Error;

/// Short names that kubectl has for the kinds that come with Kubernetes.
const SHORT: [(&str, &str); 22] = [
    ("cj", "cronjobs"),
    ("cm", "configmaps"),
    ("crd", "customresourcedefinitions"),
    ("crds", "customresourcedefinitions"),
    ("deploy", "deployments"),
    ("ds", "daemonsets"),
    ("ep", "endpoints"),
    ("hpa", "horizontalpodautoscalers"),
    ("ing", "ingresses"),
    ("limits", "limitranges"),
    ("netpol", "networkpolicies"),
    ("ns", "namespaces"),
    ("pc", "priorityclasses"),
    ("pdb", "poddisruptionbudgets"),
    ("po", "pods"),
    ("pvc", "persistentvolumeclaims"),
    ("quota", "resourcequotas"),
    ("rs", "replicasets"),
    ("sa", "serviceaccounts"),
    ("sc", "storageclasses"),
    ("sts", "statefulsets"),
    ("svc", "services"),
];

/// Objects that are wanted together: a namespace, a kind, objects of a kind in a namespace, or one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    namespace: Option<SmolStr>,
    kind: Option<Kind>,
    name: Option<SmolStr>,
}

/// A kind as a person says it: plural, singular or short, with or without its group.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kind {
    word: SmolStr,
    group: Option<SmolStr>,
}

/// What is not understood of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// A part that says nothing.
    #[error(
        "a part of it is empty; say it as ns=shop, configmaps, or ns=shop,kind=deployments.apps,name=web"
    )]
    Empty,
    /// A key that there is not.
    #[error("{0}= is not known; there are ns=, kind= and name=")]
    Unknown(SmolStr),
    /// The same twice.
    #[error("{0}= is there twice; say --only once more for other objects")]
    Twice(&'static str),
    /// What cannot be a namespace, a kind or a name.
    #[error("{value:?} is no {what}")]
    Odd {
        /// What it should be.
        what: &'static str,
        /// What it is.
        value: SmolStr,
    },
    /// A name without a kind.
    #[error("name= needs the kind: kind=deployments.apps,name=web")]
    NameAlone,
}

/// An object of a backup, as far as its key and its value tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) plural: &'a str,
    /// Group and kind, where its value could be read.
    pub(super) group: Option<&'a str>,
    pub(super) kind: Option<&'a str>,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
}

/// How an object was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chosen {
    /// With others.
    Among,
    /// By its kind and its name.
    ByName,
}

impl Wanted {
    /// How it chooses an object; none when it does not.
    pub(super) fn chooses(&self, candidate: &Candidate<'_>) -> Option<Chosen> {
        let in_namespace = self.namespace.as_deref().is_none_or(|wanted| {
            let itself = self.kind.is_none() && candidate.plural == "namespaces" && candidate.name == wanted;
            candidate.namespace == Some(wanted) || (itself && candidate.namespace.is_none())
        });
        let of_kind = self.kind.as_ref().is_none_or(|kind| kind.is_of(candidate));
        let named = self.name.as_deref().is_none_or(|name| name == candidate.name);
        let chosen = if self.name.is_some() { Chosen::ByName } else { Chosen::Among };
        (in_namespace && of_kind && named).then_some(chosen)
    }
}

impl Kind {
    fn is_of(&self, candidate: &Candidate<'_>) -> bool {
        let short = SHORT.iter().find(|(short, _)| *short == self.word).map(|(_, plural)| *plural);
        let word = short.unwrap_or(&self.word);
        let called =
            word == candidate.plural || candidate.kind.is_some_and(|kind| kind.eq_ignore_ascii_case(word));
        // Of what cannot be read the group is not known; it is told rather than passed over.
        called && self.group.as_deref().is_none_or(|group| candidate.group.is_none_or(|of| of == group))
    }
}

impl FromStr for Wanted {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let (mut namespace, mut kind, mut name) = (None, None, None);
        for part in text.split(',') {
            if part.trim().is_empty() {
                return Err(SelectionError::Empty);
            }
            let (key, value) = part.split_once('=').unwrap_or(("kind", part));
            match key {
                "ns" | "namespace" => once("ns", &mut namespace, plain("namespace", value)?)?,
                "kind" => once("kind", &mut kind, spoken(value)?)?,
                "name" => once("name", &mut name, plain("name", value)?)?,
                other => return Err(SelectionError::Unknown(other.into())),
            }
        }
        if name.is_some() && kind.is_none() {
            return Err(SelectionError::NameAlone);
        }
        Ok(Wanted { namespace, kind, name })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_ref().map(|kind| match &kind.group {
            Some(group) => format!("{}.{group}", kind.word),
            None => kind.word.to_string(),
        });
        let parts = [
            self.namespace.as_ref().map(|namespace| format!("ns={namespace}")),
            kind.map(|kind| format!("kind={kind}")),
            self.name.as_ref().map(|name| format!("name={name}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

fn once<T>(key: &'static str, to: &mut Option<T>, value: T) -> Result<(), SelectionError> {
    if to.replace(value).is_some() { Err(SelectionError::Twice(key)) } else { Ok(()) }
}

fn plain(what: &'static str, value: &str) -> Result<SmolStr, SelectionError> {
    let fits = super::stored::is_plain(value);
    if fits { Ok(value.into()) } else { Err(SelectionError::Odd { what, value: value.into() }) }
}

fn spoken(value: &str) -> Result<Kind, SelectionError> {
    let odd = || SelectionError::Odd { what: "kind", value: value.into() };
    let lower = value.to_ascii_lowercase();
    let fits = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    let (word, group) = match lower.split_once('.') {
        Some((word, group)) => (word, Some(group)),
        None => (lower.as_str(), None),
    };
    if !fits(word) || !group.is_none_or(fits) {
        return Err(odd());
    }
    Ok(Kind { word: word.into(), group: group.map(SmolStr::new) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate<'a>(plural: &'a str, group: &'a str, kind: &'a str, place: &'a str) -> Candidate<'a> {
        let (namespace, name) =
            place.split_once('/').map_or((None, place), |(space, name)| (Some(space), name));
        Candidate { plural, group: Some(group), kind: Some(kind), namespace, name }
    }

    #[test]
    fn objects_are_chosen_by_namespace_kind_and_name() {
        let web = candidate("deployments", "apps", "Deployment", "shop/web");
        let map = candidate("configmaps", "", "ConfigMap", "shop/settings");
        let shop = candidate("namespaces", "", "Namespace", "shop");
        let widget = candidate("widgets", "example.com", "Widget", "other/one");
        for (said, [has_web, has_map, has_shop, has_widget]) in [
            ("ns=shop", [true, true, true, false]),
            ("namespace=shop", [true, true, true, false]),
            ("configmaps", [false, true, false, false]),
            ("cm", [false, true, false, false]),
            ("ConfigMap", [false, true, false, false]),
            ("kind=deployments.apps", [true, false, false, false]),
            ("kind=deploy", [true, false, false, false]),
            ("deployments.elsewhere", [false, false, false, false]),
            ("widgets.example.com", [false, false, false, true]),
            ("widget", [false, false, false, true]),
            ("ns=shop,kind=deployments.apps,name=web", [true, false, false, false]),
            ("ns=other,kind=deployments.apps,name=web", [false, false, false, false]),
            ("ns=shop,deploy,name=shop", [false, false, false, false]),
            ("kind=namespaces,name=shop", [false, false, true, false]),
            ("ns=shop,kind=namespaces", [false, false, false, false]),
        ] {
            let wanted: Wanted = said.parse().unwrap_or_else(|why| panic!("{said}: {why}"));
            let has = [&web, &map, &shop, &widget].map(|it| wanted.chooses(it).is_some());
            assert_eq!(has, [has_web, has_map, has_shop, has_widget], "{said}");
        }
    }

    #[test]
    fn who_is_named_is_meant() {
        let pod = candidate("pods", "", "Pod", "shop/web");
        for (said, how) in
            [("ns=shop", Chosen::Among), ("pods", Chosen::Among), ("kind=pods,name=web", Chosen::ByName)]
        {
            let wanted: Wanted = said.parse().unwrap();
            assert_eq!(wanted.chooses(&pod), Some(how), "{said}");
        }
        assert_eq!(
            "deploy.apps,ns=a,name=b".parse::<Wanted>().unwrap().to_string(),
            "ns=a,kind=deploy.apps,name=b"
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (said, why) in [
            ("", "a part of it is empty"),
            ("ns=shop,", "a part of it is empty"),
            ("ns=", "\"\" is no namespace"),
            ("ns=a/b", "\"a/b\" is no namespace"),
            ("kind=", "\"\" is no kind"),
            ("deployments/web", "\"deployments/web\" is no kind"),
            ("kind=.apps", "\".apps\" is no kind"),
            ("label=a", "label= is not known"),
            ("ns=a,ns=b", "ns= is there twice"),
            ("pods,kind=cm", "kind= is there twice"),
            ("name=web", "name= needs the kind"),
            ("ns=shop,name=web", "name= needs the kind"),
            ("kind=pods,name=a%2fb", "\"a%2fb\" is no name"),
        ] {
            let told = said.parse::<Wanted>().expect_err(said).to_string();
            assert!(told.contains(why), "{said}: {told}");
        }
    }
}
