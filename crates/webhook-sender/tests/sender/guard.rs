use std::sync::Arc;

use webhook_sender::{Lookup, ReqwestSender, SenderOptions, SystemLookup};
use webhooks::AddressPolicy;

use crate::receiver::{Manner, Receiver, answer};
use crate::stage::{Names, loopback, refused, send, sender, sender_with, strict};

#[tokio::test]
async fn literal_addresses_are_vetted_whatever_their_form() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let sender = sender(strict());
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("１２７.０.０.１", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("a.localhost.", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("10.0.0.1", "10.0.0.1"),
        ("169.254.169.254", "169.254.169.254"),
        ("[::1]", "::1"),
        ("[::]", "::"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1"),
        ("[2002:7f00:1::]", "2002:7f00:1::"),
        ("[fd00:ec2::254]", "fd00:ec2::254"),
    ] {
        let url = format!("https://{host}:{}/", receiver.port());
        assert_eq!(refused(&sender, &url).await, format!("the address {address} is not public"), "{host}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_refused_and_does_not_tell_where() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"] {
        let sender = sender_with(strict(), Names::of("hooks.test", &[&[inside]]));
        let told = refused(&sender, &format!("https://hooks.test:{}/", receiver.port())).await;
        assert_eq!(told, "the name hooks.test has no public address");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn the_systems_own_names_are_vetted_too() {
    // `ip6-localhost` and the like stand in the hosts file of most systems; the machine's own name in that of all.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let names = Arc::new(SystemLookup);
    let found = names.lookup(host.trim()).await.unwrap_or_default();
    let sender = sender_with(strict(), names);
    let told = refused(&sender, &format!("https://{}:9/", host.trim())).await;
    let expected = if found.is_empty() { "name not found: " } else { "the name " };
    assert!(told.starts_with(expected), "{told}");
}

#[tokio::test]
async fn a_name_that_changes_its_answer_after_the_check_is_refused() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let names = Names::of("hooks.test", &[&["1.1.1.1"], &["127.0.0.1"]]);
    let policy = AddressPolicy::default();
    assert!(names.lookup("hooks.test").await.unwrap().into_iter().all(|address| policy.allows(address)));
    let sender = sender_with(strict(), names.clone());
    let told = refused(&sender, &format!("https://hooks.test:{}/", receiver.port())).await;
    assert_eq!(told, "the name hooks.test has no public address");
    assert_eq!((receiver.connections(), names.asked().len()), (0, 2));
}

#[tokio::test]
async fn each_connection_is_looked_up_once_and_vetted_by_that_answer() {
    let receiver = Receiver::start(Manner::AnswerAndClose(answer("200 OK", "connection: close\r\n", ""))).await;
    let names = Names::of("hooks.test", &[&["127.0.0.1"], &["10.0.0.1"]]);
    let sender = sender_with(loopback(), names.clone());
    let url = format!("http://hooks.test:{}/", receiver.port());
    assert!(send(&sender, &url).await.is_success());
    assert_eq!(names.asked().len(), 1);
    assert_eq!(refused(&sender, &url).await, "plain http is sent only to addresses that the operator has allowed");
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_connection_in_use_was_vetted_when_it_was_made() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let names = Names::of("hooks.test", &[&["127.0.0.1"], &["10.0.0.1"]]);
    let sender = sender_with(loopback(), names.clone());
    let url = format!("http://hooks.test:{}/", receiver.port());
    for _ in 0..3 {
        assert!(send(&sender, &url).await.is_success());
    }
    assert_eq!((receiver.connections(), names.asked().len()), (1, 1));
}

#[tokio::test]
async fn of_a_names_addresses_those_allowed_are_used() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let nets = vec![format!("{}/32", receiver.address.ip()).parse().unwrap()];
    let options = SenderOptions { allow_http: true, ..SenderOptions::new(AddressPolicy::new(nets)) };
    let sender = sender_with(options, Names::of("hooks.test", &[&["::1", "127.0.0.2", "10.0.0.1", "127.0.0.1"]]));
    assert!(send(&sender, &format!("http://hooks.test:{}/", receiver.port())).await.is_success());
}

#[tokio::test]
async fn plain_http_goes_to_allowed_nets_alone_and_when_switched_on() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let refusal = "plain http is sent only to addresses that the operator has allowed";
    let off = sender(SenderOptions { allow_http: false, ..loopback() });
    assert_eq!(refused(&off, &receiver.url()).await, refusal);
    let on = sender_with(loopback(), Names::of("hooks.test", &[&["1.1.1.1"]]));
    for url in ["http://1.1.1.1/", "http://[2606:4700::1111]/", "http://10.0.0.1/", "http://hooks.test/"] {
        assert_eq!(refused(&on, url).await, refusal, "{url}");
    }
    assert_eq!(receiver.connections(), 0);
    assert!(send(&on, &receiver.url()).await.is_success());
}

#[test]
fn options_show_what_they_are_made_of() {
    let clock = Arc::new(testkit::ManualClock::default());
    let sender = ReqwestSender::new(strict(), clock).unwrap();
    assert!(format!("{sender:?}").contains("AddressPolicy"));
}
