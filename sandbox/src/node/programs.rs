//! Starts what really runs in containers when the status of their pods says that they run, and stops it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use smol_str::SmolStr;

use super::behaviour::{Container, Images};
use super::works::Works;
use crate::controllers::queue::Queue;
use crate::controllers::{Controller, Key, PERSISTENT_VOLUMES, PODS, Seen, VOLUME_CLAIMS, World};
use crate::store::{Change, Object};

/// The controller.
#[derive(Debug)]
pub(crate) struct Programs {
    images: Images,
    works: Works,
    queue: Queue<Key>,
}

impl Programs {
    pub(crate) fn new(images: Images, works: Works) -> Self {
        Programs { images, works, queue: Queue::default() }
    }

    fn reconcile(&self, world: &World, key: &Key) {
        let Some(object) = world.find(&PODS, key) else { return };
        if object.deleting() {
            return self.works.stop(object.uid());
        }
        let pod = Arc::new(object.value());
        for (specs, statuses, init) in
            [("initContainers", "initContainerStatuses", true), ("containers", "containerStatuses", false)]
        {
            for spec in pod["spec"][specs].as_array().into_iter().flatten() {
                let named = |status: &&Value| status["name"] == spec["name"];
                let status = pod["status"][statuses].as_array().into_iter().flatten().find(named);
                self.settle(&object, &pod, spec, status, init);
            }
        }
    }

    /// Starts or stops what one container runs.
    fn settle(&self, object: &Object, pod: &Arc<Value>, spec: &Value, status: Option<&Value>, init: bool) {
        let text = |key: &str| spec[key].as_str().unwrap_or_default();
        let restarts = status.and_then(|status| status["restartCount"].as_i64()).unwrap_or(0);
        let container = Container {
            namespace: object.namespace(),
            pod: object.name(),
            uid: object.uid(),
            labels: object.labels(),
            name: text("name"),
            image: text("image"),
            init: init && spec["restartPolicy"] != "Always",
            once: pod["spec"]["restartPolicy"] != "Always",
            restarts,
        };
        let Some(work) = self.images.work(&container) else { return };
        if status.is_some_and(|status| status["state"]["running"].is_object()) {
            self.works.start(pod, spec, restarts, &work);
        } else {
            self.works.kill(object.uid(), container.name);
        }
    }
}

/// Whether a container of a pod has an image with a program.
fn is_lively(images: &Images, pod: &Object) -> bool {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Shape {
        spec: Spec,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Spec {
        containers: Vec<Image>,
        init_containers: Vec<Image>,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Image {
        image: SmolStr,
    }
    let Shape { spec } = pod.parse().unwrap_or_default();
    spec.containers.iter().chain(&spec.init_containers).any(|container| images.is_lively(&container.image))
}

impl Controller for Programs {
    fn name(&self) -> &'static str {
        "programs"
    }

    fn observe(&mut self, _: &World, seen: &Seen<'_>) {
        let gone = seen.change == Change::Deleted;
        if *seen.gr == PODS && self.images.has_programs() {
            if gone {
                self.queue.forget(&Key::of(seen.object));
                self.works.forget_pod(seen.object.uid());
            } else if is_lively(&self.images, seen.object) {
                self.queue.add(Key::of(seen.object));
            }
        } else if gone && *seen.gr == VOLUME_CLAIMS {
            self.works.forget_disk(seen.object.uid(), Some(&Key::of(seen.object)));
        } else if gone && *seen.gr == PERSISTENT_VOLUMES {
            self.works.forget_disk(seen.object.uid(), None);
        }
    }

    fn work(&mut self, world: &mut World) {
        while let Some(key) = self.queue.pop(world.now()) {
            self.reconcile(world, &key);
        }
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        self.queue.next()
    }
}
