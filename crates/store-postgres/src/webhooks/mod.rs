//! Locks are taken in this order, within each table by key, so that nobody waits in a circle: webhooks, deliveries,
//! days, counters of events. Claims and purges wait for no row of webhooks or deliveries; who changes one delivery locks
//! its webhook before.

mod claim;
mod endpoint_cache;
mod list;
mod publish;
mod purge;
mod queue;
mod read;
mod row;
mod settle;
mod signal;
mod write;

pub(crate) use endpoint_cache::EndpointCache;
pub(crate) use publish::CHANNEL;
pub(crate) use signal::Signal;
