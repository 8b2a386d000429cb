//! The default fleet: one company, two host clusters, and every kind of trouble once.

use chrono::{DateTime, Duration, Utc};
use v9s::fleet::model::Store;
use v9s::target::Missed;

use super::catalogue::mould;
use super::seed::Seed;
use super::spec::{
    App, Backups, Course, Distro, Fate, Manager, QuotaSpec, Standing, Stray, StrayKind, Tenant, coredns,
};

/// What stands on one host cluster.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// The kube context it is reached by.
    pub context: String,
    /// The virtual clusters.
    pub tenants: Vec<Tenant>,
    /// Virtual clusters that were deleted and left something behind: of these only the namespace and the strays are
    /// still there.
    pub ruins: Vec<Tenant>,
}

/// The company's two hosts.
pub fn estates(seed: Seed, now: DateTime<Utc>) -> Vec<Estate> {
    let company = Company { seed, now };
    vec![company.europe(), company.america()]
}

/// Makes the tenants by hand.
struct Company {
    seed: Seed,
    now: DateTime<Utc>,
}

impl Company {
    fn europe(&self) -> Estate {
        Estate {
            context: "eu-west-1".to_owned(),
            tenants: vec![
                self.checkout(),
                self.payments(),
                self.search(),
                self.ml(),
                self.catalog(),
                self.support(),
                self.mobile(),
                self.fraud(),
                self.legacy("legacy-blue", Distro::K3s("v1.31.4-k3s1".to_owned())),
                self.legacy("legacy-green", Distro::K8s("v1.31.4".to_owned())),
            ],
            ruins: vec![self.billing()],
        }
    }

    fn america(&self) -> Estate {
        Estate {
            context: "us-east-1".to_owned(),
            tenants: vec![
                self.ads(),
                self.observability(),
                self.partner_demo(),
                self.warehouse(),
                self.crm(),
                self.edge(),
            ],
            ruins: Vec::new(),
        }
    }

    fn ago(&self, days: i64, hours: i64) -> DateTime<Utc> {
        self.now - Duration::days(days) - Duration::hours(hours)
    }

    /// A tenant this many days old with an owner and a stage.
    fn tenant(&self, name: &str, days: i64, team: &str, stage: &str) -> Tenant {
        let mut tenant = Tenant::new(name, self.ago(days, 5), self.seed);
        tenant.labels.insert("team".to_owned(), team.to_owned());
        tenant.labels.insert("env".to_owned(), stage.to_owned());
        tenant
    }

    /// A good backup of so long ago, which may become a day old.
    fn saved(&self, days: i64, hours: i64) -> Backups {
        Backups { good: Some(self.ago(days, hours)), missed: None, objective_hours: Some(24) }
    }

    /// An application from the catalogue, deployed this many days ago.
    fn app(&self, namespace: &str, name: &str, replicas: u32, days: i64) -> App {
        let created = self.ago(days, 3);
        match mould(namespace, name) {
            Some(mould) => mould.cast(replicas, created),
            None => App { replicas, ..App::new(namespace, name, "docker.io/library/nginx:1.29", created) },
        }
    }

    /// Healthy, highly available, with an etcd of its own.
    fn checkout(&self) -> Tenant {
        let mut tenant = self.tenant("checkout-prod", 212, "checkout", "prod");
        tenant.companion = Some(Course::Well);
        tenant.store = Store::DeployedEtcd;
        tenant.replicas = 3;
        tenant.network_policies = true;
        tenant.manager = Manager::ArgoCd;
        tenant.backups = self.saved(0, 5);
        tenant.quota =
            Some(QuotaSpec { cpu_millis: 10_000, memory_mib: 12 * 1024, storage_gib: 100, pods: 60 });
        tenant.apps.extend([
            self.app("shop", "web", 8, 6),
            self.app("shop", "checkout", 6, 6),
            self.app("shop", "catalog", 4, 19),
            self.app("data", "redis", 3, 120),
            self.app("monitoring", "node-agent", 3, 120),
        ]);
        tenant
    }

    /// Over its quota: somebody lowered the limit below what runs.
    fn payments(&self) -> Tenant {
        let mut tenant = self.tenant("payments-prod", 166, "payments", "prod");
        tenant.companion = Some(Course::Drifting);
        tenant.store = Store::EmbeddedEtcd;
        tenant.replicas = 3;
        tenant.network_policies = true;
        // The last runs failed, and the last good one is older than it may be.
        tenant.backups = Backups {
            missed: Some((
                self.ago(0, 5),
                Missed::Failed,
                "the bucket acme-backups refused it: AccessDenied",
            )),
            ..self.saved(3, 5)
        };
        tenant.quota = Some(QuotaSpec { cpu_millis: 4_000, memory_mib: 8 * 1024, storage_gib: 60, pods: 30 });
        tenant.apps.extend([
            self.app("payments", "api", 6, 2),
            self.app("payments", "ledger", 4, 2),
            self.app("payments", "fraud-scoring", 3, 40),
            self.app("data", "postgres", 1, 150),
        ]);
        tenant
    }

    /// Behind: its syncer is throttled by the host while a lot comes and goes. Its certificates end soon.
    fn search(&self) -> Tenant {
        let mut tenant = self.tenant("search-staging", 48, "search", "staging").with_chart("0.35.2");
        tenant.manager = Manager::V9s;
        tenant.companion = Some(Course::Behind);
        tenant.certificates_end = Some(self.now + Duration::days(12));
        tenant.distro = Distro::K8s("v1.35.3".to_owned());
        tenant.store = Store::ExternalDatabase;
        tenant.replicas = 2;
        tenant.quota =
            Some(QuotaSpec { cpu_millis: 16_000, memory_mib: 24 * 1024, storage_gib: 120, pods: 120 });
        tenant.apps.extend([
            self.app("shop", "search", 6, 1),
            self.app("queue", "worker", 36, 1),
            self.app("queue", "dispatcher", 4, 1),
            App {
                fate: Fate::Unschedulable,
                ..App { name: "reindex".to_owned(), ..self.app("queue", "worker", 5, 0) }
            },
        ]);
        tenant
    }

    /// Its etcd is killed for its memory again and again.
    fn ml(&self) -> Tenant {
        let mut tenant = self.tenant("ml-training", 31, "ml-platform", "prod").with_chart("0.36.0");
        tenant.companion = Some(Course::Well);
        tenant.store = Store::DeployedEtcd;
        tenant.standing = Standing::StoreCrashing { restarts: 23 };
        tenant.apps.extend([
            self.app("ml", "feature-store", 2, 9),
            App { fate: Fate::CrashLoop { restarts: 11, oom: true }, ..self.app("ml", "trainer", 2, 4) },
        ]);
        tenant
    }

    /// Copies stayed on the host after their originals went.
    fn catalog(&self) -> Tenant {
        let mut tenant = self.tenant("catalog-dev", 77, "catalog", "dev").with_chart("0.34.0");
        tenant.companion = Some(Course::Well);
        tenant.distro = Distro::K8s("v1.34.5".to_owned());
        tenant.quota = Some(QuotaSpec { cpu_millis: 4_000, memory_mib: 6 * 1024, storage_gib: 40, pods: 40 });
        tenant.apps.extend([
            self.app("shop", "catalog", 3, 1),
            self.app("data", "postgres", 1, 60),
            App { fate: Fate::ImagePull, ..self.app("default", "echo", 1, 0) },
        ]);
        let gone = App { revision: 7, ..self.app("shop", "web", 4, 12) };
        let copy = App { revision: 3, ..self.app("shop", "catalog", 1, 1) };
        tenant.strays.extend([
            Stray { app: gone, kind: StrayKind::VirtualGone },
            Stray { app: copy, kind: StrayKind::ForeignCopy },
        ]);
        tenant
    }

    /// Paused by a person.
    fn support(&self) -> Tenant {
        let mut tenant = self.tenant("support-tools", 140, "support", "dev");
        tenant.companion = Some(Course::Well);
        tenant.standing = Standing::Paused { since: self.ago(3, 14) };
        tenant.backups = Backups {
            missed: Some((self.ago(0, 5), Missed::PassedOver, "it is paused")),
            objective_hours: None,
            ..self.saved(4, 5)
        };
        tenant.apps.push(self.app("monitoring", "grafana", 1, 130));
        tenant
    }

    /// Its workloads sleep, the control plane does not.
    fn mobile(&self) -> Tenant {
        let mut tenant = self.tenant("mobile-qa", 25, "mobile", "qa");
        tenant.companion = Some(Course::Well);
        tenant.standing = Standing::WorkloadsAsleep { since: self.ago(0, 9) };
        tenant.apps.push(self.app("shop", "web", 2, 20));
        tenant
    }

    /// No node takes its control plane.
    fn fraud(&self) -> Tenant {
        let mut tenant = self.tenant("fraud-research", 0, "fraud", "dev");
        tenant.created = self.now - Duration::minutes(38);
        tenant.apps = vec![coredns(tenant.created)];
        tenant.standing = Standing::Unschedulable;
        tenant.manager = Manager::V9s;
        tenant
    }

    /// Two virtual clusters in one namespace, as was possible up to 0.24.
    fn legacy(&self, name: &str, distro: Distro) -> Tenant {
        let mut tenant = self.tenant(name, 611, "sre", "prod").with_chart("0.24.1");
        tenant.namespace = "legacy-apps".to_owned();
        tenant.distro = distro;
        tenant.apps.extend([self.app("default", "echo", 2, 300), self.app("queue", "worker", 3, 300)]);
        tenant
    }

    /// Deleted; pods without an owner stayed and still cost.
    fn billing(&self) -> Tenant {
        let mut tenant = self.tenant("billing-old", 390, "billing", "prod").with_chart("0.30.4");
        tenant.apps.clear();
        for (name, replicas) in [("worker", 3), ("dispatcher", 1)] {
            let app = self.app("queue", name, replicas, 97);
            tenant.strays.push(Stray { app, kind: StrayKind::VclusterGone });
        }
        tenant
    }

    /// Healthy, large, close to its quota.
    fn ads(&self) -> Tenant {
        let mut tenant = self.tenant("ads-prod", 98, "ads", "prod");
        tenant.companion = Some(Course::Well);
        tenant.store = Store::EmbeddedEtcd;
        tenant.replicas = 3;
        tenant.backups = self.saved(0, 22);
        tenant.quota =
            Some(QuotaSpec { cpu_millis: 5_500, memory_mib: 20 * 1024, storage_gib: 120, pods: 60 });
        tenant.apps.extend([
            self.app("shop", "web", 12, 3),
            self.app("data", "kafka", 3, 90),
            self.app("queue", "worker", 14, 3),
            self.app("monitoring", "prometheus", 1, 90),
        ]);
        tenant
    }

    /// Healthy, and never deleted by mistake.
    fn observability(&self) -> Tenant {
        let mut tenant = self.tenant("observability", 301, "observability", "prod");
        tenant.companion = Some(Course::Silent);
        tenant.manager = Manager::ArgoCd;
        tenant.quota =
            Some(QuotaSpec { cpu_millis: 6_000, memory_mib: 10 * 1024, storage_gib: 200, pods: 30 });
        tenant.apps.extend([
            self.app("monitoring", "prometheus", 2, 45),
            self.app("monitoring", "grafana", 2, 45),
            self.app("monitoring", "node-agent", 3, 45),
        ]);
        tenant
    }

    /// Put to sleep by the platform.
    fn partner_demo(&self) -> Tenant {
        let mut tenant = self.tenant("partner-demo", 63, "partner-api", "demo");
        tenant.standing = Standing::Asleep { since: self.ago(1, 2) };
        tenant
    }

    /// Scaled to zero by somebody who left no mark; its pods still run.
    fn warehouse(&self) -> Tenant {
        let mut tenant = self.tenant("warehouse-load", 17, "warehouse", "load");
        tenant.standing = Standing::ScaledDown;
        tenant.apps.push(self.app("queue", "worker", 4, 15));
        tenant
    }

    /// Being restored.
    fn crm(&self) -> Tenant {
        let mut tenant = self.tenant("crm-staging", 120, "crm", "staging");
        tenant.companion = Some(Course::Well);
        tenant.standing = Standing::Restoring { since: self.now - Duration::minutes(4) };
        tenant
    }

    /// Pulls from a registry with a port, pinned to a digest.
    fn edge(&self) -> Tenant {
        let mut tenant = self.tenant("edge-mx-03", 45, "logistics", "prod").with_chart("0.35.2");
        tenant.distro = Distro::K8s("v1.35.3".to_owned());
        let digest = tenant.seed.child("digest").hex(64);
        tenant.image = format!("registry.acme.example:5000/platform/vcluster-pro:0.35.2@sha256:{digest}");
        tenant.store = Store::ExternalEtcd;
        tenant.apps.extend([self.app("queue", "dispatcher", 2, 30), self.app("data", "redis", 1, 30)]);
        tenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estates_now() -> Vec<Estate> {
        estates(Seed::new(0), DateTime::from_timestamp(1_794_000_000, 0).unwrap())
    }

    #[test]
    fn the_company_knows_every_standing_and_every_stray() {
        let estates = estates_now();
        let tenants: Vec<_> = estates.iter().flat_map(|estate| &estate.tenants).collect();
        let standings: Vec<fn(&Standing) -> bool> = vec![
            |s| matches!(s, Standing::Serving),
            |s| matches!(s, Standing::Paused { .. }),
            |s| matches!(s, Standing::Asleep { .. }),
            |s| matches!(s, Standing::WorkloadsAsleep { .. }),
            |s| matches!(s, Standing::ScaledDown),
            |s| matches!(s, Standing::Restoring { .. }),
            |s| matches!(s, Standing::Unschedulable),
            |s| matches!(s, Standing::StoreCrashing { .. }),
        ];
        for holds in standings {
            assert!(tenants.iter().any(|tenant| holds(&tenant.standing)));
        }
        let ruins = estates.iter().flat_map(|estate| &estate.ruins);
        let strays: Vec<_> =
            tenants.iter().copied().chain(ruins).flat_map(|t| &t.strays).map(|stray| stray.kind).collect();
        for kind in [StrayKind::VirtualGone, StrayKind::ForeignCopy, StrayKind::VclusterGone] {
            assert!(strays.contains(&kind), "{kind:?}");
        }
    }

    #[test]
    fn of_some_there_is_a_fresh_backup_of_some_an_old_one_and_of_some_none() {
        let now = DateTime::from_timestamp(1_794_000_000, 0).unwrap();
        let age = |name: &str| {
            let tenant =
                estates_now().into_iter().flat_map(|estate| estate.tenants).find(|it| it.name == name);
            tenant.unwrap().backups.good.map(|at| (now - at).num_hours())
        };
        assert_eq!(
            (age("checkout-prod"), age("payments-prod"), age("catalog-dev")),
            (Some(5), Some(77), None)
        );
    }

    #[test]
    fn exactly_one_tenant_is_over_its_quota() {
        let over: Vec<_> = estates_now()
            .into_iter()
            .flat_map(|estate| estate.tenants)
            .filter(Tenant::is_over_quota)
            .map(|tenant| tenant.name)
            .collect();
        assert_eq!(over, ["payments-prod"]);
    }

    #[test]
    fn two_virtual_clusters_share_a_namespace_and_none_else() {
        for estate in estates_now() {
            let mut namespaces: Vec<_> = estate.tenants.iter().map(|t| t.namespace.as_str()).collect();
            namespaces.sort_unstable();
            let shared: Vec<_> = namespaces.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(shared.iter().all(|pair| pair[0] == "legacy-apps"), "{shared:?}");
        }
    }
}
