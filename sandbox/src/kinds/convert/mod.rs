//! What is stored and what a version shows of it: every served version reads and writes the same stored object.
//!
//! Two built-in kinds are served in two shapes: HorizontalPodAutoscalers (`autoscaling/v1` and `v2`, stored as `v2`)
//! and Events (`v1` and `events.k8s.io/v1`, stored as `v1`). Versions of a custom resource differ in their schema
//! only.

mod autoscalers;
mod events;

use serde_json::Value;

use super::Kind;
use crate::store::Gr;

/// How a version differs from what is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Not at all.
    Stored,
    /// By the schema of its definition.
    Custom,
    /// `autoscaling/v1`.
    AutoscalerV1,
    /// `events.k8s.io/v1`.
    Event,
}

impl Kind {
    fn conversion(&self) -> Shape {
        match (self.group.as_str(), self.version.as_str(), self.plural.as_str()) {
            _ if self.is_custom() => Shape::Custom,
            ("autoscaling", "v1", "horizontalpodautoscalers") => Shape::AutoscalerV1,
            ("events.k8s.io", "v1", "events") => Shape::Event,
            _ => Shape::Stored,
        }
    }

    /// Where its objects are stored.
    pub fn stored_as(&self) -> Gr {
        match self.conversion() {
            Shape::Event => Gr::core("events"),
            _ => Gr::new(self.group.clone(), self.plural.clone()),
        }
    }

    /// Whether an object is shown as it is stored.
    pub fn shows_as_stored(&self) -> bool {
        self.conversion() == Shape::Stored
    }

    /// Whether its fields are called as the stored ones are.
    pub fn has_stored_shape(&self) -> bool {
        matches!(self.conversion(), Shape::Stored | Shape::Custom)
    }

    /// An object as this version shows it. Custom resources lose and gain what their schema says by now, whatever it
    /// said when they were written.
    #[must_use]
    pub fn show(&self, stored: Value) -> Value {
        let mut object = stored;
        match (self.conversion(), &self.custom) {
            (Shape::AutoscalerV1, _) => autoscalers::show(&mut object),
            (Shape::Event, _) => object = events::show(object),
            (Shape::Custom, Some(custom)) => {
                crate::custom::prune(&custom.schema, &mut object);
                crate::custom::fill_in(&custom.schema, &mut object);
            }
            _ => {}
        }
        object
    }

    /// What is stored of an object that this version shows.
    #[must_use]
    pub fn to_stored(&self, shown: Value) -> Value {
        let mut object = shown;
        match self.conversion() {
            Shape::AutoscalerV1 => autoscalers::store(&mut object),
            Shape::Event => object = events::store(object),
            Shape::Custom | Shape::Stored => {}
        }
        object
    }
}

#[cfg(test)]
mod tests;
