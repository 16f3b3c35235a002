mod expand;
mod read;
mod registry;
mod secret;
mod unique;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use core_domain::{Realm, Tier, WorkspaceId};

pub use read::ConfigError;
pub use registry::Registry;
pub use secret::Secret;

use crate::{Digest, Instance, ServerId};

/// A server, as the operator configured it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its key in the file.
    pub id: ServerId,
    /// What people call it; its id when the file does not say.
    pub name: String,
    /// What it is for; empty when the file does not say.
    pub description: String,
    /// How it is reached.
    pub transport: Transport,
    /// Whether it is switched off: shown, but never started.
    pub disabled: bool,
    /// The workspaces that may use it; `None` for all.
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// The tiers that may use it; `None` for all.
    pub tiers: Option<BTreeSet<Tier>>,
    /// The tools that may be used; `None` for all.
    pub tools: Option<BTreeSet<String>>,
    /// Whether its resources may be read.
    pub resources: bool,
    /// Whether workspaces share one copy.
    pub isolation: Isolation,
    /// What becomes of tools whose definition changes.
    pub pin: PinPolicy,
    /// Which era of the protocol it speaks.
    pub protocol: ProtocolHint,
    /// How long a call may take, 1 s to 600 s.
    pub timeout: Duration,
    /// How long a start may take, up to the catalogue being read, 1 s to 600 s.
    pub start_timeout: Duration,
    /// After how long without a call it is stopped; `None` for never.
    pub idle: Option<Duration>,
    /// How many calls it works on at a time, 1 to 1,024.
    pub concurrency: usize,
    /// How many more may wait for their turn, up to 10,000.
    pub queue: usize,
    /// The most that one answer may hold, 1 KiB to 64 MiB.
    pub max_result_bytes: usize,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A process, spoken to over its standard input and output.
    Stdio(Stdio),
    /// Streamable HTTP.
    Http(Http),
}

/// The kinds of [`Transport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum TransportKind {
    Stdio,
    Http,
}

core_domain::wire_words!(TransportKind { Stdio = "stdio", Http = "http" });

/// A server that is a process.
///
/// It is run without a shell, with no environment but `env` and what the adapter needs to find programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stdio {
    /// The program: an absolute path, or a name to look for in `PATH`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<Secret>,
    /// Its environment.
    pub env: BTreeMap<String, Secret>,
    /// Its working directory, absolute.
    pub cwd: Option<PathBuf>,
    /// The user it runs as, by name or number.
    pub user: Option<String>,
    /// The most memory it may have, in MiB, 16 and up.
    pub memory_limit_mib: Option<u32>,
}

/// A server that is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Its endpoint, `http` or `https`, without user and fragment. It may hold a secret in its query.
    pub url: Secret,
    /// Headers of every request, names in lower case. None of those that the protocol sets.
    pub headers: BTreeMap<String, Secret>,
}

/// Whether workspaces share one copy of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum Isolation {
    Shared,
    PerWorkspace,
}

core_domain::wire_words!(Isolation { Shared = "shared", PerWorkspace = "per_workspace" });

/// Which era of the protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolHint {
    /// Whichever it answers to.
    Auto,
    /// 2026-07-28 and later: no sessions.
    Modern,
    /// Up to 2025-11-25: with `initialize`.
    Legacy,
}

core_domain::wire_words!(ProtocolHint { Auto = "auto", Modern = "modern", Legacy = "legacy" });

/// What becomes of tools whose definition changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinPolicy {
    /// They change.
    Off,
    /// What the first catalogue of the process holds is trusted; what differs from it later, or is new, is put into quarantine.
    FirstSeen,
    /// These definitions are trusted, by tool; everything else is put into quarantine.
    Approved(BTreeMap<String, Digest>),
}

impl Transport {
    /// Its kind.
    pub fn kind(&self) -> TransportKind {
        match self {
            Self::Stdio(_) => TransportKind::Stdio,
            Self::Http(_) => TransportKind::Http,
        }
    }
}

impl ServerConfig {
    /// The most bytes that an adapter reads of one answer. More than `max_result_bytes`: what an answer says twice, as
    /// text and as structured content, counts once there, and the frame around it not at all.
    pub fn max_answer_bytes(&self) -> usize {
        self.max_result_bytes * 2 + 64 * 1024
    }

    /// The copy of the server that a workspace's calls go to.
    pub fn instance_for(&self, realm: Realm) -> Instance {
        let tenant = (self.isolation == Isolation::PerWorkspace).then_some(realm);
        Instance { server: self.id.clone(), tenant }
    }
}
