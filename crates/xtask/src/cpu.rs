//! How much time processors spent on processes, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The time that these processes have had, their ended children included.
pub(crate) fn time_of(processes: &[u32]) -> Result<Duration> {
    processes.iter().map(|process| time_of_one(*process)).sum()
}

/// Clock ticks are hundredths of a second on every Linux that there is.
fn time_of_one(process: u32) -> Result<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    const FIRST_AFTER_NAME: usize = 2;
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return Ok(Duration::ZERO) };
    // The name, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(')').context("no process status")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // utime, stime, cutime, cstime: the 14th to 17th field of all.
    let ticks: u32 = (14..=17)
        .map(|field| fields.get(field - FIRST_AFTER_NAME - 1).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0))
        .sum();
    Ok(TICK * ticks)
}
