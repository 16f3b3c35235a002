/// How bad an issue is, from the mildest to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is its wire word below")]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

core_domain::wire_words!(Severity { Info = "info", Warning = "warning", Error = "error", Critical = "critical" });

impl Severity {
    /// The severity's place in the order, as stored.
    pub const fn rank(self) -> i16 {
        match self {
            Self::Info => 10,
            Self::Warning => 20,
            Self::Error => 30,
            Self::Critical => 40,
        }
    }

    /// The severity with this [`rank`](Self::rank).
    pub fn from_rank(rank: i16) -> Option<Self> {
        <Self as core_domain::WireWord>::ALL.iter().copied().find(|severity| severity.rank() == rank)
    }
}
