use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use core_domain::Entropy;
use idempotency::Sealer;
use keys::KeyHasher;
use system::OsEntropy;
use webhooks::SecretSealer;
use zeroize::Zeroizing;

/// The secret that pepper and encryption keys are derived from, and those in force before it.
pub(crate) struct Secrets {
    current: Zeroizing<Vec<u8>>,
    previous: Vec<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

const MIN_BYTES: usize = 32;
const FILE_NAME: &str = "secret.key";

impl Secrets {
    pub(crate) fn given(current: &str, previous: &[String]) -> anyhow::Result<Self> {
        let current = decode(current).context("CORE_API_SECRET_KEY is wrong")?;
        let previous = previous.iter().map(|text| decode(text)).collect::<anyhow::Result<_>>();
        Ok(Self { current, previous: previous.context("CORE_API_PREVIOUS_SECRET_KEYS is wrong")? })
    }

    /// A secret for a database that ends with the process.
    pub(crate) fn fleeting() -> Self {
        let mut current = Zeroizing::new(vec![0; MIN_BYTES]);
        OsEntropy::default().fill(&mut current);
        Self { current, previous: Vec::new() }
    }

    /// The secret in the file beside `database`; made, readable for its owner alone, when there is none.
    pub(crate) fn beside(database: &Path, previous: &[String]) -> anyhow::Result<Self> {
        let path = database.with_file_name(FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => make(&path)?,
            Err(error) => return Err(error).with_context(|| format!("{} can't be read", path.display())),
        };
        Self::given(text.trim(), previous).with_context(|| format!("in {}", path.display()))
    }

    /// Seals the answers kept for safe retries.
    pub(crate) fn sealer(&self, entropy: Arc<dyn Entropy>) -> Sealer {
        Sealer::new(&self.current, &self.previous(), entropy)
    }

    /// Encrypts the secrets that sign webhooks.
    pub(crate) fn webhook_sealer(&self, entropy: Arc<dyn Entropy>) -> SecretSealer {
        SecretSealer::new(&self.current, &self.previous(), entropy)
    }

    pub(crate) fn key_hasher(&self) -> KeyHasher {
        KeyHasher::new(&self.current, &self.previous())
    }

    fn previous(&self) -> Vec<&[u8]> {
        self.previous.iter().map(|secret| secret.as_slice()).collect()
    }
}

fn decode(text: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(text).map_err(|_| anyhow::anyhow!("not base64"))?);
    if bytes.len() < MIN_BYTES {
        bail!("at least {MIN_BYTES} bytes are needed, {} are given", bytes.len());
    }
    Ok(bytes)
}

fn make(path: &Path) -> anyhow::Result<String> {
    let told = || format!("{} can't be made", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(told)?;
    }
    let mut bytes = Zeroizing::new([0_u8; MIN_BYTES]);
    OsEntropy::default().fill(&mut *bytes);
    let text = BASE64_STANDARD.encode(*bytes);
    // Linked into place when it is whole: of two processes that start at once, both get the same one.
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    write_private(&draft, &text).with_context(told)?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).with_context(told)?;
    match linked {
        Ok(()) => Ok(text),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::read_to_string(path).with_context(told),
        Err(error) => Err(error).with_context(told),
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_made_secret_is_private_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("nested/core-api.db");
        let first = Secrets::beside(&database, &[]).unwrap();
        let second = Secrets::beside(&database, &[]).unwrap();
        assert_eq!(*first.current, *second.current);
        let mode = fs::metadata(folder.path().join("nested/secret.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn weak_secrets_are_refused() {
        for text in ["", "not base64!", "c2hvcnQ="] {
            assert!(Secrets::given(text, &[]).is_err(), "{text}");
        }
    }
}
