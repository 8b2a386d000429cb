//! What may pass between the tenant's pods and everything else, as policies say.

use v9s::health::isolation::Way;
use v9s::known::Known;

use super::super::lines::Line;
use super::blocks::{Block, Context};
use crate::format::count;
use crate::text::clean;
use crate::theme::Slot;

impl Context<'_> {
    /// What the NetworkPolicies of its namespace come to.
    pub fn network(&self, columns: usize) -> Block {
        let Known::Yes(isolation) = &self.vcluster.policies else {
            let lines = self.fact("policies", &self.vcluster.policies, columns, |_| Line::default());
            return Block { title: "Network".to_owned(), lines };
        };
        let mut lines = Vec::new();
        for (name, way) in [("reaches it", isolation.ingress), ("it reaches", isolation.egress)] {
            lines.extend(self.fact(name, &Known::Yes(way), columns, |way| self.way(*way)));
        }
        let number = count(u64::from(isolation.policies));
        let chart: Vec<_> = isolation.chart.iter().map(|name| clean(name)).collect();
        let words = if chart.is_empty() { number } else { format!("{number}, of them {}", chart.join(", ")) };
        lines.extend(self.labelled("policies", &words, Slot::Muted, columns));
        Block { title: "Network, as policies say".to_owned(), lines }
    }

    /// Whether what policies say is enforced they do not tell: it is no sign of health.
    fn way(&self, way: Way) -> Line {
        if way.is_open() {
            return Line::new(format!("{} {way}", self.symbols.of(Slot::Info)), Slot::Info);
        }
        Line::new(way.to_string(), Slot::Text)
    }
}
