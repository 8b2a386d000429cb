//! Decides whether tests on the real API server, and those on real nodes, can run on this machine, or are marked as
//! ignored.
//!
//! libtest knows no skip at run time: a test that finds nothing to run on could only pass or fail. So the mark is
//! set when the suites are compiled, and they show as `ignored` with the reason.

use std::env;

#[path = "src/cache.rs"]
#[allow(dead_code)]
mod cache;
#[path = "src/node/requirements.rs"]
#[allow(dead_code)]
mod requirements;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(real_host, real_node)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/cache.rs");
    println!("cargo::rerun-if-changed=src/node/requirements.rs");
    println!("cargo::rerun-if-changed=../tools");
    for name in ["KUBEBUILDER_ASSETS", "V9S_REQUIRE_REAL", "XDG_CACHE_HOME"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let built = cache::Toolset::ControlPlane.cache().is_ok_and(|folder| folder.is_dir());
    let go = cache::on_path("go");
    if let Some(go) = &go {
        println!("cargo::rerun-if-changed={}", go.display());
    }
    let required = set("V9S_REQUIRE_REAL");
    let host = set("KUBEBUILDER_ASSETS") || required || built || go.is_some();
    // A missing file makes cargo look again at the next build.
    if host {
        println!("cargo::rustc-cfg=real_host");
    } else {
        println!(
            "cargo::warning=Go is missing: tests on the real API server are skipped (install Go 1.26 or newer, or set KUBEBUILDER_ASSETS)"
        );
        println!("cargo::rerun-if-changed=go-is-missing");
    }
    match requirements::missing() {
        Some(reason) if !required => {
            println!("cargo::warning=tests on real nodes are skipped: {reason}");
            println!("cargo::rerun-if-changed=nodes-are-missing");
        }
        // Where they are required, they run and fail with the reason.
        _ if host => println!("cargo::rustc-cfg=real_node"),
        _ => {}
    }
}
