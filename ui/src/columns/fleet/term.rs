//! How long virtual clusters are to live, and whose they are.

use std::time::Duration;

use v9s::fleet::model::Vcluster;

use crate::columns::{Cell, Look, Value};
use crate::format;
use crate::theme::Slot;

/// Time to live below which a row warns.
const EXPIRES_WARN: Duration = Duration::from_secs(3600);

/// How much time is left.
pub(super) fn expires<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    Cell::known(&v.expires, look, |ends| {
        if *ends <= look.now {
            return Cell::new("over", Slot::Err);
        }
        let left = format::elapsed(look.now, *ends);
        Cell::new(format::short(left), if left < EXPIRES_WARN { Slot::Warn } else { Slot::Muted })
    })
}

/// By the moment itself: who ends first comes first.
pub(super) fn ends(v: &Vcluster) -> Value<'_> {
    Value::known(&v.expires, |ends| Value::Number(ends.timestamp() as f64))
}

pub(super) fn owner<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    v.owner.as_deref().map_or_else(|| Cell::not_applicable(look), |owner| Cell::foreign(owner, Slot::Muted))
}
