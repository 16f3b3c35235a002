use std::fmt::Display;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use reqwest::Method;
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::raw::Raw;
use crate::{Server, Spec, contract};

/// Who asks: one credential, or none, at one server.
///
/// Every answer is held against the server's description and the contract; one that breaks either fails the test.
#[derive(Debug, Clone)]
pub struct Api {
    target: Arc<Target>,
    authorization: Option<String>,
    workspace: Option<i64>,
}

#[derive(Debug)]
struct Target {
    http: RwLock<reqwest::Client>,
    base: String,
    spec: Arc<Spec>,
}

/// A request that is being put together.
#[derive(Debug)]
pub struct Request<'a> {
    api: &'a Api,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    may_be_5xx: bool,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub method: String,
    pub path: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Api {
    /// Nobody yet, at this server, whose description is read first.
    pub async fn anonymous(server: &Server) -> Self {
        let http = http_client();
        let base = server.base_url();
        let answer = http.get(format!("{base}/openapi.json")).send().await.unwrap();
        let document = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let target = Target { http: RwLock::new(http), base, spec: Arc::new(Spec::new(document)) };
        Self { target: Arc::new(target), authorization: None, workspace: None }
    }

    /// The same, at another server of the same kind.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        let target =
            Target { http: RwLock::new(http_client()), base: server.base_url(), spec: Arc::clone(&self.target.spec) };
        Self { target: Arc::new(target), ..self.clone() }
    }

    /// Connects anew from now on, as do all that stem from the same [`Api::anonymous`] or [`Api::at`]: the server was
    /// started again.
    pub fn reconnect(&self) {
        *self.target.http.write().unwrap() = http_client();
    }

    /// The same server, asked with this key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        self.authorized(&format!("Bearer {key}"))
    }

    /// The same server, asked with this `Authorization`.
    #[must_use]
    pub fn authorized(&self, authorization: &str) -> Self {
        Self { authorization: Some(authorization.to_owned()), ..self.clone() }
    }

    /// The same server, asked without a credential.
    #[must_use]
    pub fn without_key(&self) -> Self {
        Self { authorization: None, ..self.clone() }
    }

    /// The same, with `X-Workspace-ID` in every request.
    #[must_use]
    pub fn in_workspace(&self, id: i64) -> Self {
        Self { workspace: Some(id), ..self.clone() }
    }

    /// The same, without `X-Workspace-ID`.
    #[must_use]
    pub fn in_no_workspace(&self) -> Self {
        Self { workspace: None, ..self.clone() }
    }

    pub fn spec(&self) -> &Spec {
        &self.target.spec
    }

    /// Without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.target.base
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    pub async fn post(&self, path: &str, body: impl Into<Value>) -> Answer {
        self.request("POST", path).json(&body.into()).send().await
    }

    pub async fn patch(&self, path: &str, body: impl Into<Value>) -> Answer {
        self.request("PATCH", path).json(&body.into()).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path).send().await
    }

    /// A request of any kind.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        let mut headers = Vec::new();
        if let Some(authorization) = &self.authorization {
            headers.push(("Authorization".to_owned(), authorization.clone().into_bytes()));
        }
        if let Some(id) = self.workspace {
            headers.push(("X-Workspace-ID".to_owned(), id.to_string().into_bytes()));
        }
        Request { api: self, method: method.to_owned(), path: path.to_owned(), headers, body: None, may_be_5xx: false }
    }

    /// Fails unless the answer is as described and as the contract has it.
    #[track_caller]
    pub fn inspect(&self, answer: &Answer) {
        let checked = contract::check(answer)
            .and_then(|()| self.target.spec.check(&answer.method, &answer.path, answer.status, &answer.body));
        if let Err(fault) = checked {
            panic!("{fault}\n{answer}");
        }
    }
}

fn http_client() -> reqwest::Client {
    reqwest::Client::builder().redirect(Policy::none()).timeout(Duration::from_mins(1)).build().unwrap()
}

impl Request<'_> {
    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        self.headers.push((name.to_owned(), value.to_string().into_bytes()));
        self
    }

    /// With one more header, of any bytes.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_owned(), value.to_vec()));
        self
    }

    /// With this JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(serde_json::to_vec(body).unwrap())
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Takes a 5xx for an answer: something the server needs is down.
    #[must_use]
    pub fn may_be_5xx(mut self) -> Self {
        self.may_be_5xx = true;
        self
    }

    pub async fn send(self) -> Answer {
        let (method, path) = (self.method.clone(), self.path.clone());
        self.try_send().await.unwrap_or_else(|error| panic!("{method} {path}: no answer: {error:?}"))
    }

    /// `Err` when no whole answer came.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let http = self.api.target.http.read().unwrap().clone();
        let mut request = http.request(method, format!("{}{}", self.api.target.base, self.path));
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.as_slice());
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let status = response.status().as_u16();
        let body = response.bytes().await?.to_vec();
        let answer = Answer { method: self.method, path: self.path, status, headers, body };
        self.api.inspect(&answer);
        assert!(status < 500 || self.may_be_5xx, "a fault of the service\n{answer}");
        Ok(answer)
    }

    /// The request as bytes, for what a well-behaved client would not send.
    pub fn raw(self) -> Raw {
        Raw::new(self.api, &self.method, &self.path, self.headers, self.body.unwrap_or_default())
    }
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(crate) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The whole body.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// Fails unless the status is this one.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "most who ask want nothing more than the failure")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// `data` of an answer of this status.
    #[track_caller]
    pub fn data(self, status: u16) -> Value {
        self.expect(status).json()["data"].take()
    }

    /// Fails unless status and body are these.
    #[track_caller]
    pub fn is(&self, status: u16, body: impl Into<Value>) {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.json(), body.into(), "{self}");
    }

    /// Fails unless it is the 404 that tells nothing.
    #[track_caller]
    pub fn is_not_found(&self) {
        assert_eq!((self.status, self.text()), (404, contract::NOT_FOUND), "{self}");
    }

    /// Fails unless it is the 401 that tells nothing.
    #[track_caller]
    pub fn is_unauthorized(&self) {
        assert_eq!((self.status, self.text()), (401, contract::UNAUTHORIZED), "{self}");
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: String = self.path.chars().take(300).collect();
        writeln!(f, "{} {shown}\n{}", self.method, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        let body: String = String::from_utf8_lossy(&self.body).chars().take(2_000).collect();
        write!(f, "\n{body}")
    }
}
