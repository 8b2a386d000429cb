//! A store at one moment: everything that is asked of it to judge how well it is.

use std::time::Instant;

use chrono::Utc;
use futures::future::join_all;
use smol_str::{SmolStr, format_smolstr};

use super::{Engine, Kind, Seen, Store, StoreError, open};
use crate::cluster::{Cluster, FailureKind};
use crate::gc::{Place, Ways};
use crate::health::store::{Figures, Process, Reading, Told};
use crate::known::Known;
use crate::target::Target;

/// Reads it from its host. What cannot be looked at is not known, with the reason; where the store cannot be asked by its nature,
/// the API server of the virtual cluster is asked whether it reaches it, by `ways`. What rests is never woken.
pub async fn read(cluster: &Cluster, target: &Target, ways: &dyn Ways) -> Reading {
    let settings = match open::settings(cluster, target).await {
        Ok(settings) => settings,
        Err(error) => return closed(Known::No(format_smolstr!("{error}")), &error),
    };
    let kind = settings.kind();
    match open::with(cluster, target, settings).await {
        Ok(store) => store.read().await,
        Err(error) => {
            let mut reading = closed(Known::Yes(kind), &error);
            if matches!(error, StoreError::NoWay { .. }) {
                reading.told = told(cluster, target, ways).await;
            }
            reading
        }
    }
}

fn closed(kind: Known<Kind>, error: &StoreError) -> Reading {
    Reading {
        taken: Utc::now(),
        kind,
        engine: None,
        processes: Vec::new(),
        absent: Vec::new(),
        members: Known::NotApplicable,
        alarms: Known::NotApplicable,
        volumes: Known::NotApplicable,
        told: Known::NotApplicable,
        closed: Some((format_smolstr!("{error}"), error.remedy().into())),
    }
}

/// What the virtual API server says of its store.
async fn told(cluster: &Cluster, target: &Target, ways: &dyn Ways) -> Known<Told> {
    let place = Place::new(target.namespace.clone(), target.name.clone());
    let inside = match ways.open(cluster, &place).await {
        Ok(inside) => inside,
        Err(why) => return Known::No(why),
    };
    let Ok(request) = http::Request::get("/readyz/etcd").body(Vec::new()) else {
        return Known::unknown("it cannot be asked");
    };
    let begun = Instant::now();
    let answer = inside.cluster.fetch(request).await;
    let took = begun.elapsed();
    match answer {
        Ok(_) => Known::Yes(Told { ready: Ok(()), took }),
        Err(failure) if failure.kind == FailureKind::Server => {
            Known::Yes(Told { ready: Err(failure.message), took })
        }
        Err(failure) => Known::No(format_smolstr!("{failure}")),
    }
}

impl Store {
    /// Reads it: each process, members, alarms, volumes, all at once.
    pub async fn read(&self) -> Reading {
        let (seen, members, alarms, volumes) =
            tokio::join!(self.status(), self.members(), self.alarms(), self.volumes());
        let processes = join_all(seen.into_iter().map(|seen| self.process(seen))).await;
        let etcd = self.engine == Engine::Etcd;
        Reading {
            taken: Utc::now(),
            kind: Known::Yes(self.kind),
            engine: Some(self.engine),
            processes,
            absent: self.absent.clone(),
            members: if etcd { known(members) } else { Known::NotApplicable },
            alarms: if etcd { known(alarms) } else { Known::NotApplicable },
            volumes,
            told: Known::NotApplicable,
            closed: None,
        }
    }

    async fn process(&self, seen: Seen) -> Process {
        let figures = match &seen.status {
            // What does not answer one question is not made to answer another.
            Err(_) => Known::unknown("it does not answer"),
            Ok(_) => match self.metrics(&seen.process).await {
                Ok(Some(text)) => Known::Yes(Figures::read(&text)),
                Ok(None) => Known::NotApplicable,
                Err(error) => Known::No(format_smolstr!("{error}")),
            },
        };
        Process { name: seen.process, status: known(seen.status), took: seen.took, figures }
    }
}

fn known<T>(asked: Result<T, StoreError>) -> Known<T> {
    match asked {
        Ok(answer) => Known::Yes(answer),
        Err(error) => Known::No(SmolStr::from(error.to_string())),
    }
}
