use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs};

use mcp::Stdio as StdioConfig;
use tokio::process::Command;

/// The variable by which every process of a server is recognised, however far it went from its parent.
pub(crate) const MARK: &str = "CORE_API_MCP_PROCESS";

/// Why a server can't be run as it is configured. Its texts hold no secrets.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Unlaunchable {
    #[error("the program {0} is not installed")]
    MissingProgram(String),
    #[error("there is no user {0}")]
    UnknownUser(String),
    #[error("a memory limit needs the program prlimit, which is not installed")]
    Unlimitable,
}

/// What servers find of the machine they run on.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) path: OsString,
    pub(crate) home: PathBuf,
    /// `setpriv` of util-linux: has the server killed when this process dies.
    pub(crate) setpriv: Option<PathBuf>,
    /// `prlimit` of util-linux: limits memory before the first instruction of the server.
    pub(crate) prlimit: Option<PathBuf>,
    pub(crate) passwd: PathBuf,
}

impl Surroundings {
    pub(crate) fn new(path: &OsStr, home: &Path) -> Self {
        Self {
            path: path.to_owned(),
            home: home.to_owned(),
            setpriv: cfg!(target_os = "linux").then(|| find("setpriv", path)).flatten(),
            prlimit: find("prlimit", path),
            passwd: PathBuf::from("/etc/passwd"),
        }
    }

    /// The command that runs the server: no shell, an environment of its own, a process group of its own.
    ///
    /// # Errors
    /// [`Unlaunchable`] when something it needs is not there.
    pub(crate) fn command(&self, config: &StdioConfig, mark: &str) -> Result<Command, Unlaunchable> {
        let path = config.env.get("PATH").map_or(self.path.as_os_str(), |path| OsStr::new(path.expose()));
        let program =
            find(&config.command, path).ok_or_else(|| Unlaunchable::MissingProgram(config.command.clone()))?;
        let mut words: Vec<OsString> = Vec::new();
        if let Some(setpriv) = &self.setpriv {
            words.extend([setpriv.into(), "--pdeathsig".into(), "KILL".into(), "--".into()]);
        }
        if let Some(mebibytes) = config.memory_limit_mib {
            let prlimit = self.prlimit.as_ref().ok_or(Unlaunchable::Unlimitable)?;
            let limit = format!("--data={}", u64::from(mebibytes) * 1024 * 1024);
            words.extend([prlimit.into(), limit.into(), "--core=0".into(), "--".into()]);
        }
        words.push(program.into());
        words.extend(config.args.iter().map(|arg| arg.expose().into()));

        let account = config.user.as_deref().map(|user| self.account(user)).transpose()?;
        let home = account.as_ref().map_or(self.home.as_path(), |account| account.home.as_path());
        let mut command = std::process::Command::new(&words[0]);
        command
            .args(&words[1..])
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .envs(config.env.iter().map(|(name, value)| (name, value.expose())))
            .env(MARK, mark)
            .current_dir(config.cwd.as_deref().unwrap_or(Path::new("/")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(account) = account {
            // As root, the standard library drops the supplementary groups, too.
            command.uid(account.uid).gid(account.gid);
        }
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        Ok(command)
    }

    fn account(&self, user: &str) -> Result<Account, Unlaunchable> {
        let passwd = fs::read_to_string(&self.passwd).unwrap_or_default();
        Account::find(user, &passwd).ok_or_else(|| Unlaunchable::UnknownUser(user.to_owned()))
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
    home: PathBuf,
}

impl Account {
    /// By name or number, in the text of `/etc/passwd`. A number that is not in there is its own group.
    fn find(user: &str, passwd: &str) -> Option<Self> {
        let listed = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid = fields.nth(1)?;
            let gid = fields.next()?.parse().ok()?;
            let home = PathBuf::from(fields.nth(1)?);
            (name == user || uid == user).then_some(Self { uid: uid.parse().ok()?, gid, home })
        });
        listed.or_else(|| {
            let uid = user.parse().ok()?;
            Some(Self { uid, gid: uid, home: PathBuf::from("/") })
        })
    }
}

/// A program by its path, or by its name on `path`.
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|file| file.is_file());
    }
    env::split_paths(path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533::/nonexistent:/bin/false\n";

    fn surroundings() -> Surroundings {
        Surroundings::new(OsStr::new("/usr/bin:/bin"), Path::new("/tmp"))
    }

    fn config(command: &str) -> StdioConfig {
        StdioConfig {
            command: command.to_owned(),
            args: Vec::new(),
            env: std::collections::BTreeMap::new(),
            cwd: None,
            user: None,
            memory_limit_mib: None,
        }
    }

    #[test]
    fn accounts_are_found_by_name_and_number() {
        let nobody = Account { uid: 65_534, gid: 65_533, home: "/nonexistent".into() };
        assert_eq!(Account::find("nobody", PASSWD).as_ref(), Some(&nobody));
        assert_eq!(Account::find("65534", PASSWD).as_ref(), Some(&nobody));
        assert_eq!(Account::find("1234", PASSWD), Some(Account { uid: 1_234, gid: 1_234, home: "/".into() }));
        assert_eq!(Account::find("somebody", PASSWD), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = surroundings().command(&config("no-such-program"), "m").map(drop);
        assert_eq!(missing, Err(Unlaunchable::MissingProgram("no-such-program".to_owned())));
        let stranger = StdioConfig { user: Some("no such user".to_owned()), ..config("sh") };
        assert_eq!(
            surroundings().command(&stranger, "m").map(drop),
            Err(Unlaunchable::UnknownUser("no such user".to_owned()))
        );
        let limited = StdioConfig { memory_limit_mib: Some(64), ..config("sh") };
        let bare = Surroundings { prlimit: None, ..surroundings() };
        assert_eq!(bare.command(&limited, "m").map(drop), Err(Unlaunchable::Unlimitable));
    }
}
