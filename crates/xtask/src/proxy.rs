//! A proxy on loopback that adds a header, for programs that can't be told to send one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context as _, Result};

/// It runs as long as the task.
pub(crate) struct Proxy {
    address: SocketAddr,
}

impl Proxy {
    /// Passes requests on to the server at `port` of this machine, with `header` in each.
    pub(crate) fn start(port: u16, header: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen for the proxy")?;
        let address = listener.local_addr()?;
        let header = header.to_owned();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let header = header.clone();
                thread::spawn(move || pass_on(client, port, &header));
            }
        });
        Ok(Self { address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// One request, one answer: the server is told to close, and so the client is, who then ends its connection.
fn pass_on(client: TcpStream, port: u16, header: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(());
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    while line != "\r\n" {
        if !line.to_ascii_lowercase().starts_with("connection:") {
            server.write_all(line.as_bytes())?;
        }
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    server.write_all(format!("{header}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut onward = server.try_clone()?;
    let waiting = thread::spawn(move || std::io::copy(&mut reader, &mut onward));
    let mut client = client;
    std::io::copy(&mut server, &mut client)?;
    // The client has read its answer when it is the one to close: some take it ill when they are not.
    let _ = waiting.join();
    Ok(())
}
