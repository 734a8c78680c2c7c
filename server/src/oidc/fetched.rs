//! A document of the provider's that is kept for a while, and asked for by one at a time.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::OidcError;
use crate::units::Mono;

/// How long it is kept: a key that the provider has taken away is good for so long.
const KEPT: Duration = Duration::from_secs(3600);

/// How often it is asked for when it will not do.
const AGAIN: Duration = Duration::from_secs(60);

/// How often it is asked for while the provider does not answer.
const RETRY: Duration = Duration::from_secs(5);

/// What was fetched last.
pub(super) struct Fetched<T>(Mutex<Option<Attempted<T>>>);

struct Attempted<T> {
    at: Mono,
    found: Result<Arc<T>, OidcError>,
}

impl<T> Default for Fetched<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Fetched<T> {
    /// The document, from what is kept where that `will_do`.
    pub(super) async fn get(
        &self,
        now: impl Fn() -> Mono,
        will_do: impl Fn(&T) -> bool,
        ask: impl AsyncFnOnce() -> Result<T, OidcError>,
    ) -> Result<Arc<T>, OidcError> {
        let mut last = self.0.lock().await;
        if let Some(Attempted { at, found }) = &*last {
            let (age, for_long) = match found {
                Ok(found) if will_do(found) => (now().since(*at), KEPT),
                Ok(_) => (now().since(*at), AGAIN),
                Err(_) => (now().since(*at), RETRY),
            };
            if age < for_long {
                return found.clone();
            }
        }
        let found = ask().await.map(Arc::new);
        *last = Some(Attempted { at: now(), found: found.clone() });
        found
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn it_is_asked_for_anew_after_an_hour_and_a_minute_where_it_will_not_do() {
        let (kept, now, asked) = (Fetched::default(), Cell::new(100), Cell::new(0));
        let get = async |will_do: bool, answers: bool| {
            let ask = async || {
                asked.set(asked.get() + 1);
                answers.then_some(asked.get()).ok_or(OidcError::Busy)
            };
            let now = || Mono(Duration::from_secs(now.get()));
            kept.get(now, |_| will_do, ask).await.map(|found| *found)
        };
        assert_eq!(get(true, false).await, Err(OidcError::Busy));
        assert_eq!(
            get(true, true).await,
            Err(OidcError::Busy),
            "a provider that is away is left alone"
        );
        now.set(105);
        assert_eq!(get(true, true).await, Ok(2));
        now.set(105 + 59);
        assert_eq!(get(false, true).await, Ok(2));
        now.set(105 + 60);
        assert_eq!(get(false, true).await, Ok(3));
        assert_eq!(get(false, true).await, Ok(3));
        now.set(165 + 3_599);
        assert_eq!(get(true, true).await, Ok(3));
        now.set(165 + 3_600);
        assert_eq!(get(true, true).await, Ok(4));
    }
}
