use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::home::belongs_to_root;
use super::{ServerError, io_error};

const INSTALL: &str = "apt-get install -y --no-install-recommends postgresql redis-server";

/// Makes sure that both servers can be started, installing them where that is possible.
///
/// Installs only as root and where `apt-get` exists, and starts no system service.
///
/// # Errors
/// [`ServerError::Missing`] with the command to run by hand where it may not install, and
/// [`ServerError::Failed`] where the installation failed.
pub fn ensure_installed() -> Result<(), ServerError> {
    let Err(missing) = find_servers() else {
        return Ok(());
    };
    let Some(apt_get) = on_path("apt-get") else {
        return Err(missing);
    };
    let own = TempDir::new().map_err(io_error("make a temporary directory"))?;
    if !belongs_to_root(own.path()) {
        return Err(missing);
    }
    let _policy = NoServices::declare(Path::new("/usr/sbin/policy-rc.d"))?;
    apt(Command::new(&apt_get).arg("update"))?;
    apt(Command::new(&apt_get).args(INSTALL.split_whitespace().skip(1)))?;
    find_servers()
}

fn find_servers() -> Result<(), ServerError> {
    postgres_program("initdb")?;
    postgres_program("postgres")?;
    redis_program().map(drop)
}

/// Runs apt-get, its output on standard error.
fn apt(command: &mut Command) -> Result<(), ServerError> {
    let status = command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status()
        .map_err(io_error("run apt-get"))?;
    if status.success() {
        return Ok(());
    }
    Err(ServerError::Failed { program: "apt-get", what: "failed", log: "its output is above".to_owned() })
}

/// Debian's way to say that packages may not start their services, while this value lives.
///
/// Source: Debian Policy 9.3.3 and invoke-rc.d's `policy-rc.d` interface, where 101 forbids.
struct NoServices<'a> {
    made: Option<&'a Path>,
}

impl<'a> NoServices<'a> {
    /// Leaves a policy that the machine has already as it is.
    fn declare(policy: &'a Path) -> Result<Self, ServerError> {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(policy)
            .and_then(|mut file| file.write_all(b"#!/bin/sh\nexit 101\n"));
        match made {
            Ok(()) => Ok(Self { made: Some(policy) }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Self { made: None }),
            Err(error) => Err(io_error("forbid packages to start services")(error)),
        }
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if let Some(policy) = self.made {
            let _ = fs::remove_file(policy);
        }
    }
}

pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Debian keeps PostgreSQL's server programs off `PATH`, in one directory for each major version.
pub(super) fn postgres_program(program: &'static str) -> Result<PathBuf, ServerError> {
    let versioned = || {
        let mut versions: Vec<u32> = fs::read_dir("/usr/lib/postgresql")
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        versions.sort_unstable();
        versions
            .into_iter()
            .rev()
            .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/{program}")))
            .find(|file| file.is_file())
    };
    on_path(program).or_else(versioned).ok_or(ServerError::Missing { program, how: INSTALL })
}

pub(super) fn redis_program() -> Result<PathBuf, ServerError> {
    on_path("redis-server").ok_or(ServerError::Missing { program: "redis-server", how: INSTALL })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_program_says_how_to_install_it() {
        let error = postgres_program("no-such-program").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-program is not installed; install it with `apt-get install -y \
             --no-install-recommends postgresql redis-server`"
        );
    }

    #[test]
    fn services_are_forbidden_only_meanwhile_and_a_policy_of_the_machine_stays() {
        let dir = TempDir::new().unwrap();
        let policy = dir.path().join("policy-rc.d");
        let ours = NoServices::declare(&policy).unwrap();
        assert_eq!(Command::new(&policy).status().unwrap().code(), Some(101));
        drop(NoServices::declare(&policy).unwrap());
        assert!(policy.exists());
        drop(ours);
        assert!(!policy.exists());
    }
}
