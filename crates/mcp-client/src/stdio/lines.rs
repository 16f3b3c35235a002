use std::io;

use rmcp::model::RequestId;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use super::scan::TopLevel;

/// Lines of bounded length, from a stream that may hold anything.
///
/// Memory stays at the bound. Of a longer line nothing is kept but what tells which call it answers.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    max_bytes: usize,
    /// Set while the rest of a line that is too long goes by.
    oversized: Option<Oversized>,
}

#[derive(Debug)]
pub(super) struct Oversized {
    top: TopLevel,
    bytes: usize,
    /// Whether its call was told already.
    is_told: bool,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole line is in [`Lines::line`].
    Line,
    /// A line passed its bound; it is the answer to this call.
    TooLongAnswer(RequestId),
    /// A line passed its bound; it is an answer, and it's not known yet to which call.
    TooLongAnswerToSomeone,
    /// A line that was too long came to its end, and was no answer.
    TooLongNoise,
    /// The stream ended, or a line has no end.
    End,
}

/// Beyond this a line is taken to have no end.
const ENDLESS: usize = 1024 * 1024 * 1024;
/// A larger buffer is given back when its line is done.
const KEPT_BUFFER: usize = 1024 * 1024;
const CHUNK: usize = 64 * 1024;

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, max_bytes: usize) -> Self {
        Self { reader: BufReader::with_capacity(CHUNK, reader), line: Vec::new(), max_bytes, oversized: None }
    }

    /// The line, without its end.
    pub(super) fn line(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// Gives the line back; to be called before the next one is asked for.
    pub(super) fn clear(&mut self) {
        if self.line.capacity() > KEPT_BUFFER {
            self.line = Vec::new();
        }
        self.line.clear();
    }

    /// What comes next. It may be dropped at any await and called again: nothing is lost.
    ///
    /// # Errors
    /// The stream's own.
    pub(super) async fn next(&mut self) -> io::Result<Next> {
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok(Next::End);
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let taken = newline.map_or(available.len(), |at| at + 1);
            let ends = newline.is_some();
            let outcome = match &mut self.oversized {
                Some(oversized) => oversized.pass(&available[..taken], ends),
                None if self.line.len() + taken > self.max_bytes => {
                    let mut oversized = Oversized { top: TopLevel::default(), bytes: 0, is_told: false };
                    oversized.top.feed(&self.line);
                    let outcome = oversized.pass(&available[..taken], ends);
                    self.line = Vec::new();
                    self.oversized = Some(oversized);
                    outcome
                }
                None => {
                    self.line.extend_from_slice(&available[..taken]);
                    ends.then_some(Next::Line)
                }
            };
            self.reader.consume(taken);
            if ends {
                self.oversized = None;
            }
            if let Some(next) = outcome {
                return Ok(next);
            }
        }
    }
}

impl Oversized {
    /// Takes a part of the line; tells its call as soon as that is known, and once only.
    fn pass(&mut self, part: &[u8], is_last: bool) -> Option<Next> {
        self.bytes += part.len();
        if self.bytes > ENDLESS {
            return Some(Next::End);
        }
        if self.is_told {
            return None;
        }
        let knew = self.top.is_answer();
        self.top.feed(part);
        if let Some(id) = self.top.answers() {
            self.is_told = true;
            return Some(Next::TooLongAnswer(id));
        }
        if is_last {
            return Some(Next::TooLongNoise);
        }
        (self.top.is_answer() && !knew).then_some(Next::TooLongAnswerToSomeone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &str, max_bytes: usize) -> Vec<(Next, String)> {
        let mut lines = Lines::new(text.as_bytes(), max_bytes);
        let mut seen = Vec::new();
        loop {
            let next = lines.next().await.unwrap();
            let line = String::from_utf8_lossy(lines.line()).into_owned();
            lines.clear();
            match next {
                Next::End => return seen,
                next => seen.push((next, line)),
            }
        }
    }

    #[tokio::test]
    async fn lines_within_the_bound_come_whole() {
        let seen = all("one\r\n\ntwo\nunfinished", 10).await;
        let lines: Vec<&str> = seen.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines, ["one", "", "two"]);
    }

    #[tokio::test]
    async fn a_long_answer_names_its_call_and_the_next_line_is_read() {
        let long = "x".repeat(200_000);
        let text = format!("{{\"result\":\"{long}\",\"id\":4}}\n{{\"id\":5}}\n");
        let seen = all(&text, 1_000).await;
        assert_eq!(
            seen.into_iter().map(|(next, _)| next).collect::<Vec<_>>(),
            [Next::TooLongAnswerToSomeone, Next::TooLongAnswer(RequestId::Number(4)), Next::Line]
        );
    }

    #[tokio::test]
    async fn long_noise_is_no_answer() {
        let text = format!("{}\nnext\n", "noise ".repeat(50_000));
        let seen = all(&text, 1_000).await;
        assert_eq!(seen[0].0, Next::TooLongNoise);
        assert_eq!(seen[1], (Next::Line, "next".to_owned()));
    }
}
