//! What a process costs, from `/proc`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Processor time used by a process so far, and when that was.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    at: Instant,
    cpu: Duration,
}

impl Spent {
    /// As of now.
    pub fn now(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("reading its processor time")?;
        // The name in parentheses may hold blanks; fields are counted from behind it: utime is the 12th, stime the 13th.
        let after = text.rsplit_once(')').context("an unknown form of /proc/PID/stat")?.1;
        let ticks: u64 =
            after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Self { at: Instant::now(), cpu: Duration::from_secs_f64(ticks as f64 / per_second as f64) })
    }

    /// Processor time used since an earlier look.
    pub fn since(self, earlier: Self) -> Duration {
        self.cpu.saturating_sub(earlier.cpu)
    }

    /// Share of one core used since an earlier look, in percent.
    pub fn percent_since(self, earlier: Self) -> f64 {
        let wall = (self.at - earlier.at).as_secs_f64();
        (self.cpu - earlier.cpu).as_secs_f64() / wall * 100.0
    }
}

/// Resident memory and its peak, in MB (10^6 bytes).
pub fn memory(pid: u32) -> Result<(f64, f64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("reading its memory")?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok()
    };
    let in_mb =
        |kib: Option<f64>| kib.map(|kib| kib * 1024.0 / 1e6).context("an unknown form of /proc/PID/status");
    Ok((in_mb(field("VmRSS"))?, in_mb(field("VmHWM"))?))
}
