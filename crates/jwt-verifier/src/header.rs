use jsonwebtoken::{Algorithm, decode_header};
use tokens::Rejection;

/// What a token's header may say about its key: a name to look up, and an algorithm to compare.
#[derive(Debug)]
pub(crate) struct KeyHint {
    pub(crate) id: Option<String>,
    pub(crate) algorithm: Algorithm,
}

impl KeyHint {
    pub(crate) fn read(token: &str) -> Result<Self, Rejection> {
        let header = decode_header(token).map_err(|_| Rejection::Malformed)?;
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_access_token) {
            return Err(Rejection::Kind);
        }
        Ok(Self { id: header.kid, algorithm: header.alg })
    }
}

/// RFC 7519, section 5.1, and RFC 9068, section 4. `application/` may be left out (RFC 7515, section 4.1.9).
fn is_access_token(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}
