/// Which of a workspace's two worlds a credential belongs to.
///
/// Events, webhooks and usage of `Test` never touch those of `Live`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Real data; keys begin with `sk_live_`.
    Live,
    /// Trial data; keys begin with `sk_test_`.
    Test,
}

crate::wire_words!(Environment { Live = "live", Test = "test" });
