//! Asks both API servers how they are, and the tenant's controller manager by its Lease.

mod lease;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{Request, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use v9s::cluster::Cluster;

use super::checks::{Check, Health};
use crate::engine::key::Side;
use lease::{Lease, Sight};

/// How often is asked.
const EVERY: Duration = Duration::from_secs(10);
/// The same until all has been answered once.
const SOON: Duration = Duration::from_secs(1);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The Lease of the controller manager of Kubernetes.
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager";

/// What was answered last.
#[derive(Debug, Default)]
pub struct Probes(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    apis: [Option<Answer>; 2],
    lease: Sight,
}

/// What an API server answered to the question whether it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How long it took.
    pub took: Duration,
    /// What is wrong, if anything.
    pub trouble: Option<String>,
}

impl Probes {
    /// Asks until it is stopped.
    pub async fn run(self: Arc<Self>, tenant: Cluster, host: Cluster, stop: CancellationToken) {
        loop {
            self.ask(&tenant, &host).await;
            let known = !matches!(self.lock().lease, Sight::Unseen);
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(if known { EVERY } else { SOON }) => {}
            }
        }
    }

    /// Asks once.
    pub async fn ask(&self, tenant: &Cluster, host: &Cluster) {
        let (tenant_is, host_is, lease) = tokio::join!(ask(tenant), ask(host), read(tenant));
        let mut seen = self.lock();
        seen.apis = [Some(tenant_is), Some(host_is)];
        // What cannot be read now is as it was; that the API does not answer is told as such.
        if let Ok((lease, server)) = lease {
            let before = std::mem::take(&mut seen.lease);
            seen.lease = before.after(lease.as_ref(), server, Instant::now());
        }
    }

    /// What the server of a side answered last.
    pub fn answer(&self, side: Side) -> Option<Answer> {
        self.lock().apis[side as usize].clone()
    }

    /// How old the last renewal of the controller manager's Lease is.
    pub fn lease_age(&self) -> Option<Duration> {
        self.lock().lease.age(Instant::now())
    }

    /// How they are.
    pub fn checks(&self) -> Vec<Check> {
        let seen = self.lock();
        let api = |side: Side| match &seen.apis[side as usize] {
            None => Health::Bad("not asked yet".to_owned()),
            Some(answer) => Health::of(answer.trouble.clone()),
        };
        vec![
            Check::new("virtual-api", api(Side::Virtual)),
            Check::new("host-api", api(Side::Host)),
            Check::new("controller-manager", seen.lease.health(Instant::now())),
        ]
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a server whether it is ready. Who may not ask has been answered all the same.
async fn ask(cluster: &Cluster) -> Answer {
    let began = Instant::now();
    let trouble = match timeout(PATIENCE, get(cluster, "/readyz")).await {
        Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
        Ok(Err(why)) => Some(why),
        Ok(Ok((code, _, text))) if code >= 500 => {
            let failing: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("[-]")).collect();
            Some(format!("answers {code}, not ready: {}", failing.join(", ")))
        }
        Ok(Ok(_)) => None,
    };
    Answer { took: began.elapsed(), trouble }
}

/// The Lease, none when there is none, and the server's time.
async fn read(cluster: &Cluster) -> Result<(Option<Lease>, Option<DateTime<Utc>>), String> {
    let asked = timeout(PATIENCE, get(cluster, LEASE)).await.map_err(|_| "no answer in time".to_owned())?;
    match asked? {
        (404, server, _) => Ok((None, server)),
        (200, server, text) => match serde_json::from_str(&text) {
            Ok(lease) => Ok((Some(lease), server)),
            Err(_) => Err("the Lease cannot be read".to_owned()),
        },
        (code, ..) => Err(format!("answers {code}")),
    }
}

/// An answer's code, its time by the server's clock, and its text.
async fn get(cluster: &Cluster, path: &str) -> Result<(u16, Option<DateTime<Utc>>, String), String> {
    let request = Request::get(path).body(Body::empty()).map_err(|error| error.to_string())?;
    let answer = cluster.answer(request).await.map_err(|failure| failure.to_string())?;
    let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let date =
        date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.with_timezone(&Utc));
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok((code, date, String::from_utf8_lossy(&body).into_owned()))
}
