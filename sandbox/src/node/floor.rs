//! What containers do: the rules of their images, and what has become of what really runs in them.

#[cfg(test)]
use super::Hand;
use super::behaviour::{Behaviour, Container, Images, Work};
use super::works::Works;
#[cfg(test)]
use crate::kinds::Kinds;
#[cfg(test)]
use crate::store::{Store, StoreOptions};

/// Rules and programs together. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Floor {
    pub(super) images: Images,
    pub(super) works: Works,
}

impl Floor {
    pub(crate) fn new(images: Images, works: Works) -> Self {
        Floor { images, works }
    }

    /// Rules in whose containers nothing really runs.
    #[cfg(test)]
    pub(super) fn of(images: Images) -> Self {
        let store = Store::new(Kinds::builtin().clone(), &StoreOptions::default());
        Floor::new(images, Works::new(store, Hand::default(), None))
    }

    pub(crate) fn works(&self) -> &Works {
        &self.works
    }

    /// What a container does; None when its pod's status is left alone.
    pub(super) fn behaviour(&self, container: &Container<'_>) -> Option<Behaviour> {
        let mut behaviour = self.images.behaviour(container)?;
        // An API server is ready when it answers, and not before.
        if matches!(self.images.work(container), Some(Work::ControlPlane(_))) {
            behaviour.ready = None;
        }
        Some(self.works.adjust(container, behaviour))
    }
}
