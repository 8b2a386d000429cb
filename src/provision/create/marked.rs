//! The objects of a request with what is written down about the virtual cluster itself: how long it is to live, whose it is.

use serde_json::Value;

use super::{Found, Request};
use crate::provision::objects::Objects;
use crate::target::Term;

impl Request {
    /// Everything that it consists of. What was written down before and is not said anew stays: the same command run again
    /// takes nobody's time away.
    pub(crate) fn objects(&self, found: &Found) -> Objects {
        let mut objects = self.blueprint(&found.service_range).objects();
        let before = found.control_planes.iter().find(|plane| plane.release == self.name);
        let term = self.term.clone().or(&before.map(|plane| plane.term.clone()).unwrap_or_default());
        for object in &mut objects.control_plane {
            mark(&mut object.body, &term);
        }
        objects
    }
}

fn mark(object: &mut Value, term: &Term) {
    for (key, value) in term.annotations() {
        object["metadata"]["annotations"][key] = value.into();
    }
}
