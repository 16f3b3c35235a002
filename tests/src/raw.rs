use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::{Answer, Api, PATIENCE};

/// A request as the bytes it is, sent on a connection of its own.
#[derive(Debug)]
pub struct Raw {
    api: Api,
    method: String,
    path: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Raw {
    pub(crate) fn new(api: &Api, method: &str, path: &str, headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Self {
        let mut head = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
        let mut lines = vec![("Host".to_owned(), host(api).into_bytes())];
        lines.extend(headers);
        lines.push(("Connection".to_owned(), b"close".to_vec()));
        lines.push(("Content-Length".to_owned(), body.len().to_string().into_bytes()));
        for (name, value) in lines {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(&value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        Self { api: api.clone(), method: method.to_owned(), path: path.to_owned(), head, body }
    }

    /// These bytes in place of the head.
    #[must_use]
    pub fn head(mut self, head: &[u8]) -> Self {
        self.head = head.to_vec();
        self
    }

    /// Sends everything, then reads the answer to its end, and holds it against description and contract.
    pub fn send(self) -> Answer {
        let answer = self.send_unchecked().unwrap();
        self.api.inspect(&answer);
        answer
    }

    /// As [`Raw::send`], without a look at the answer. `Err` when no whole answer came.
    pub fn send_unchecked(&self) -> io::Result<Answer> {
        let mut stream = self.connect()?;
        // A server that refuses early may stop reading; its answer must be there all the same.
        let _ = stream.write_all(&self.head).and_then(|()| stream.write_all(&self.body));
        self.read_answer(&mut stream)
    }

    /// Sends the head alone, and returns the connection.
    pub fn begin(&self) -> TcpStream {
        let mut stream = self.connect().unwrap();
        stream.write_all(&self.head).unwrap();
        stream
    }

    /// Sends the body on a connection that [`Raw::begin`] returned, and reads the answer.
    pub fn finish(&self, mut stream: TcpStream) -> Answer {
        stream.write_all(&self.body).unwrap();
        let answer = self.read_answer(&mut stream).unwrap();
        self.api.inspect(&answer);
        answer
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(host(&self.api))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn read_answer(&self, stream: &mut TcpStream) -> io::Result<Answer> {
        let (mut bytes, mut part) = (Vec::new(), [0; 16 * 1024]);
        let answer = loop {
            if let Some(answer) = parse(&bytes, &self.method, &self.path) {
                break answer;
            }
            let length = stream.read(&mut part)?;
            if length == 0 {
                let told = String::from_utf8_lossy(&bytes);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("no whole answer: {told:?}")));
            }
            bytes.extend_from_slice(&part[..length]);
        };
        let _ = stream.shutdown(Shutdown::Both);
        Ok(answer)
    }
}

fn host(api: &Api) -> String {
    api.base_url().trim_start_matches("http://").to_owned()
}

/// The answer, once it is whole. The service announces the length of every body.
fn parse(bytes: &[u8], method: &str, path: &str) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let answer =
        Answer { method: method.to_owned(), path: path.to_owned(), status, headers, body: bytes[end + 4..].to_vec() };
    let length: usize = answer.header("content-length").map_or(Ok(0), str::parse).ok()?;
    let is_whole = method == "HEAD" || length == answer.body.len();
    is_whole.then_some(answer)
}

/// The bytes, each as `%XX`.
pub fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}
