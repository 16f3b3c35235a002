pub(super) mod deliveries;
pub(super) mod events;
pub(super) mod webhooks;

macro_rules! by {
    ($rows:expr, $column:expr, $order:expr) => {
        match $order {
            core_domain::Order::Ascending => $rows.then_order_by($column.asc()),
            core_domain::Order::Descending => $rows.then_order_by($column.desc()),
        }
    };
}

/// A missing value is the smallest, which is not PostgreSQL's own order.
macro_rules! by_optional {
    ($rows:expr, $column:expr, $order:expr) => {
        match $order {
            core_domain::Order::Ascending => $rows.then_order_by($column.asc().nulls_first()),
            core_domain::Order::Descending => $rows.then_order_by($column.desc().nulls_last()),
        }
    };
}
use {by, by_optional};
