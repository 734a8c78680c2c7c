//! Two builds of the probe, call by call in turn: what a change is worth on this machine, whose
//! speed drifts by more than most changes gain.

use std::error::Error;

use crate::{line, median, subject::Subject};

/// Turns; each of two probes is called in each.
pub(crate) const TURNS: u32 = 200;

/// Calls both in turn, `calls` times each, and prints CPU per call and the paired difference.
pub(crate) async fn compare(binary: &str, other: &str, calls: u32) -> Result<(), Box<dyn Error>> {
    let (mut new, mut old) = (Subject::start(binary).await?, Subject::start(other).await?);
    let (mut new_us, mut old_us) = (Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let (_, of_new) = new.calls(calls / TURNS).await?;
        let (_, of_old) = old.calls(calls / TURNS).await?;
        // The first turn warms up.
        if turn > 0 {
            new_us.push(of_new.cpu_us / f64::from(calls / TURNS));
            old_us.push(of_old.cpu_us / f64::from(calls / TURNS));
        }
    }
    let less: Vec<f64> = old_us.iter().zip(&new_us).map(|(old, new)| old - new).collect();
    println!("paired, {calls} calls each in {TURNS} turns, medians (least to most):");
    line("probe CPU per GetMetrics", &new_us, "µs");
    line("of the other binary", &old_us, "µs");
    line("less", &less, "µs");
    println!("  {:34} {:.1} %", "less", 100.0 * median(&less) / median(&old_us));
    Ok(())
}
