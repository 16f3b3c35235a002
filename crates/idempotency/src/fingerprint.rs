use sha2::{Digest, Sha256};
use url::form_urlencoded;

/// What a request looked like: SHA-256 of method, path, sorted query, content type and the body's bytes.
///
/// The body counts byte for byte: the same JSON written differently is another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a request. `query` is without its question mark.
    pub fn of(method: &str, path: &str, query: &str, content_type: &str, body: &[u8]) -> Self {
        let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        pairs.sort_unstable();
        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            // The length first, so that no two requests run together into the same bytes.
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        part(method.as_bytes());
        part(path.as_bytes());
        for (name, value) in &pairs {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        part(content_type.as_bytes());
        part(body);
        Self(hasher.finalize().into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_but_the_order_of_the_query() {
        let of = |method, path, query, kind, body: &[u8]| Fingerprint::of(method, path, query, kind, body);
        let first = of("POST", "/a", "x=1&y=2", "application/json", b"{}");
        assert_eq!(first, of("POST", "/a", "y=2&x=1", "application/json", b"{}"));
        for other in [
            of("PUT", "/a", "x=1&y=2", "application/json", b"{}"),
            of("POST", "/b", "x=1&y=2", "application/json", b"{}"),
            of("POST", "/a", "x=1", "application/json", b"{}"),
            of("POST", "/a", "x=1&y=2", "text/plain", b"{}"),
            of("POST", "/a", "x=1&y=2", "application/json", b"{ }"),
            of("POST", "/a", "x=1&y=2", "application/js", b"on{}"),
        ] {
            assert_ne!(first, other);
        }
    }
}
