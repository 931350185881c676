//! Waits for conditions, never for time: a poll with a deadline, and on timeout what was seen last.

use std::time::{Duration, Instant};

use anyhow::bail;

/// How often a condition is looked at.
const STEP: Duration = Duration::from_millis(50);

/// What one look at a condition gave.
#[derive(Debug)]
pub enum Probe<T> {
    /// The condition holds.
    Done(T),
    /// Not yet, and what was seen instead; the last one is shown when the deadline passes.
    NotYet(String),
}

/// Looks again and again until the probe is done, it fails, or the deadline passes.
///
/// `what` completes the sentence "waited 30 s for …".
///
/// # Errors
/// The probe's own error, at once; or, after the deadline, a sentence with what was seen last.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> anyhow::Result<Probe<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + deadline;
    loop {
        match probe().await? {
            Probe::Done(value) => return Ok(value),
            Probe::NotYet(seen) if Instant::now() >= end => {
                bail!("waited {} s for {what} in vain; last seen: {seen}", deadline.as_secs());
            }
            Probe::NotYet(_) => tokio::time::sleep(STEP).await,
        }
    }
}

/// The same for a thread without a runtime: whether the condition came to hold before the deadline.
pub(crate) fn until_blocking(deadline: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_timeout_says_what_was_seen() {
        let error = until("the pods", Duration::ZERO, async || Ok(Probe::<()>::NotYet("0 of 2 pods".into())))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "waited 0 s for the pods in vain; last seen: 0 of 2 pods");
    }

    #[tokio::test]
    async fn looks_until_done() {
        let mut looks = 0;
        let seen = until("three looks", Duration::from_secs(10), async || {
            looks += 1;
            Ok(if looks == 3 { Probe::Done(looks) } else { Probe::NotYet(looks.to_string()) })
        })
        .await;
        assert_eq!(seen.unwrap(), 3);
    }
}
