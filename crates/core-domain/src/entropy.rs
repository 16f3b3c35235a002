/// A source of randomness.
///
/// Implementations used outside tests MUST be cryptographically secure (the operating system's
/// generator): keys, signing secrets and event ids are drawn from it.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills the whole buffer with random bytes.
    fn fill(&self, buffer: &mut [u8]);
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` characters of `[0-9A-Za-z]`, each equally likely (about 5.95 bits a character).
///
/// Bytes of 248 and above are thrown away: taking them modulo 62 would favour eight characters.
pub fn random_base62(entropy: &dyn Entropy, length: usize) -> String {
    const UNBIASED: u8 = 248;
    let mut text = String::with_capacity(length);
    let mut buffer = [0_u8; 64];
    while text.len() < length {
        entropy.fill(&mut buffer);
        let missing = length - text.len();
        let drawn = buffer.iter().filter(|byte| **byte < UNBIASED);
        text.extend(drawn.take(missing).map(|byte| char::from(BASE62[usize::from(byte % 62)])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for (byte, value) in buffer.iter_mut().zip(200_u8..=255) {
                *byte = value;
            }
        }
    }

    #[test]
    fn biased_bytes_are_thrown_away() {
        let text = random_base62(&Counting, 100);
        assert_eq!(text.len(), 100);
        assert_eq!(&text[..2], "EF", "200 mod 62 = 14, the character E");
    }
}
