//! Releases of Kubernetes. Pure.

/// The second number of a version, which is all that tells releases apart: `36` of `v1.36.2+k3s1`. None for what is no version.
pub(crate) fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix('v').unwrap_or(version).strip_prefix("1.")?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_minor() {
        assert!(minor("v1.35.0") > minor("1.34.9") && minor("1.34") == minor("v1.34.7"));
        assert_eq!(minor("latest"), None);
        assert!(minor("1.100") > minor("1.99"));
    }
}
