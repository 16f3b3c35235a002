use std::time::Duration;

use core_domain::RateLimit;
use limits::{Decision, Refusal, Standing, Subject};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};

/// The window's arithmetic, where all replicas' requests meet.
#[derive(Clone)]
pub(crate) struct Take(Script);

impl Take {
    pub(crate) fn new() -> Self {
        Self(Script::new(include_str!("take.lua")))
    }

    /// Makes the server know the script, so that not every request that meets a new server has to.
    pub(crate) async fn load(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.0.load_async(connection).await.map(drop)
    }

    /// Runs the script by its digest, and sends its text only to a server that does not know it.
    ///
    /// `at` takes the place of the server's time, which no test can set.
    pub(crate) async fn run(
        &self,
        connection: &mut MultiplexedConnection,
        subject: Subject,
        limit: RateLimit,
        at: Option<Duration>,
    ) -> RedisResult<Decision> {
        let mut call = self.0.key(format!("core-api:limit:{subject}"));
        call.arg(limit.ceiling());
        if let Some(at) = at {
            call.arg(at.as_micros().to_string());
        }
        let (admitted, count, resets_in, retry_after): (bool, u32, u64, u64) = call.invoke_async(connection).await?;
        let standing = Standing::new(limit, count, Duration::from_micros(resets_in));
        Ok(if admitted {
            Decision::Admitted(standing)
        } else {
            Decision::Refused(Refusal { standing, retry_after: Duration::from_micros(retry_after) })
        })
    }
}

#[cfg(test)]
mod tests {
    use core_domain::{Entropy as _, LineageId};
    use limits::Window;
    use proptest::prelude::*;
    use redis::Client;
    use system::OsEntropy;
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const START: Duration = Duration::from_micros(1_768_473_000_654_321);

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Requests(u32),
        Wait(i64),
        Limit(RateLimit),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let limit = (0_u32..20, prop::sample::select(vec![0, 20, 100]))
            .prop_map(|(per_minute, burst_percent)| Step::Limit(RateLimit { per_minute, burst_percent }));
        let step = prop_oneof![
            6 => (1_u32..15).prop_map(Step::Requests),
            4 => (0_i64..3_000_000).prop_map(Step::Wait),
            2 => (0_i64..70_000_000).prop_map(Step::Wait),
            1 => (-5_000_000_i64..0).prop_map(Step::Wait),
            2 => limit,
        ];
        prop::collection::vec(step, 1..60)
    }

    fn unused_subject() -> Subject {
        let mut bytes = [0; 8];
        OsEntropy::default().fill(&mut bytes);
        Subject::Lineage(LineageId::try_from(i64::from_le_bytes(bytes) >> 1 & i64::MAX | 1).unwrap())
    }

    fn connect() -> (Runtime, MultiplexedConnection) {
        let url = std::env::var("CORE_API_TEST_REDIS_URL").unwrap_or_else(|_| {
            panic!(
                "these tests need a Redis server: run `cargo xtask test`, which starts one, or name one in \
                    CORE_API_TEST_REDIS_URL (redis://127.0.0.1:6379)"
            )
        });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::open(url).unwrap();
        let connection = runtime.block_on(client.get_multiplexed_async_connection()).unwrap();
        (runtime, connection)
    }

    #[test]
    fn it_decides_as_the_window_does() {
        let (runtime, connection) = connect();
        let script = Take::new();
        let config = ProptestConfig { cases: 100, ..ProptestConfig::default() };
        proptest!(config, |(steps in steps())| {
            let (mut window, subject) = (Window::default(), unused_subject());
            let (mut now, mut limit) = (START, RateLimit { per_minute: 10, burst_percent: 20 });
            for step in steps {
                match step {
                    Step::Wait(micros) => {
                        let micros = i64::try_from(now.as_micros()).unwrap() + micros;
                        now = Duration::from_micros(micros.unsigned_abs());
                    }
                    Step::Limit(new) => limit = new,
                    Step::Requests(count) => for _ in 0..count {
                        let expected = window.try_consume(limit, now);
                        let mut connection = connection.clone();
                        let decision = runtime.block_on(script.run(&mut connection, subject, limit, Some(now)))?;
                        prop_assert_eq!(decision, expected);
                    }
                }
            }
        });
    }

    #[test]
    fn a_key_goes_by_itself_and_holds_no_more_than_a_window() {
        let (runtime, mut connection) = connect();
        let (script, subject, limit) = (Take::new(), unused_subject(), RateLimit { per_minute: 500, burst_percent: 0 });
        runtime.block_on(async {
            for second in 0..200 {
                let at = START + Duration::from_secs(second);
                script.run(&mut connection, subject, limit, Some(at)).await.unwrap();
            }
            let key = format!("core-api:limit:{subject}");
            let (fields, encoding, lifetime): (usize, String, u64) = redis::pipe()
                .cmd("HLEN")
                .arg(&key)
                .cmd("OBJECT")
                .arg("ENCODING")
                .arg(&key)
                .cmd("TTL")
                .arg(&key)
                .query_async(&mut connection)
                .await
                .unwrap();
            assert_eq!((fields, encoding.as_str()), (63, "listpack"));
            assert!((60..=62).contains(&lifetime), "{lifetime}");
        });
    }

    #[test]
    fn a_refusal_writes_nothing() {
        let (runtime, mut connection) = connect();
        let (script, subject) = (Take::new(), unused_subject());
        let nothing = RateLimit { per_minute: 0, burst_percent: 0 };
        runtime.block_on(async {
            let decision = script.run(&mut connection, subject, nothing, None).await.unwrap();
            assert!(!decision.is_admitted());
            let exists: bool = redis::cmd("EXISTS")
                .arg(format!("core-api:limit:{subject}"))
                .query_async(&mut connection)
                .await
                .unwrap();
            assert!(!exists);
        });
    }
}
