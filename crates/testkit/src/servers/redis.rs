use std::env;

use super::home::Home;
use super::install::redis_program;
use super::process::{Process, Ready};
use super::{Server, ServerError, free_port};

/// A Redis server that keeps nothing on disk: one that is started again is empty.
pub type Redis = Server<Cache>;

/// The kind of [`Redis`].
#[derive(Debug)]
pub enum Cache {}

impl Redis {
    /// Starts the server and waits until it answers.
    pub fn start() -> Result<Self, ServerError> {
        let program = redis_program()?;
        let home = Home::new(&env::temp_dir())?;
        let port = free_port()?;
        let args = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .into_iter()
            .map(str::to_owned)
            .chain(["--port".to_owned(), port.to_string()])
            .collect();
        let (name, ready, stop_signal) = ("redis-server", Ready::Pong, "TERM");
        let process = Process { name, program, args, port, ready, stop_signal, child: None, home };
        Self::launch(process, format!("redis://127.0.0.1:{port}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    fn set(redis: &Redis) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.process.port)).unwrap();
        stream.write_all(b"SET k v\r\n").unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"+OK\r\n");
    }

    fn is_open(port: u16) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    }

    #[test]
    fn redis_comes_back_empty_on_its_port_and_leaves_nothing() {
        let mut redis = Redis::start().unwrap();
        let (port, url) = (redis.process.port, redis.url());
        let home = redis.process.home.path().to_owned();
        set(&redis);
        redis.kill();
        assert!(!is_open(port));
        redis.revive().unwrap();
        set(&redis);
        redis.restart().unwrap();
        assert_eq!(redis.url(), url);
        drop(redis);
        assert!(!is_open(port));
        assert!(!home.exists());
    }

    #[test]
    fn two_servers_share_neither_port_nor_files() {
        let (one, two) = (Redis::start().unwrap(), Redis::start().unwrap());
        assert_ne!(one.url(), two.url());
        assert_ne!(one.process.home.path(), two.process.home.path());
    }
}
