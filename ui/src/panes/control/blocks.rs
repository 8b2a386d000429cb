//! The parts of the page.

use chrono::{DateTime, Utc};
use v9s::health::control::{Container, Controller, DnsPod, Duty, Reading, duty, judge};
use v9s::known::Known;

use super::super::lines::{Line, broken};
use super::View;
use crate::format::{age, bytes, count, measured, short, sparkline};
use crate::text::{Align, clean, cut_end, cut_middle};
use crate::theme::{Slot, Symbols};

/// What all parts are made from.
pub(super) struct Context<'a> {
    pub view: View<'a>,
    pub symbols: &'static Symbols,
    pub now: DateTime<Utc>,
    pub columns: usize,
}

/// Columns of what containers use.
const USE: usize = 10;
/// From so many columns on there is room for pods beside containers.
const WIDE: usize = 110;
/// Most columns of a trend.
const TREND: usize = 60;

impl Context<'_> {
    fn reading(&self) -> &Reading {
        self.view.reading
    }

    fn before(&self) -> Option<&Reading> {
        self.view.kept.iter().rev().nth(1).map(AsRef::as_ref)
    }

    /// How it is, and how old this is.
    pub fn head(&self) -> Vec<Line> {
        let (state, found) = judge(self.reading(), self.before(), self.view.thresholds);
        let (slot, said) = match &state {
            Known::Yes(severity) => {
                let worst = found.first().map_or("all that was looked at is well", |it| it.message.as_str());
                (Slot::from(*severity), clean(worst).into_owned())
            }
            Known::No(why) => (Slot::Unknown, format!("not known: {}", clean(why))),
            Known::NotApplicable => (Slot::Unknown, "it was not looked at".to_owned()),
        };
        let head = Line::new(format!(" {} ", self.symbols.of(slot)), slot);
        let mut lines = self.hung(head.with("its control plane  ", Slot::Title), &said, slot);
        let looked = format!("looked at {} ago", age(self.reading().taken, self.now));
        lines.push(Line::new(format!("   {looked}"), Slot::Muted));
        lines
    }

    /// A head, and words behind it that hang.
    fn hung(&self, head: Line, words: &str, slot: Slot) -> Vec<Line> {
        let indent = head.width().min(self.columns / 2);
        let mut texts =
            broken(&clean(words), self.columns.saturating_sub(head.width() + 1).max(8)).into_iter();
        let mut lines = vec![head.with(texts.next().unwrap_or_default(), slot)];
        lines.extend(texts.map(|text| Line::new(" ".repeat(indent), Slot::Text).with(text, slot)));
        lines
    }

    fn signed(&self, slot: Slot, words: &str) -> Vec<Line> {
        let text = if slot == Slot::Ok { Slot::Text } else { slot };
        self.hung(Line::new(format!(" {} ", self.symbols.of(slot)), slot), words, text)
    }

    /// What is wrong, worst first, and what to press.
    pub fn findings(&self) -> Vec<Line> {
        let (state, found) = judge(self.reading(), self.before(), self.view.thresholds);
        if found.is_empty() {
            let well = state.is_known();
            return if well { self.signed(Slot::Ok, "nothing was found that is wrong") } else { Vec::new() };
        }
        let mut lines = Vec::new();
        for finding in found {
            let mut words = clean(&finding.message).into_owned();
            if let Some(since) = finding.since {
                words.push_str(&format!(", {} ago", age(since, self.now)));
            }
            let slot = Slot::from(finding.severity);
            let head = Line::new(format!(" {} ", self.symbols.of(slot)), slot);
            lines.extend(self.hung(head, &words, Slot::Text));
            if let Some((key, words)) = (self.view.press)(finding.code) {
                lines.push(
                    Line::new("   ", Slot::Text)
                        .with(format!("[{key}]"), Slot::Key)
                        .with(format!(" {words}"), Slot::Muted),
                );
            }
        }
        lines
    }

    /// What its API server says, what fails first.
    pub fn api(&self) -> Vec<Line> {
        let Known::Yes(api) = &self.reading().api else { return Vec::new() };
        let slot = if api.ready { Slot::Ok } else { Slot::Err };
        let word = if api.ready { "ready" } else { "not ready" };
        let mut lines = self.signed(slot, &format!("{word}, answered in {}", measured(api.took)));
        for check in api.checks.iter().filter(|check| !check.well) {
            lines.extend(self.signed(Slot::Err, &format!("{} {}", check.name, check.says)));
        }
        let passed: Vec<&str> =
            api.checks.iter().filter(|check| check.well).map(|check| check.name.as_str()).collect();
        lines.extend(self.requests());
        if !passed.is_empty() {
            let words = format!("{} checks passed: {}", count(passed.len() as u64), passed.join(", "));
            let head = Line::new(format!(" {} ", self.symbols.of(Slot::Ok)), Slot::Ok);
            lines.extend(self.hung(head, &words, Slot::Muted));
        }
        lines
    }

    /// What came to it, and what became of that.
    fn requests(&self) -> Vec<Line> {
        let Some(traffic) = self.reading().traffic(self.before()) else { return Vec::new() };
        let thresholds = self.view.thresholds;
        let since = if traffic.lately { "since the last look" } else { "since it began" };
        let took = traffic.p99.map(|p99| format!("p99 {}, ", measured(p99))).unwrap_or_default();
        let (failed, put_off) = (traffic.share(traffic.failed), traffic.share(traffic.throttled));
        let words = format!(
            "{} requests {since}: {took}{:.1} % failed (5xx), {:.1} % put off (429)",
            count(traffic.answered),
            failed * 100.0,
            put_off * 100.0
        );
        let slow = traffic.p99.is_some_and(|p99| p99.as_secs_f64() > thresholds.api_warning_seconds);
        let much = failed.max(put_off) > thresholds.throttled_share;
        let slot = match (traffic.lately, slow || much) {
            (true, true) => Slot::Warn,
            (true, false) => Slot::Ok,
            // Of all of its time nothing is judged.
            (false, _) => Slot::Info,
        };
        self.signed(slot, &words)
    }

    /// Who acts on what is stored.
    pub fn controllers(&self) -> Vec<Line> {
        self.reading().controllers.iter().flat_map(|one| self.controller(one)).collect()
    }

    fn controller(&self, one: &Controller) -> Vec<Line> {
        let before = self.before().and_then(|then| then.controllers.iter().find(|it| it.name == one.name));
        let holder = one.lease.get().and_then(Option::as_ref).map(|lease| clean(&lease.holder).into_owned());
        let holder = holder.filter(|holder| !holder.is_empty());
        let by = holder.map(|holder| format!(", held by {holder}")).unwrap_or_default();
        let (slot, words) = match duty(one, before) {
            Duty::Renews(since) => (Slot::Ok, format!("renewed its Lease {} ago{by}", short(since))),
            Duty::Alone(true) => {
                (Slot::Ok, "the only one, so it runs without a Lease; its container is ready".to_owned())
            }
            Duty::Alone(false) => {
                (Slot::Err, "the only one, so it runs without a Lease; its container is not ready".to_owned())
            }
            Duty::None => (Slot::Info, "there is none: the host's does this".to_owned()),
            Duty::Silent(Some(since)) => {
                (Slot::Err, format!("has not renewed its Lease for {}{by}", short(since)))
            }
            Duty::Silent(None) => (Slot::Err, "does not renew its Lease any more".to_owned()),
            Duty::Never => {
                (Slot::Err, "has no Lease, although one of several is to be chosen by it".to_owned())
            }
            Duty::Unknown(why) => (Slot::Unknown, format!("not known: {why}")),
        };
        let text = if slot == Slot::Ok { Slot::Text } else { slot };
        let head = Line::new(format!(" {} ", self.symbols.of(slot)), slot);
        self.hung(head.field(one.name, 25, Align::Left, Slot::Text), &words, text)
    }

    /// The pods that resolve names.
    pub fn dns(&self) -> Vec<Line> {
        let Known::Yes(pods) = &self.reading().dns else { return Vec::new() };
        if pods.is_empty() {
            return self.signed(Slot::Info, "no pod of CoreDNS in kube-system");
        }
        let told = |pod: &DnsPod| {
            let (slot, word) = if pod.ready { (Slot::Ok, "ready") } else { (Slot::Err, "not ready") };
            let why = pod.why.as_deref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
            let restarts = match pod.restarts {
                0 => String::new(),
                n => format!(", started anew {} times", count(u64::from(n))),
            };
            self.signed(slot, &format!("{} is {word}{why}{restarts}", clean(&pod.name)))
        };
        pods.iter().flat_map(told).collect()
    }

    /// A line for each container.
    pub fn containers(&self) -> Vec<Line> {
        let Known::Yes(all) = &self.reading().containers else { return Vec::new() };
        if all.is_empty() {
            return self.signed(Slot::Err, "it has no pods");
        }
        let wide = self.columns >= WIDE;
        let pod = if wide { 28 } else { 0 };
        let end = self.columns.saturating_sub(3 + pod + 24 + 9 + 2 * USE + 2).clamp(8, 40);
        let title = |line: Line, text: &str, columns: usize, align: Align| {
            line.field(text, columns, align, Slot::Header)
        };
        let mut head = Line::new("   ", Slot::Text);
        if wide {
            head = title(head, "POD", pod, Align::Left);
        }
        head = title(head, "CONTAINER", 24, Align::Left);
        head = title(head, "RESTARTS", 9, Align::Right);
        head = title(head, "CPU", USE, Align::Right);
        head = title(head, "MEMORY", USE, Align::Right);
        head = title(head, "  LAST END", end, Align::Left);
        let mut lines = vec![head];
        lines.extend(all.iter().map(|one| self.container(one, (pod, end))));
        lines
    }

    fn container(&self, one: &Container, (pod, end): (usize, usize)) -> Line {
        let slot = if one.ready { Slot::Ok } else { Slot::Err };
        let mut line = Line::new(format!(" {} ", self.symbols.of(slot)), slot);
        let named = |text: &str, columns: usize| {
            cut_middle(&clean(text), columns.saturating_sub(1), self.symbols.ellipsis).into_owned()
        };
        if pod > 0 {
            line = line.field(&named(&one.pod, pod), pod, Align::Left, Slot::Muted);
        }
        line = line.field(&named(&one.name, 24), 24, Align::Left, Slot::Text);
        let often = if one.restarts > 0 { Slot::Warn } else { Slot::Muted };
        line = line.field(&count(u64::from(one.restarts)), 9, Align::Right, often);
        match self.reading().usage(one) {
            Some(used) => {
                let full = one.memory.is_some_and(|most| {
                    most > 0.0 && used.memory / most > self.view.thresholds.container_memory_share
                });
                let memory = if full { Slot::Warn } else { Slot::Text };
                line = line.field(&cores(used.cpu), USE, Align::Right, Slot::Text);
                line = line.field(&bytes(used.memory), USE, Align::Right, memory);
            }
            None => {
                for _ in 0..2 {
                    line = line.field(self.symbols.unknown, USE, Align::Right, Slot::Unknown);
                }
            }
        }
        let last = match (&one.waits, &one.ended) {
            (Some(waits), _) => (clean(waits).into_owned(), Slot::Err),
            (None, Some(ended)) => {
                let when = ended.at.map(|at| format!(" {} ago", age(at, self.now))).unwrap_or_default();
                (format!("{} ({}){when}", clean(&ended.reason), ended.exit), Slot::Warn)
            }
            (None, None) => (String::new(), Slot::Muted),
        };
        line.with(format!("  {}", cut_end(&last.0, end, self.symbols.ellipsis)), last.1)
    }

    /// What all of it used while one has looked.
    pub fn trend(&self) -> Vec<Line> {
        let used: Vec<(f64, f64)> = self.view.kept.iter().filter_map(|reading| reading.used()).collect();
        let Some((cpu, memory)) = used.last() else { return Vec::new() };
        let columns = self.columns.saturating_sub(24).min(TREND);
        // Thousandths and MiB are as fine as a chart of some rows can show.
        let chart = |values: Vec<u32>| sparkline(&values, 0, columns.min(values.len()), self.symbols);
        let row = |name: &str, now: String, values: Vec<u32>| {
            Line::new(" ", Slot::Text)
                .field(name, 8, Align::Left, Slot::Muted)
                .field(&now, USE, Align::Right, Slot::Text)
                .with(format!("  {}", chart(values)), Slot::Spark)
        };
        vec![
            row("cpu", cores(*cpu), used.iter().map(|(cpu, _)| (cpu * 1_000.0) as u32).collect()),
            row(
                "memory",
                bytes(*memory),
                used.iter().map(|(_, memory)| (memory / 1_048_576.0) as u32).collect(),
            ),
        ]
    }

    /// What could not be looked at, and why.
    pub fn unknown(&self) -> Vec<Line> {
        let reading = self.reading();
        let all = [
            ("what its API server says", reading.api.why()),
            ("what came to its API server", reading.requests.why()),
            ("its name server", reading.dns.why()),
            ("its containers", reading.containers.why()),
            ("what they use", reading.usage.why()),
        ];
        let known = all.into_iter().filter_map(|(what, why)| Some(format!("{what}: {}", why?)));
        known.flat_map(|words| self.signed(Slot::Unknown, &words)).collect()
    }
}

/// Processors, in thousandths where it is less than one.
fn cores(cpu: f64) -> String {
    if cpu < 1.0 { format!("{:.0}m", cpu * 1_000.0) } else { format!("{cpu:.1}") }
}
