//! `mappings.byName`: which objects of the host are known in the virtual cluster, and as what.

use crate::provision::values::view::View;

/// A namespace of the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostNamespace {
    /// The one that the virtual cluster is in.
    Own,
    /// Another.
    Named(String),
}

/// One line of the mappings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapping {
    /// All objects of a namespace keep their names in another.
    Namespace {
        /// On the host.
        host: HostNamespace,
        /// In the virtual cluster.
        namespace: String,
    },
    /// One object.
    Object {
        /// Its namespace on the host.
        host: HostNamespace,
        /// Its name on the host.
        host_name: String,
        /// Its namespace in the virtual cluster.
        namespace: String,
        /// Its name in the virtual cluster.
        name: String,
    },
}

impl Mapping {
    /// The namespace on the host.
    pub fn host(&self) -> &HostNamespace {
        match self {
            Mapping::Namespace { host, .. } | Mapping::Object { host, .. } => host,
        }
    }

    /// The namespace in the virtual cluster.
    pub fn namespace(&self) -> &str {
        match self {
            Mapping::Namespace { namespace, .. } | Mapping::Object { namespace, .. } => namespace,
        }
    }
}

/// All of them; never empty, and no two are for the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mappings(Vec<Mapping>);

impl Mappings {
    /// The mappings in the order in which they apply: single objects before whole namespaces.
    pub fn all(&self) -> &[Mapping] {
        &self.0
    }

    /// Namespace and name in the virtual cluster of an object of the host. `own` is the host namespace of the virtual cluster.
    pub fn to_virtual<'a>(&'a self, own: &str, namespace: &str, name: &'a str) -> Option<(&'a str, &'a str)> {
        let here = |host: &HostNamespace| match host {
            HostNamespace::Own => namespace == own,
            HostNamespace::Named(host) => host == namespace,
        };
        self.0.iter().find_map(|mapping| match mapping {
            Mapping::Object { host, host_name, namespace, name: as_name } => {
                (here(host) && host_name == name).then_some((namespace.as_str(), as_name.as_str()))
            }
            Mapping::Namespace { host, namespace } => here(host).then_some((namespace.as_str(), name)),
        })
    }

    /// Reads them; None without any, or with a problem told.
    pub(super) fn of(view: &View, dotted: &str) -> Option<Mappings> {
        let mut all: Vec<Mapping> = Vec::new();
        for (host, target) in view.map(dotted) {
            match mapping(&host, &target) {
                Ok(mapping) => all.push(mapping),
                Err(what) => view.complain_at(view.path(dotted).key(&host), what),
            }
        }
        for (index, mapping) in all.iter().enumerate() {
            if let Some(same) = all.iter().take(index).find(|same| collide(same, mapping)) {
                view.complain(
                    dotted,
                    format!("both {} and {} become {}", from(same), from(mapping), to(mapping)),
                );
            }
        }
        // Named namespaces come before the own one, as in the official syncer.
        all.sort_by_key(|mapping| {
            (matches!(mapping, Mapping::Namespace { .. }), *mapping.host() == HostNamespace::Own)
        });
        (!all.is_empty()).then_some(Mappings(all))
    }
}

fn mapping(host: &str, target: &str) -> Result<Mapping, String> {
    const HOST: &str = "the key must be NAMESPACE/NAME, NAMESPACE/*, /NAME or \"\"";
    const TARGET: &str = "the value must be NAMESPACE/NAME or NAMESPACE/*";
    if host.is_empty() {
        let namespace = target.strip_suffix("/*").unwrap_or(target);
        return if is_dns_label(namespace) {
            Ok(Mapping::Namespace { host: HostNamespace::Own, namespace: namespace.to_owned() })
        } else {
            Err("the value must be NAMESPACE, as the key means all of the virtual cluster's own namespace"
                .to_owned())
        };
    }
    let (host_namespace, host_name) = host.split_once('/').ok_or(HOST)?;
    let (namespace, name) = target.split_once('/').ok_or(TARGET)?;
    let host = match host_namespace {
        "" => HostNamespace::Own,
        namespace if is_dns_label(namespace) => HostNamespace::Named(namespace.to_owned()),
        _ => return Err(HOST.to_owned()),
    };
    if !is_dns_label(namespace) {
        return Err(TARGET.to_owned());
    }
    let namespace = namespace.to_owned();
    match (host_name, name) {
        ("*", "*") if host != HostNamespace::Own => Ok(Mapping::Namespace { host, namespace }),
        ("*", _) if host != HostNamespace::Own => {
            Err("a whole namespace can only become NAMESPACE/*".to_owned())
        }
        (host_name, _) if !is_dns_subdomain(host_name) => Err(HOST.to_owned()),
        (host_name, "*") => Ok(Mapping::Object {
            host,
            host_name: host_name.to_owned(),
            namespace,
            name: host_name.to_owned(),
        }),
        (host_name, name) if is_dns_subdomain(name) => {
            Ok(Mapping::Object { host, host_name: host_name.to_owned(), namespace, name: name.to_owned() })
        }
        _ => Err(TARGET.to_owned()),
    }
}

/// Whether two mappings make the same object or fill the same namespace.
fn collide(one: &Mapping, other: &Mapping) -> bool {
    match (one, other) {
        (Mapping::Object { namespace: a, name: x, .. }, Mapping::Object { namespace: b, name: y, .. }) => {
            a == b && x == y
        }
        (Mapping::Namespace { namespace: a, .. }, Mapping::Namespace { namespace: b, .. }) => a == b,
        _ => false,
    }
}

fn from(mapping: &Mapping) -> String {
    let namespace = match mapping.host() {
        HostNamespace::Own => "",
        HostNamespace::Named(namespace) => namespace,
    };
    match mapping {
        Mapping::Namespace { .. } => format!("{namespace}/*"),
        Mapping::Object { host_name, .. } => format!("{namespace}/{host_name}"),
    }
}

fn to(mapping: &Mapping) -> String {
    match mapping {
        Mapping::Namespace { namespace, .. } => format!("{namespace}/*"),
        Mapping::Object { namespace, name, .. } => format!("{namespace}/{name}"),
    }
}

/// A name of a namespace (RFC 1123 label).
pub(super) fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

/// A name of most objects (RFC 1123 subdomain).
pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_part)
}

fn is_dns_part(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A value of a label.
pub(super) fn is_label_value(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && ends(text.bytes().next())
        && ends(text.bytes().last())
}
