use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use dispatcher::Options;
use ipnet::IpNet;
use webhook_sender::EgressProxy;
use webhooks::RetrySchedule;

use super::settings::Values;
use super::{networks, number};

/// How webhooks are sent.
#[derive(Debug)]
pub(crate) struct WebhookSettings {
    pub(crate) is_sending: bool,
    pub(crate) allow_nets: Vec<IpNet>,
    pub(crate) allow_http: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) proxy: Option<EgressProxy>,
    pub(crate) schedule: RetrySchedule,
    pub(crate) timeout: Duration,
    pub(crate) sends: u32,
    pub(crate) sends_per_endpoint: u32,
    pub(crate) retention: Duration,
}

impl WebhookSettings {
    pub(super) fn of(values: &Values) -> anyhow::Result<Self> {
        let days = values.parse("CORE_API_EVENT_RETENTION_DAYS", |text| number(text, 1_u32..=3_650))?;
        Ok(Self {
            is_sending: values.parse("CORE_API_WEBHOOK_WORKERS", switch)?,
            allow_nets: values.parse("CORE_API_WEBHOOK_ALLOW_NETS", networks)?,
            allow_http: values.parse("CORE_API_WEBHOOK_ALLOW_HTTP", truth)?,
            ca_file: values.get("CORE_API_WEBHOOK_CA_FILE").map(PathBuf::from),
            proxy: values.parse_optional("CORE_API_WEBHOOK_PROXY", |text| Ok(text.parse()?))?,
            schedule: values.parse("CORE_API_WEBHOOK_RETRY_DELAYS", |text| Ok(text.parse()?))?,
            timeout: values.parse("CORE_API_WEBHOOK_TIMEOUT", timeout)?,
            sends: values.parse("CORE_API_WEBHOOK_SENDS", |text| number(text, 1..=10_000))?,
            sends_per_endpoint: values.parse("CORE_API_WEBHOOK_SENDS_PER_ENDPOINT", |text| number(text, 1..=10_000))?,
            retention: Duration::from_hours(u64::from(days) * 24),
        })
    }

    pub(crate) fn dispatcher(&self) -> Options {
        Options {
            max_sends: self.sends,
            max_sends_per_endpoint: self.sends_per_endpoint,
            max_sends_per_workspace: self.sends.div_ceil(2),
            // Twice the deadline and time enough to write the result down.
            lease: self.timeout * 2 + Duration::from_secs(30),
        }
    }
}

fn switch(text: &str) -> anyhow::Result<bool> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => bail!("must be on or off"),
    }
}

fn truth(text: &str) -> anyhow::Result<bool> {
    text.parse().context("must be true or false")
}

fn timeout(text: &str) -> anyhow::Result<Duration> {
    let seconds = match text.strip_suffix('s') {
        Some(seconds) => seconds.parse::<u64>().ok(),
        None => text.strip_suffix('m').and_then(|minutes| minutes.parse::<u64>().ok()).map(|minutes| minutes * 60),
    };
    match seconds {
        Some(seconds @ 1..=300) => Ok(Duration::from_secs(seconds)),
        _ => bail!("must be a time from 1s to 5m"),
    }
}
