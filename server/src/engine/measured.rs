//! What an answer is worth, within what may be kept of one.

use crate::{
    model::{Snapshot, Status},
    newcomers::Newcomers,
    poll::Attempt,
    rates::{Rates, rates},
    store::detail,
};

/// Leaves out of an answer what would be too much to keep, and computes its rates. What is left out
/// is told in the answer's reports, and so makes the attempt `partial`. None without an answer.
pub(super) fn measure(
    attempt: &mut Attempt,
    previous: Option<&Snapshot>,
    newcomers: &mut Newcomers,
) -> Option<Rates> {
    let snapshot = attempt.snapshot.as_deref_mut().filter(|_| attempt.outcome.has_values())?;
    let whole = newcomers.admit(snapshot, attempt.started.mono);
    let mut rates = rates(previous, snapshot);
    let cuts = detail::fit(&mut rates.detail, detail::MAX_DETAIL_BYTES);
    for cut in &cuts {
        snapshot.amend(cut.family, Status::Partial, &cut.to_string());
    }
    if !whole || !cuts.is_empty() {
        attempt.judge();
    }
    Some(rates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Outcome,
        newcomers::tests::{answer, names},
        store::detail::{MAX_DETAIL_BYTES, encode},
        units::Now,
    };

    fn attempt(snapshot: Snapshot) -> Attempt {
        let mut attempt = Attempt::without_answer(Outcome::Ok, "", Now::default());
        attempt.error = None;
        attempt.snapshot = Some(Box::new(snapshot));
        attempt
    }

    #[test]
    fn an_answer_that_is_too_much_to_keep_is_cut_and_partial() {
        let mut known = Newcomers::default();
        let mut small = attempt(answer(names("eth", 0..2), names("/", 0..2)));
        let rates = measure(&mut small, None, &mut known).unwrap();
        assert_eq!(
            (small.outcome, &small.error, rates.detail.interfaces.len()),
            (Outcome::Ok, &None, 2)
        );

        let long = "x".repeat(2000);
        let mut flood = attempt(answer(names("n", 0..3000), names(&long, 0..3000)));
        let rates = measure(&mut flood, small.snapshot.as_deref(), &mut known).unwrap();
        let kept = (rates.detail.interfaces.len(), rates.detail.filesystems.len());
        assert!(encode(&rates.detail).len() <= MAX_DETAIL_BYTES);
        assert!(kept.0 > 1000 && kept.1 > 20, "{kept:?}");
        assert_eq!(flood.outcome, Outcome::Partial);
        let told = flood.error.as_deref().unwrap_or_default();
        assert!(
            told.contains("; 256 KiB of a poll are kept") && told.contains("new names"),
            "{told}"
        );
        assert_eq!(flood.snapshot.unwrap().reports.len(), 2);
    }
}
