//! The objects of a request with what is written down about the virtual cluster itself: how long it is to live, whose it is, when its
//! certificates end.

use serde_json::Value;

use super::{Found, Request};
use crate::provision::objects::{Object, Objects};
use crate::provision::pki::{self, Keys};
use crate::target::Term;
use crate::wire::annotation;

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

/// Writes on the control plane when the first of its certificates ends. Keys whose certificates cannot be read say nothing of it, and
/// then nobody believes to know.
pub(super) fn tell_end(control_plane: &mut [Object], keys: &Keys) {
    let Ok(end) = keys.first_end() else { return };
    for object in control_plane {
        object.body["metadata"]["annotations"][annotation::CERTIFICATES_END] = pki::written(end).into();
    }
}

fn mark(object: &mut Value, term: &Term) {
    for (key, value) in term.annotations() {
        object["metadata"]["annotations"][key] = value.into();
    }
}
