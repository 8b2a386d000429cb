//! Applications as companies run them.

use chrono::{DateTime, Utc};

use super::spec::{App, AppKind};

/// The mould of an application.
#[derive(Debug, Clone, Copy)]
pub struct Mould {
    namespace: &'static str,
    name: &'static str,
    kind: AppKind,
    image: &'static str,
    cpu_millis: u64,
    memory_mib: u64,
    port: Option<u16>,
    volume_gib: Option<u64>,
}

impl Mould {
    const fn new(namespace: &'static str, name: &'static str, image: &'static str) -> Self {
        Mould {
            namespace,
            name,
            kind: AppKind::Deployment,
            image,
            cpu_millis: 50,
            memory_mib: 96,
            port: Some(8080),
            volume_gib: None,
        }
    }

    const fn needs(self, cpu_millis: u64, memory_mib: u64) -> Self {
        Mould { cpu_millis, memory_mib, ..self }
    }

    const fn without_port(self) -> Self {
        Mould { port: None, ..self }
    }

    const fn stateful(self, volume_gib: u64) -> Self {
        Mould { kind: AppKind::StatefulSet, volume_gib: Some(volume_gib), ..self }
    }

    const fn kind(self, kind: AppKind) -> Self {
        Mould { kind, ..self }
    }

    /// An application of this mould.
    pub fn cast(&self, replicas: u32, created: DateTime<Utc>) -> App {
        App {
            kind: self.kind,
            replicas,
            cpu_millis: self.cpu_millis,
            memory_mib: self.memory_mib,
            port: self.port,
            configured: self.port.is_some(),
            volume_gib: self.volume_gib,
            ..App::new(self.namespace, self.name, self.image, created)
        }
    }
}

/// The mould of this namespace and name.
pub fn mould(namespace: &str, name: &str) -> Option<&'static Mould> {
    MOULDS.iter().find(|mould| mould.namespace == namespace && mould.name == name)
}

/// Everything there is.
pub const MOULDS: [Mould; 20] = [
    Mould::new("shop", "web", "registry.acme.example/shop/web:2026.11.3").needs(100, 128),
    Mould::new("shop", "checkout", "registry.acme.example/shop/checkout:4.18.0").needs(150, 192),
    Mould::new("shop", "catalog", "registry.acme.example/shop/catalog:3.7.2"),
    Mould::new("shop", "search", "docker.io/getmeili/meilisearch:v1.24").needs(200, 512),
    Mould::new("payments", "api", "registry.acme.example/payments/api:1.92.1").needs(250, 256),
    Mould::new("payments", "ledger", "registry.acme.example/payments/ledger:1.92.1").needs(200, 384),
    Mould::new("payments", "fraud-scoring", "registry.acme.example/payments/fraud:0.31.0").needs(400, 768),
    Mould::new("data", "postgres", "docker.io/library/postgres:18.1").needs(300, 512).stateful(10),
    Mould::new("data", "redis", "docker.io/valkey/valkey:9.0").needs(80, 128).stateful(2),
    Mould::new("data", "kafka", "docker.io/apache/kafka:4.1.0").needs(400, 1024).stateful(20),
    Mould::new("queue", "worker", "registry.acme.example/queue/worker:7.0.4").needs(120, 160).without_port(),
    Mould::new("queue", "dispatcher", "registry.acme.example/queue/dispatcher:7.0.4"),
    Mould::new("ml", "feature-store", "registry.acme.example/ml/feature-store:0.44.0").needs(500, 1024),
    Mould::new("ml", "trainer", "registry.acme.example/ml/trainer:0.44.0").needs(900, 2048).without_port(),
    Mould::new("monitoring", "prometheus", "quay.io/prometheus/prometheus:v3.8.0")
        .needs(250, 768)
        .stateful(8),
    Mould::new("monitoring", "grafana", "docker.io/grafana/grafana:12.3.0"),
    Mould::new("monitoring", "node-agent", "quay.io/prometheus/node-exporter:v1.10.2")
        .needs(20, 32)
        .kind(AppKind::DaemonSet),
    Mould::new("default", "echo", "docker.io/library/nginx:1.29"),
    Mould::new("batch", "nightly-report", "registry.acme.example/batch/report:2.2.0")
        .needs(300, 512)
        .without_port()
        .kind(AppKind::Job),
    Mould::new("ci", "runner", "registry.acme.example/ci/runner:2026.46").needs(250, 512).without_port(),
];
