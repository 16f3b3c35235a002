use std::fmt::Write as _;
use std::sync::Arc;

use core_domain::{Clock, Monotonic};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest part of a line that is logged, in bytes.
const LONGEST: usize = 2 * 1024;
/// So many lines at once, and so many for each second after.
const BURST: f64 = 50.0;
const PER_SECOND: f64 = 10.0;

/// Logs what a server writes to standard error, within bounds. It is no sign of failure.
pub(super) async fn log<R: AsyncRead + Unpin>(mut stderr: R, server: String, clock: Arc<dyn Clock>) {
    let mut allowance = Allowance::new(clock.monotonic());
    let mut line = Vec::new();
    let mut buffer = [0; 4 * 1024];
    while let Ok(read) = stderr.read(&mut buffer).await
        && read > 0
    {
        for &byte in &buffer[..read] {
            if byte != b'\n' {
                if line.len() < LONGEST {
                    line.push(byte);
                }
                continue;
            }
            write(&server, &line, &mut allowance, clock.monotonic());
            line.clear();
        }
    }
    write(&server, &line, &mut allowance, clock.monotonic());
}

fn write(server: &str, line: &[u8], allowance: &mut Allowance, now: Monotonic) {
    if line.is_empty() || !allowance.take(now) {
        return;
    }
    let suppressed = std::mem::take(&mut allowance.suppressed);
    if suppressed > 0 {
        tracing::info!(server, suppressed, "an MCP server wrote more lines to standard error than are logged");
    }
    tracing::info!(server, line = escaped(line), "an MCP server wrote to standard error");
}

/// The text with what could forge a line of the log, or steer a terminal, written out.
fn escaped(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut escaped = String::with_capacity(text.len());
    for char in text.trim_end_matches('\r').chars() {
        let is_format = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if char.is_control() && char != '\t' || is_format {
            let _ = write!(escaped, "{}", char.escape_unicode());
        } else {
            escaped.push(char);
        }
    }
    escaped
}

#[derive(Debug)]
struct Allowance {
    lines: f64,
    at: Monotonic,
    suppressed: u64,
}

impl Allowance {
    fn new(now: Monotonic) -> Self {
        Self { lines: BURST, at: now, suppressed: 0 }
    }

    fn take(&mut self, now: Monotonic) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = now;
        self.lines = (self.lines + passed * PER_SECOND).min(BURST);
        if self.lines < 1.0 {
            self.suppressed += 1;
            return false;
        }
        self.lines -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(escaped(b"\x1b[31mred\r"), "\\u{1b}[31mred");
        assert_eq!(escaped("caf\u{e9}\u{202e}\tx\u{0}".as_bytes()), "caf\u{e9}\\u{202e}\tx\\u{0}");
        assert_eq!(escaped(&[0xff, b'a']), "\u{fffd}a");
    }

    #[test]
    fn a_flood_is_cut_and_counted() {
        let start = Duration::from_secs(5);
        let mut allowance = Allowance::new(start);
        let taken = (0..1_000).filter(|_| allowance.take(start)).count();
        assert_eq!((taken, allowance.suppressed), (50, 950));
        assert!(allowance.take(start + Duration::from_millis(100)));
        assert!(!allowance.take(start + Duration::from_millis(101)));
    }
}
