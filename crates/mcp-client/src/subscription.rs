use std::time::Duration;

use rmcp::model::{ServerNotification, SubscriptionFilter};

use crate::session::Session;

/// How long a server's refusal to tell of changes is left alone.
const AGAIN: Duration = Duration::from_mins(1);

/// Subscribes to changes of the server's lists where it tells of them only then, as long as this is awaited.
///
/// Earlier servers tell unasked.
pub(crate) async fn follow(session: &Session) {
    let capabilities = &session.info.capabilities;
    let tools = capabilities.tools.as_ref().is_some_and(|tools| tools.list_changed == Some(true));
    let resources = capabilities.resources.as_ref().is_some_and(|resources| resources.list_changed == Some(true));
    if session.info.protocol_version.has_initialize() || !(tools || resources) {
        return std::future::pending().await;
    }
    loop {
        let mut filter = SubscriptionFilter::builder();
        if tools {
            filter = filter.tools_list_changed();
        }
        if resources {
            filter = filter.resources_list_changed();
        }
        if let Ok(mut subscription) = session.peer().listen(filter.build()).await {
            // What happened before was not told.
            session.signs.changed.notify_one();
            while let Ok(Some(notification)) = subscription.next().await {
                let is_change = matches!(
                    notification,
                    ServerNotification::ToolListChangedNotification(_)
                        | ServerNotification::ResourceListChangedNotification(_)
                );
                if is_change {
                    session.signs.changed.notify_one();
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}
