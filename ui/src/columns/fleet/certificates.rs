//! How long certificates still hold.

use v9s::fleet::model::Vcluster;
use v9s::health::certificates::Standing;
use v9s::lifecycle::certs::days_left;

use super::text;
use crate::columns::{Cell, Column, Cut, Look, Value};
use crate::theme::Slot;

/// Days until the first one ends.
pub(super) const CERTIFICATES: Column<Vcluster> = Column {
    cell: left,
    value: end,
    min: 6,
    preferred: 10,
    wide: true,
    cut: Cut::End,
    ..text("certs", "CERTS", 15)
};

/// `✓ 213d left`, `! 12d left`, `✗ ended`.
fn left<'a>(v: &'a Vcluster, look: &Look) -> Cell<'a> {
    Cell::known(&v.certificates, look, |certificates| {
        let slot = Slot::from(certificates.standing.severity());
        match certificates.standing {
            Standing::Ended => Cell::status("ended", slot, look),
            _ => {
                let days = days_left(certificates.end, look.now);
                Cell::status(format!("{days}d"), slot, look).with_optional(" left", slot)
            }
        }
    })
}

/// Who ends first comes first.
fn end(v: &Vcluster) -> Value<'_> {
    Value::known(&v.certificates, |certificates| Value::Number(certificates.end.timestamp() as f64))
}
