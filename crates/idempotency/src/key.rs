use zeroize::Zeroizing;

/// The client's name for a request: 1 to 255 visible ASCII characters. A UUID is advised.
///
/// It is never stored: records are found by a digest, and their answers are sealed under it.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(Zeroizing<String>);

/// A text that is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key has 1 to 255 visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// The longest key, in characters.
    pub const MAX_LEN: usize = 255;

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl TryFrom<&[u8]> for IdempotencyKey {
    type Error = InvalidIdempotencyKey;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidIdempotencyKey> {
        let valid = (1..=Self::MAX_LEN).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(bytes) {
            Ok(text) if valid => Ok(Self(Zeroizing::new(text.to_owned()))),
            _ => Err(InvalidIdempotencyKey),
        }
    }
}

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_ascii_within_bounds_is_a_key() {
        assert!(IdempotencyKey::try_from(b"550e8400-e29b-41d4-a716-446655440000".as_slice()).is_ok());
        assert!(IdempotencyKey::try_from([b'~'; 255].as_slice()).is_ok());
        for bytes in [b"".as_slice(), &[b'a'; 256], b"a b", b"a\tb", "ä".as_bytes(), b"\x7f"] {
            assert_eq!(IdempotencyKey::try_from(bytes), Err(InvalidIdempotencyKey), "{bytes:?}");
        }
    }
}
