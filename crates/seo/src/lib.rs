#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod details;
mod drops;
mod finding;
mod issue;
mod lighthouse;
mod policy;
mod ports;
mod query;
mod report;
mod scores;
mod service;
mod severity;
mod submission;
mod tool;
mod url;

pub use core_domain::Realm;
pub use details::{Details, InvalidDetails};
pub use drops::{Drop, drops};
pub use finding::{Element, Finding, InvalidElement, InvalidIssueType, IssueType};
pub use issue::{Issue, IssueIdentity, IssueStatus};
pub use lighthouse::{InvalidResult, LighthouseResult, PageSpeedResult};
pub use policy::{Weighed, weigh};
pub use ports::{SeoReader, SeoRepository, SeoTx};
pub use query::{IssueFilter, IssueQuery, IssueSort, ReportFilter, ReportQuery, ReportSort};
pub use report::{Changes, Report};
pub use scores::{CategoryName, ExtraScores, InvalidCategoryName, InvalidScore, Score, Scores};
pub use service::{SeoService, Submitted};
pub use severity::Severity;
pub use submission::{Coverage, Submission};
pub use tool::{InvalidTool, Tool};
pub use url::{InvalidUrl, PageUrl};

#[cfg(feature = "mocks")]
pub use ports::{MockSeoReader, MockSeoRepository};
