//! Idempotency records: who claims one, and what the others are told.

use std::sync::Arc;

use ::idempotency::{Claim, Claimed, Fingerprint};
use core_domain::Timestamp;
use tokio::sync::Barrier;

use crate::Backend;
use crate::build::{event, moment, stored_account, stored_pair, workspace};
use crate::prelude::*;
use crate::records::{before, claim, expiry, stored, told};

/// What the request does, its event and its answer are there together.
pub async fn a_claim_commits_with_its_answer_and_its_effect<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.claim_record(&claim(1), moment(0)).await.unwrap(), Claimed::First);
    let made = workspace(tx.next_workspace_id().await.unwrap(), "engine");
    tx.insert_workspace(&made, owner.id).await.unwrap();
    tx.append(&event(made.id, 1)).await.unwrap();
    tx.store_record(&claim(1), Some(b"made"), moment(0), expiry()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&*backend, &claim(1), moment(0)).await, before(&claim(1), Some(b"made")));
    assert_eq!(backend.store().find_workspace(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(backend.events_of(made.id).await.unwrap(), [event(made.id, 1)]);
}

/// Rolled back or dropped, a transaction leaves neither; the request can be made anew.
pub async fn a_claim_vanishes_with_its_effect<B: Backend>(backend: Arc<B>) {
    let owner = stored_account(&*backend, "ada@example.com").await;
    for rolled_back in [true, false, true, false] {
        let mut tx = backend.begin().await.unwrap();
        let made = workspace(tx.next_workspace_id().await.unwrap(), "engine");
        tx.insert_workspace(&made, owner.id).await.unwrap();
        tx.append(&event(made.id, 1)).await.unwrap();
        tx.store_record(&claim(1), Some(b"made"), moment(0), expiry()).await.unwrap();
        if rolled_back {
            tx.rollback().await.unwrap();
        } else {
            drop(tx);
        }
        assert_eq!(told(&*backend, &claim(1), moment(0)).await, Claimed::First);
        assert_eq!(backend.store().find_workspace(made.id).await.unwrap(), None);
        assert!(backend.events_of(made.id).await.unwrap().is_empty());
    }
}

/// Whoever comes later gets the first one's fingerprint and answer, whatever their own request looks like, and their
/// transaction goes on.
pub async fn a_record_is_claimed_once_and_then_told<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let first = claim(1);
    let other = Claim { fingerprint: Fingerprint::from([0xaa; 32]), ..first };
    assert_eq!(told(&*backend, &first, moment(0)).await, Claimed::First);
    stored(&*backend, &first, Some(b"\x00\xffanswer\x00"), expiry()).await;
    for (seed, later) in (1..).zip([&first, &other, &first]) {
        let mut tx = backend.begin().await.unwrap();
        let claimed = tx.claim_record(later, moment(60)).await.unwrap();
        assert_eq!(claimed, before(&first, Some(b"\x00\xffanswer\x00")));
        tx.append(&event(home.id, seed)).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(backend.events_of(home.id).await.unwrap().len(), 3);
}

/// Begun and never answered is not the same as answered with nothing.
pub async fn a_record_without_an_answer_is_told_so_until_it_gets_one<B: Backend>(backend: Arc<B>) {
    stored(&*backend, &claim(1), None, expiry()).await;
    assert_eq!(told(&*backend, &claim(1), moment(0)).await, before(&claim(1), None));
    for sealed in [Some(b"answer".as_slice()), Some(b""), None] {
        let mut tx = backend.begin().await.unwrap();
        tx.store_record(&claim(1), sealed, moment(1), expiry()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(told(&*backend, &claim(1), moment(1)).await, before(&claim(1), sealed));
    }
}

/// Deleting what there is not is no error.
pub async fn a_deleted_record_can_be_claimed_again<B: Backend>(backend: Arc<B>) {
    stored(&*backend, &claim(1), Some(b"answer"), expiry()).await;
    stored(&*backend, &claim(2), Some(b"other"), expiry()).await;
    for _ in 0..2 {
        let mut tx = backend.begin().await.unwrap();
        tx.delete_record(&claim(1).record).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(told(&*backend, &claim(2), moment(0)).await, before(&claim(2), Some(b"other")));
    stored(&*backend, &claim(1), None, expiry()).await;
    assert_eq!(told(&*backend, &claim(1), moment(0)).await, before(&claim(1), None));
}

/// A record is gone at the very moment of its expiry. Whoever claims it then stores a record of their own.
pub async fn an_expired_record_counts_as_absent<B: Backend>(backend: Arc<B>) {
    let just_before = Timestamp::from_unix_micros(expiry().as_unix_micros() - 1).unwrap();
    stored(&*backend, &claim(1), Some(b"old"), expiry()).await;
    assert_eq!(told(&*backend, &claim(1), just_before).await, before(&claim(1), Some(b"old")));
    assert_eq!(told(&*backend, &claim(1), expiry()).await, Claimed::First);
    let anew = Claim { fingerprint: Fingerprint::from([0xaa; 32]), ..claim(1) };
    let mut tx = backend.begin().await.unwrap();
    assert_eq!(tx.claim_record(&anew, expiry()).await.unwrap(), Claimed::First);
    tx.store_record(&anew, None, expiry(), moment(200_000)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(told(&*backend, &claim(1), moment(100_000)).await, before(&anew, None));
    assert_eq!(told(&*backend, &claim(1), moment(200_000)).await, Claimed::First);
}

/// Neither within one transaction nor across several.
pub async fn records_of_different_ids_do_not_meet<B: Backend>(backend: Arc<B>) {
    const CLAIMS: u8 = 12;
    let mut tx = backend.begin().await.unwrap();
    for number in 0..CLAIMS {
        assert_eq!(tx.claim_record(&claim(number), moment(0)).await.unwrap(), Claimed::First);
        tx.store_record(&claim(number), Some(&[number]), moment(0), expiry()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut claimers = tokio::task::JoinSet::new();
    for number in CLAIMS..2 * CLAIMS {
        let backend = Arc::clone(&backend);
        claimers.spawn(async move { stored(&*backend, &claim(number), Some(&[number]), expiry()).await });
    }
    claimers.join_all().await;
    for number in 0..2 * CLAIMS {
        assert_eq!(told(&*backend, &claim(number), moment(0)).await, before(&claim(number), Some(&[number])));
    }
}

/// A large answer, and records at both ends of time.
pub async fn extreme_records_come_back_as_they_were<B: Backend>(backend: Arc<B>) {
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(2 << 20).collect();
    let almost = Timestamp::from_unix_micros(Timestamp::MAX.as_unix_micros() - 1).unwrap();
    let mut tx = backend.begin().await.unwrap();
    tx.store_record(&claim(0), Some(&large), Timestamp::MIN, Timestamp::MAX).await.unwrap();
    tx.store_record(&claim(0xff), Some(&large), Timestamp::MAX, Timestamp::MIN).await.unwrap();
    tx.commit().await.unwrap();
    for now in [Timestamp::MIN, almost] {
        assert!(told(&*backend, &claim(0), now).await == before(&claim(0), Some(&large)));
    }
    assert_eq!(told(&*backend, &claim(0), Timestamp::MAX).await, Claimed::First);
    assert_eq!(told(&*backend, &claim(0xff), Timestamp::MIN).await, Claimed::First);
}

/// What expires at the very moment goes too; what is left can still be told.
pub async fn a_purge_takes_only_what_is_expired_up_to_its_limit<B: Backend>(backend: Arc<B>) {
    let now = moment(4);
    for number in 1..=6 {
        stored(&*backend, &claim(number), Some(&[number]), moment(number.into())).await;
    }
    for expected in [3, 1, 0] {
        let mut tx = backend.begin().await.unwrap();
        assert_eq!(tx.purge_records(now, 3).await.unwrap(), expected);
        tx.commit().await.unwrap();
    }
    // At an earlier time nothing counts as expired, so this tells what is stored.
    for number in 1..=4 {
        assert_eq!(told(&*backend, &claim(number), moment(0)).await, Claimed::First);
    }
    for number in 5..=6 {
        assert_eq!(told(&*backend, &claim(number), moment(0)).await, before(&claim(number), Some(&[number])));
    }
}

/// Many claims at once come to what each would alone, and their answers are all told.
pub async fn many_records_are_claimed_and_stored_at_once<B: Backend>(backend: Arc<B>) {
    let claims: Vec<Claim> = (1..=6).map(claim).collect();
    let mut tx = backend.begin().await.unwrap();
    tx.store_record(&claims[0], Some(b"earlier"), moment(0), expiry()).await.unwrap();
    tx.store_record(&claims[1], Some(b"expired"), moment(0), moment(1)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = backend.begin().await.unwrap();
    let claimed = tx.claim_records(&claims, moment(2)).await.unwrap();
    assert_eq!(claimed[0], before(&claims[0], Some(b"earlier")));
    assert!(claimed[1..].iter().all(|told| *told == Claimed::First), "{claimed:?}");
    let answered: Vec<_> = (1..6).map(|number: u8| (claims[usize::from(number)], vec![number])).collect();
    tx.store_records(&answered, moment(2), expiry()).await.unwrap();
    tx.commit().await.unwrap();
    for (claim, answer) in &answered {
        assert_eq!(told(&*backend, claim, moment(3)).await, before(claim, Some(answer)));
    }
}

const CLAIMERS: u8 = 24;

/// However many claim a record at once, one effect comes of it; the others wait for it or hear that it is under way.
pub async fn of_concurrent_claimers_one_commits<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    // Several times, since the first claimers may be kept apart by the connections they have to wait for.
    for round in 0..8 {
        let start = Arc::new(Barrier::new(CLAIMERS.into()));
        let mut claimers = tokio::task::JoinSet::new();
        for number in 0..CLAIMERS {
            let (backend, start, home) = (Arc::clone(&backend), Arc::clone(&start), home.id);
            claimers.spawn(async move {
                start.wait().await;
                let mut tx = backend.begin().await.unwrap();
                let claimed = tx.claim_record(&claim(round), moment(0)).await.unwrap();
                if claimed == Claimed::First {
                    tx.append(&event(home, seed(round, number))).await.unwrap();
                    tx.store_record(&claim(round), Some(&[number]), moment(0), expiry()).await.unwrap();
                }
                tx.commit().await.unwrap();
                (number, claimed)
            });
        }
        let outcomes = claimers.join_all().await;
        let winners: Vec<u8> = outcomes.iter().filter(|told| told.1 == Claimed::First).map(|told| told.0).collect();
        let &[winner] = &winners[..] else { panic!("the first are {winners:?}") };
        let answer = before(&claim(round), Some(&[winner]));
        assert!(
            outcomes.iter().all(|(_, told)| matches!(told, Claimed::First | Claimed::InProgress) || *told == answer)
        );
        assert_eq!(told(&*backend, &claim(round), moment(0)).await, answer);
        let events = backend.events_of(home.id).await.unwrap();
        assert_eq!(events.len(), usize::from(round) + 1);
        assert_eq!(events.last(), Some(&event(home.id, seed(round, winner))));
    }
}

fn seed(round: u8, number: u8) -> u64 {
    u64::from(round) * 100 + u64::from(number)
}

/// Half of the claimers end without a commit once they are the first, the others try until they are or until one was.
pub async fn a_claim_that_is_given_up_passes_to_another<B: Backend>(backend: Arc<B>) {
    let (_, home) = stored_pair(&*backend).await;
    let start = Arc::new(Barrier::new(CLAIMERS.into()));
    let mut claimers = tokio::task::JoinSet::new();
    for number in 0..CLAIMERS {
        let (backend, start, home) = (Arc::clone(&backend), Arc::clone(&start), home.id);
        claimers.spawn(async move {
            start.wait().await;
            loop {
                let mut tx = backend.begin().await.unwrap();
                match tx.claim_record(&claim(1), moment(0)).await.unwrap() {
                    Claimed::First => {
                        tx.append(&event(home, number.into())).await.unwrap();
                        tx.store_record(&claim(1), Some(&[number]), moment(0), expiry()).await.unwrap();
                        match number % 4 {
                            0 => drop(tx),
                            1 => tx.rollback().await.unwrap(),
                            _ => {
                                tx.commit().await.unwrap();
                                return Some(number);
                            }
                        }
                        return None;
                    }
                    Claimed::Before(_) => return None,
                    Claimed::InProgress => tx.rollback().await.unwrap(),
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let winners: Vec<u8> = claimers.join_all().await.into_iter().flatten().collect();
    let &[winner] = &winners[..] else { panic!("committed by {winners:?}") };
    assert_eq!(told(&*backend, &claim(1), moment(0)).await, before(&claim(1), Some(&[winner])));
    assert_eq!(backend.events_of(home.id).await.unwrap(), [event(home.id, winner.into())]);
}
