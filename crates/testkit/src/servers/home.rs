use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{ServerError, io_error};

const LOG: &str = "server.log";

/// A directory for one server, and the account that the server runs as.
#[derive(Debug)]
pub(super) struct Home {
    dir: TempDir,
    account: Option<(u32, u32)>,
}

impl Home {
    pub(super) fn new(parent: &Path) -> Result<Self, ServerError> {
        // Without symbolic links, as the system will name it in `/proc`.
        let dir = fs::canonicalize(parent)
            .and_then(|parent| tempfile::Builder::new().prefix("testkit-").tempdir_in(parent))
            .map_err(io_error("make a temporary directory"))?;
        let mut home = Self { dir, account: None };
        if belongs_to_root(home.path()) {
            let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
            home.account = unprivileged(&accounts);
        }
        if let Some((uid, gid)) = home.account {
            chown(home.path(), Some(uid), Some(gid)).map_err(io_error("hand the directory to the server's account"))?;
        }
        Ok(home)
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn spawn(&self, command: &mut Command, name: &'static str) -> Result<Child, ServerError> {
        let log = File::create(self.path().join(LOG)).map_err(io_error("make the server's log"))?;
        let also_log = log.try_clone().map_err(io_error("share the server's log"))?;
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also_log)
            .spawn()
            .map_err(io_error(name))
    }

    pub(super) fn run(&self, command: &mut Command, name: &'static str) -> Result<(), ServerError> {
        let status = self.spawn(command, name)?.wait().map_err(io_error(name))?;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(name, "failed"))
    }

    pub(super) fn failed(&self, program: &'static str, what: &'static str) -> ServerError {
        let log = fs::read_to_string(self.path().join(LOG)).unwrap_or_default();
        let skipped = log.lines().count().saturating_sub(20);
        let log = log.lines().skip(skipped).collect::<Vec<_>>().join("\n");
        ServerError::Failed { program, what, log }
    }

    /// The processes that work in this directory. Empty where the system has no `/proc`.
    pub(super) fn processes(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(self.path())))
            .collect()
    }
}

/// Whether root made this directory: asked of one just made, whether this process is root.
pub(super) fn belongs_to_root(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|metadata| metadata.uid() == 0)
}

/// The user and group ids of `postgres`, else of `nobody`, in the text of `/etc/passwd`.
fn unprivileged(passwd: &str) -> Option<(u32, u32)> {
    ["postgres", "nobody"].into_iter().find_map(|name| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map(str::parse);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_gives_way_to_postgres_before_nobody() {
        let nobody = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533::/:/bin/false\n";
        let both = format!("{nobody}postgres:x:101:104::/var/lib/postgresql:/bin/bash\n");
        assert_eq!(unprivileged(nobody), Some((65534, 65533)));
        assert_eq!(unprivileged(&both), Some((101, 104)));
        assert_eq!(unprivileged("root:x:0:0:root:/root:/bin/bash\n"), None);
    }
}
