use std::time::Duration;

use core_domain::{Clock, Entropy, Timestamp};
use system::{OsEntropy, SystemClock};
use tokio::time::{sleep, timeout};

/// So many seconds from now, as the API shows times.
pub fn seconds_from_now(seconds: i64) -> String {
    shift(SystemClock::new().now(), seconds).to_string()
}

/// A moment that the API showed, so many seconds later.
pub fn shifted(shown: &str, seconds: i64) -> String {
    shift(moment(shown), seconds).to_string()
}

/// A moment that the API showed.
pub fn moment(shown: &str) -> Timestamp {
    assert!(is_moment(shown), "{shown:?} is not RFC 3339 in UTC with whole seconds");
    Timestamp::parse(shown).unwrap()
}

fn shift(moment: Timestamp, seconds: i64) -> Timestamp {
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { moment.saturating_sub(span) } else { moment.saturating_add(span) }
}

/// Whether the text is `YYYY-MM-DDThh:mm:ssZ`.
pub fn is_moment(text: &str) -> bool {
    text.len() == 20
        && text.bytes().zip(b"0000-00-00T00:00:00Z").all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            mark => byte == *mark,
        })
}

/// Asks every 20 ms until `done` says so; false when `limit` passes first.
///
/// The twin of `testkit::servers::poll_until` for what only another request can tell.
pub async fn eventually(limit: Duration, mut done: impl AsyncFnMut() -> bool) -> bool {
    let asking = async {
        while !done().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(limit, asking).await.is_ok()
}

/// A random number below `end`.
pub fn random_below(end: u64) -> u64 {
    let mut bytes = [0; 8];
    OsEntropy::default().fill(&mut bytes);
    u64::from_ne_bytes(bytes) % end
}
