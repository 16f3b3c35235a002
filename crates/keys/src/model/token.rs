use std::fmt;

use core_domain::{Entropy, Environment, random_base62};
use zeroize::Zeroizing;

/// The secret text of an API key (contract: Who calls).
///
/// `sk_live_` or `sk_test_`, then 36 characters of `[0-9A-Za-z]`: 30 random ones (about 178 bits) and the CRC-32
/// (IEEE) of everything before it in base 62, padded to 6. A mistyped or made-up key is thus refused without a
/// look-up, and secret scanners can tell a real one.
///
/// It is wiped from memory when dropped, and never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

/// A text that is no key: wrong shape or wrong checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct MalformedToken;

const RANDOM_CHARS: usize = 30;
const CHECKSUM_CHARS: usize = 6;
const MARK_CHARS: usize = "sk_live_".len();
const TOKEN_CHARS: usize = MARK_CHARS + RANDOM_CHARS + CHECKSUM_CHARS;

const fn mark(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => "sk_live_",
        Environment::Test => "sk_test_",
    }
}

impl Token {
    /// How many of the first characters a key is shown by.
    pub const PREFIX_CHARS: usize = 11;

    /// A new secret.
    pub fn generate(environment: Environment, entropy: &dyn Entropy) -> Self {
        let mut text = String::with_capacity(TOKEN_CHARS);
        text.push_str(mark(environment));
        text.push_str(&Zeroizing::new(random_base62(entropy, RANDOM_CHARS)));
        text.push_str(&checksum(&text));
        Self(Zeroizing::new(text))
    }

    /// Takes a text for a key.
    ///
    /// # Errors
    /// [`MalformedToken`] when the shape or the checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        if text.len() != TOKEN_CHARS || !text.is_ascii() {
            return Err(MalformedToken);
        }
        let (signed, given) = text.split_at(TOKEN_CHARS - CHECKSUM_CHARS);
        let (start, random) = signed.split_at(MARK_CHARS);
        let known = [Environment::Live, Environment::Test].map(mark).contains(&start);
        if known && random.bytes().all(|byte| byte.is_ascii_alphanumeric()) && checksum(signed) == given {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(MalformedToken)
        }
    }

    /// The secret itself: for the answer that creates it, and for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first [`PREFIX_CHARS`](Self::PREFIX_CHARS) characters.
    pub fn prefix(&self) -> &str {
        &self.0[..Self::PREFIX_CHARS]
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}...)", self.prefix())
    }
}

fn checksum(signed: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(signed.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::SeededEntropy;

    use super::*;

    #[test]
    fn checksum_is_the_ieee_crc_in_base_62() {
        // 0xCBF43926, the check value of CRC-32/ISO-HDLC for "123456789", is 3421780262 = 3:45:35:27:22:14 in base 62.
        assert_eq!(checksum("123456789"), "3jZRME");
        assert_eq!(checksum(""), "000000");
    }

    proptest! {
        #[test]
        fn a_new_token_is_read_back(seed: u64, live: bool) {
            let environment = if live { Environment::Live } else { Environment::Test };
            let token = Token::generate(environment, &SeededEntropy::new(seed));
            prop_assert_eq!(token.expose().len(), 44);
            prop_assert!(token.expose().starts_with(mark(environment)));
            prop_assert_eq!(Token::parse(token.expose()), Ok(token));
        }

        #[test]
        fn one_changed_character_is_noticed(seed: u64, position in 0..TOKEN_CHARS, other in "[0-9A-Za-z]") {
            let token = Token::generate(Environment::Live, &SeededEntropy::new(seed));
            let mut text = token.expose().to_owned();
            text.replace_range(position..=position, &other);
            prop_assert_eq!(Token::parse(&text).is_ok(), text == token.expose());
        }

        #[test]
        fn two_swapped_neighbours_are_noticed(seed: u64, position in 0..TOKEN_CHARS - 1) {
            let token = Token::generate(Environment::Live, &SeededEntropy::new(seed));
            let mut bytes = token.expose().as_bytes().to_vec();
            bytes.swap(position, position + 1);
            let text = String::from_utf8(bytes)?;
            prop_assert_eq!(Token::parse(&text).is_ok(), text == token.expose());
        }

        #[test]
        fn other_texts_are_refused(text in ".{0,60}") {
            prop_assert_eq!(Token::parse(&text), Err(MalformedToken));
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let token = Token::generate(Environment::Test, &SeededEntropy::new(1));
        let shown = format!("{token:?}");
        assert!(!shown.contains(&token.expose()[Token::PREFIX_CHARS..]), "{shown}");
    }
}
