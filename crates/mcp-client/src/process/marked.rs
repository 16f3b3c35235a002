use std::fs;

use rustix::process::Pid;

use super::launch::MARK;

/// The living processes that carry this mark in their environment: whoever descends from a server, even one that left
/// its process group and lost its parents.
///
/// Empty where the system has no `/proc`. One that replaced its environment, or belongs to somebody else, is not seen.
pub(crate) fn marked(mark: &str) -> Vec<Pid> {
    let wanted = format!("{MARK}={mark}");
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
        })
        .filter_map(Pid::from_raw)
        .collect()
}
