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
use by;

fn offset(page: core_domain::PageRequest) -> i64 {
    i64::try_from(page.offset()).unwrap_or(i64::MAX)
}
