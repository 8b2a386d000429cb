//! What an image reference says: versions and distributions (docs/vclusters.md, Version).

/// The tag of an image reference: what follows the last `:` behind the last `/`, without a digest.
pub fn tag(image: &str) -> Option<&str> {
    let (_, tag) = without_digest(image).rsplit('/').next()?.split_once(':')?;
    (!tag.is_empty()).then_some(tag)
}

/// The last part of the repository, such as `kubernetes` of `ghcr.io/loft-sh/kubernetes:v1.36.0`.
pub fn base_name(image: &str) -> &str {
    let last = without_digest(image).rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default()
}

fn without_digest(image: &str) -> &str {
    image.split('@').next().unwrap_or_default()
}

/// The distribution that an image of the control plane belongs to, if it is one that carries Kubernetes itself.
pub fn distro(image: &str) -> Option<&'static str> {
    match base_name(image) {
        "kubernetes" | "kube-apiserver" => Some("k8s"),
        "k3s" => Some("k3s"),
        "k0s" => Some("k0s"),
        _ => None,
    }
}

/// The Kubernetes version in the tag of such an image: `v1.27.3` of `v1.27.3-k3s1`.
pub fn kubernetes_version(image: &str) -> Option<&str> {
    let tag = tag(image)?;
    let version = tag.split(['-', '+']).next().unwrap_or(tag);
    let digits = version.strip_prefix('v').unwrap_or(version);
    let numbers = digits.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
    (numbers >= 2 && numbers == digits.split('.').count()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_ports_and_digests() {
        let cases = [
            ("ghcr.io/loft-sh/vcluster-pro:0.27.0", Some("0.27.0")),
            ("registry.corp:5000/loft-sh/vcluster-oss:0.27.0", Some("0.27.0")),
            ("registry.corp:5000/loft-sh/vcluster-oss", None),
            ("registry.corp:5000/vcluster:0.27.0@sha256:0011aabb", Some("0.27.0")),
            ("vcluster@sha256:0011aabb", None),
            ("vcluster", None),
            ("vcluster:", None),
            ("", None),
        ];
        for (image, expected) in cases {
            assert_eq!(tag(image), expected, "{image}");
        }
    }

    #[test]
    fn images_that_carry_kubernetes_are_known() {
        let cases = [
            ("ghcr.io/loft-sh/kubernetes:v1.36.0", Some("k8s"), Some("v1.36.0")),
            ("registry.corp:5000/kubernetes:v1.36.0-full@sha256:00", Some("k8s"), Some("v1.36.0")),
            ("registry.k8s.io/kube-apiserver:v1.30.2", Some("k8s"), Some("v1.30.2")),
            ("rancher/k3s:v1.27.3-k3s1", Some("k3s"), Some("v1.27.3")),
            ("k0sproject/k0s:v1.28.2-k0s.0", Some("k0s"), Some("v1.28.2")),
            ("ghcr.io/loft-sh/vcluster-pro:0.27.0", None, Some("0.27.0")),
            ("ghcr.io/loft-sh/kubernetes:latest", Some("k8s"), None),
            ("ghcr.io/loft-sh/kubernetes", Some("k8s"), None),
        ];
        for (image, wanted_distro, version) in cases {
            assert_eq!(distro(image), wanted_distro, "{image}");
            assert_eq!(kubernetes_version(image), version, "{image}");
        }
    }
}
