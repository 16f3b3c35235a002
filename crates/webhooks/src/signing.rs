use crate::EndpointUrl;

/// One attempt, ready to be sent: `POST`, with exactly these headers beside those that HTTP itself needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// Where to.
    pub url: EndpointUrl,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body's exact bytes.
    pub body: String,
}
