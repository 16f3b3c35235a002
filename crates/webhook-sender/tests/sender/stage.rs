//! Senders and requests for the tests.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use testkit::ManualClock;
use webhook_sender::{Lookup, ReqwestSender, SenderOptions};
use webhooks::{AddressPolicy, AttemptOutcome, SignedRequest, WebhookSender};

/// Names and what they resolve to, look-up by look-up; the last answer stays.
#[derive(Default)]
pub(crate) struct Names {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(crate) fn of(name: &str, answers: &[&[&str]]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        let answers = HashMap::from([(name.to_owned(), answers.iter().map(read).collect())]);
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Lookup for Names {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let of_host = answers.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        if of_host.len() > 1 { Ok(of_host.pop_front().unwrap()) } else { Ok(of_host[0].clone()) }
    }
}

/// Public addresses and the loopback, over plain http too.
pub(crate) fn loopback() -> SenderOptions {
    let nets = vec!["127.0.0.0/8".parse().unwrap()];
    SenderOptions { allow_http: true, ..SenderOptions::new(AddressPolicy::new(nets)) }
}

/// What the service does unless told otherwise.
pub(crate) fn strict() -> SenderOptions {
    SenderOptions::new(AddressPolicy::default())
}

pub(crate) fn sender(options: SenderOptions) -> ReqwestSender {
    sender_with(options, Arc::new(Names::default()))
}

pub(crate) fn sender_with(options: SenderOptions, names: Arc<impl Lookup + 'static>) -> ReqwestSender {
    let names: Arc<dyn Lookup> = names;
    ReqwestSender::with_lookup(options, Arc::new(ManualClock::default()), &names).unwrap()
}

pub(crate) fn signed(url: &str, body: &str) -> SignedRequest {
    SignedRequest {
        url: url.to_owned().try_into().unwrap(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "core-api/1.2.3".to_owned()),
            ("webhook-id".to_owned(), "evt_1".to_owned()),
        ],
        body: body.to_owned(),
    }
}

pub(crate) async fn send(sender: &ReqwestSender, url: &str) -> AttemptOutcome {
    sender.send(&signed(url, "{}")).await
}

/// What went wrong with a send that got no answer.
pub(crate) async fn refused(sender: &ReqwestSender, url: &str) -> String {
    let outcome = send(sender, url).await;
    assert_eq!(
        (outcome.response_code, &outcome.response_headers, &outcome.response_body),
        (None, &None, &None),
        "{url}"
    );
    outcome.error.unwrap()
}
