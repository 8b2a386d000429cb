//! A straight line through what was used over time. Pure.

/// From when on so much was used, until the next one begins. Small, as there may be many of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Run {
    /// Unix time in seconds.
    pub from: u32,
    /// How much, in the unit of its key.
    pub used: f32,
}

/// The line that is nearest by least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Growth in a second.
    pub slope: f64,
    /// Share of what moves that the line explains, 0 to 1.
    pub certainty: f64,
    /// Between the least and the most.
    pub spread: f64,
}

/// The line through runs that end at `until`, each weighed by how long it lasted: what was often looked at counts no more than what
/// was seldom. None where nothing lasted.
pub(super) fn line(runs: &[Run], until: u32) -> Option<Line> {
    let start = runs.first()?.from;
    let ends = runs.iter().skip(1).map(|next| next.from).chain([until]);
    // Integrals of 1, t, t², y, ty and y² over time.
    let (mut one, mut t1, mut t2, mut y1, mut ty, mut y2) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for (run, end) in runs.iter().zip(ends) {
        let (a, b) = (seconds(start, run.from), seconds(start, end));
        let used = f64::from(run.used);
        (least, most) = (least.min(used), most.max(used));
        let lasted = b - a;
        let (moment, square) = ((b * b - a * a) / 2.0, (b * b * b - a * a * a) / 3.0);
        one += lasted;
        t1 += moment;
        t2 += square;
        y1 += used * lasted;
        ty += used * moment;
        y2 += used * used * lasted;
    }
    let across = one * t2 - t1 * t1;
    if one <= 0.0 || across <= 0.0 {
        return None;
    }
    let slope = (one * ty - t1 * y1) / across;
    let moves = y2 - y1 * y1 / one;
    let explained = slope * (ty - t1 * y1 / one);
    let certainty = if moves > 0.0 { (explained / moves).clamp(0.0, 1.0) } else { 0.0 };
    Some(Line { slope, certainty, spread: most - least })
}

fn seconds(from: u32, to: u32) -> f64 {
    f64::from(to.saturating_sub(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(all: &[(u32, f32)]) -> Vec<Run> {
        all.iter().map(|(from, used)| Run { from: 1_000_000 + from, used: *used }).collect()
    }

    #[test]
    fn stairs_are_a_slope_and_one_step_is_half_of_one() {
        let stairs: Vec<(u32, f32)> =
            (0..20_u8).map(|step| (u32::from(step) * 60, f32::from(step))).collect();
        let line = line(&runs(&stairs), 1_000_000 + 1200).unwrap();
        assert!((line.slope - 1.0 / 60.0).abs() < 1e-4, "{line:?}");
        assert!(line.certainty > 0.99 && line.spread == 19.0, "{line:?}");
        let step = super::line(&runs(&[(0, 5.0), (600, 10.0)]), 1_000_000 + 1200).unwrap();
        assert!((0.7..0.8).contains(&step.certainty), "{step:?}");
    }

    #[test]
    fn what_comes_and_goes_has_no_line_and_what_stands_no_slope() {
        let waves: Vec<(u32, f32)> =
            (0..20_u8).map(|step| (u32::from(step) * 60, if step % 2 == 0 { 5.0 } else { 9.0 })).collect();
        assert!(line(&runs(&waves), 1_000_000 + 1200).unwrap().certainty < 0.05);
        let still = line(&runs(&[(0, 5.0)]), 1_000_000 + 600).unwrap();
        assert_eq!((still.slope, still.certainty, still.spread), (0.0, 0.0, 0.0));
        assert_eq!(line(&runs(&[(0, 5.0)]), 1_000_000), None, "no time has passed");
        assert_eq!(line(&[], 5), None);
    }

    #[test]
    fn how_long_counts_and_not_how_often() {
        let seldom = line(&runs(&[(0, 1.0), (600, 2.0), (1200, 3.0)]), 1_001_800).unwrap();
        let often = runs(&[(0, 1.0), (300, 1.0), (600, 2.0), (610, 2.0), (620, 2.0), (1200, 3.0)]);
        let often = line(&often, 1_001_800).unwrap();
        assert!((seldom.slope - often.slope).abs() < 1e-9, "{seldom:?} {often:?}");
    }
}
