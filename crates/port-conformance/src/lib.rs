#![doc = include_str!("../README.md")]
#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a property that does not hold is to panic")]

use ::entitlements::{EntitlementReader, EntitlementTx};
use ::idempotency::IdempotencyTx;
use ::keys::{CredentialStore, KeyReader, KeyTx};
use ::mcp::{CallLog, CallTx};
use ::pixel::{PixelReader, PixelTx, PixelUpkeep};
use ::seo::{SeoReader, SeoTx};
use ::tokens::AccountDirectory;
use ::webhooks::{DeliveryQueue, WebhookReader, WebhookTx};
use ::workspaces::{WorkspaceReader, WorkspaceTx};
use async_trait::async_trait;
use core_domain::{DomainEvent, StorageError, WorkspaceId};

mod build;
pub mod conflicts;
pub mod credentials;
pub mod deliveries;
pub mod directory;
pub mod endings;
pub mod entitlement_model;
pub mod entitlements;
pub mod extremes;
pub mod filters;
pub mod idempotency;
pub mod keys;
pub mod lists;
pub mod marks;
pub mod mcp;
mod model;
pub mod pixel;
mod prelude;
pub mod purges;
mod random;
mod reach;
mod records;
pub mod retries;
pub mod seo;
pub mod transactions;
mod webhook_build;
pub mod webhooks;
pub mod workspaces;

/// A store under test, and whatever must outlive it.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// What reads outside a transaction.
    type Store: WorkspaceReader
        + KeyReader
        + CredentialStore
        + AccountDirectory
        + EntitlementReader
        + WebhookReader
        + DeliveryQueue
        + SeoReader
        + PixelReader
        + PixelUpkeep
        + CallLog;
    /// The open transaction.
    type Tx: WorkspaceTx + KeyTx + IdempotencyTx + EntitlementTx + WebhookTx + SeoTx + PixelTx + CallTx;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// Opens a transaction.
    async fn begin(&self) -> Result<Box<Self::Tx>, StorageError>;

    /// The committed events of a workspace, in the order in which they were appended.
    async fn events_of(&self, workspace: WorkspaceId) -> Result<Vec<DomainEvent>, StorageError>;
}

/// Makes one `#[tokio::test]` of every property, each on a fresh store: the value of the expression, a [`Backend`].
#[macro_export]
macro_rules! storage_conformance {
    ($backend:expr) => {
        $crate::storage_conformance! { @modules $backend;
            transactions {
                a_change_and_its_event_commit_together
                a_dropped_transaction_leaves_nothing_and_holds_no_lock
                a_transaction_dropped_within_an_operation_holds_no_lock
                a_rollback_leaves_nothing
                readers_see_only_what_is_committed
                events_keep_their_order_and_content
                ids_grow_and_no_two_are_the_same
            }
            conflicts {
                a_taken_email_is_named_and_the_transaction_goes_on
                a_taken_slug_is_named_and_the_transaction_goes_on
                a_slug_taken_by_an_update_is_named_and_the_transaction_goes_on
                a_taken_digest_is_named_and_the_transaction_goes_on
            }
            workspaces {
                accounts_are_found_by_email_and_id
                a_workspace_is_seen_by_its_members_alone
                an_update_shows_everywhere
                a_deleted_workspace_looks_as_if_it_never_was
                a_deleted_workspace_frees_its_slug
                memberships_come_by_workspace_up_to_a_limit
                all_workspaces_come_by_id
                members_come_by_workspace
                concurrent_changes_under_a_lock_lose_nothing
            }
            purges {
                a_purge_takes_only_what_was_deleted_before
                a_purge_takes_the_oldest_first_up_to_its_limit
            }
            keys {
                a_key_is_reached_from_its_workspace_alone
                an_account_level_key_is_reached_by_its_account_alone
                keys_of_a_deleted_workspace_are_gone
                an_accounts_keys_come_by_id_without_the_revoked
                every_pepper_version_is_listed_once
            }
            endings {
                of_concurrent_rotations_one_wins
                of_concurrent_revocations_one_wins
                only_an_active_key_gets_a_grace_period
                a_revoked_key_stays_readable
            }
            extremes {
                extreme_workspaces_come_back_as_they_were
                extreme_keys_come_back_as_they_were
            }
            credentials {
                a_key_is_found_by_any_of_several_digests
                no_digest_finds_nothing
                ended_and_revoked_keys_are_found
                a_bound_keys_ceiling_is_its_workspaces_tier
                an_account_level_keys_ceiling_is_the_highest_of_its_accounts_tiers
                a_deleted_workspaces_key_is_not_found
                a_last_use_never_goes_back
            }
            directory {
                an_account_is_found_by_its_id_and_by_its_email
                an_accounts_ceiling_is_the_highest_of_its_tiers
            }
            idempotency {
                a_claim_commits_with_its_answer_and_its_effect
                a_claim_vanishes_with_its_effect
                a_record_is_claimed_once_and_then_told
                a_record_without_an_answer_is_told_so_until_it_gets_one
                a_deleted_record_can_be_claimed_again
                an_expired_record_counts_as_absent
                records_of_different_ids_do_not_meet
                extreme_records_come_back_as_they_were
                many_records_are_claimed_and_stored_at_once
                a_purge_takes_only_what_is_expired_up_to_its_limit
                of_concurrent_claimers_one_commits
                a_claim_that_is_given_up_passes_to_another
            }
            entitlements {
                of_concurrent_takers_none_passes_the_limit
                concurrent_changes_have_one_order
                of_concurrent_confirmations_one_counts
                a_rollback_counts_nothing
                a_workspace_that_is_gone_counts_nothing
                a_tier_is_read_under_the_lock
                extreme_reservations_and_records_come_back_as_they_were
                a_purge_takes_ended_reservations_alone
                a_purged_workspace_leaves_nothing_counted
            }
            entitlement_model {
                any_sequence_equals_the_model
            }
            seo {
                a_report_comes_back_as_it_was
                a_report_that_is_not_committed_leaves_nothing
                workspaces_and_worlds_are_apart
                a_drop_is_told_against_the_pages_previous_report
                random_reports_equal_the_model
                concurrent_reports_neither_double_nor_deadlock
                the_largest_report_goes_through_every_change
                extreme_issues_come_back_as_they_were
                lists_equal_the_model
            }
            pixel {
                a_domain_is_one_sites_until_it_is_removed
                nobody_takes_a_part_of_anothers_domain
                a_host_belongs_to_the_nearest_site
                sites_are_seen_in_their_place_alone
                extreme_sites_come_back_as_they_were
                pages_of_sites_partition_them_in_every_order
                rollups_equal_the_model
                concurrent_batches_lose_nothing
                a_dropped_transaction_counts_nothing
                a_removed_site_takes_nothing
                a_days_salt_is_one_and_then_gone
                upkeep_keeps_what_is_due_and_can_be_repeated
                a_purged_workspaces_domains_are_free
            }
            mcp {
                a_call_comes_back_as_it_was_and_ends_once
                a_call_that_is_not_committed_leaves_nothing
                calls_are_seen_in_their_own_realm_alone
                the_callers_of_a_server_are_found_once
                a_purge_takes_the_oldest_calls_up_to_its_limit
                concurrent_calls_are_all_counted
                lists_of_calls_equal_the_model
            }
            marks {
                undoing_keeps_what_was_before_the_mark_and_nothing_after_it
                releasing_keeps_everything
                the_latest_mark_counts
                a_transaction_ends_whole_whatever_is_marked
            }
            lists {
                pages_of_workspaces_partition_them_in_every_order
                pages_of_keys_partition_them_in_every_order
                a_list_of_nothing_is_empty
                totals_follow_every_change_of_keys
                totals_follow_every_change_of_workspaces
            }
            filters {
                filters_of_workspaces_equal_the_model
                filters_of_keys_equal_the_model
                key_statuses_change_at_their_very_moment
                searches_take_every_character_as_itself
            }
            webhooks {
                extreme_webhooks_come_back_as_they_were
                realms_do_not_see_one_another
                what_is_deleted_stops_at_once
                pages_of_webhooks_partition_them_in_every_order
                filters_of_webhooks_narrow
                pages_of_deliveries_partition_them_in_every_order
                pages_of_events_partition_them
            }
            retries {
                all_six_attempts_are_made_at_their_times
                retries_by_hand_go_up_to_twenty_attempts
                a_receiver_that_is_gone_is_left_alone
                days_without_success_disable
            }
            deliveries {
                an_event_its_deliveries_and_its_cause_commit_together
                publishing_matches_and_holds_what_there_is_room_for
                no_delivery_goes_to_two_claimers
                a_lease_ends_and_so_does_its_right
                a_released_delivery_is_due_at_once
                a_result_is_written_whole
                extreme_attempts_come_back_as_they_were
                every_endpoint_gets_its_turn
                a_claim_takes_no_more_than_there_is_room_for
                a_rate_limit_holds_over_all_claimers
                a_disabled_endpoints_deliveries_wait
                a_hopeless_endpoint_is_disabled_and_told_of
                a_test_is_held_and_not_counted
                a_delivery_can_be_queued_again
                a_replay_takes_what_it_is_asked_for
                what_nobody_holds_is_told_of
                depth_tells_what_is_open
                a_purge_takes_what_is_settled_and_old
                everything_at_once_waits_in_no_circle
                two_workers_never_hold_the_same_attempt
            }
        }
    };
    (@modules $backend:expr; $($module:ident { $($property:ident)+ })+) => {
        $(
            mod $module {
                use super::*;
                $crate::storage_conformance! { @tests $backend; $module; $($property)+ }
            }
        )+
    };
    (@tests $backend:expr; $module:ident; $($property:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $property() {
                $crate::$module::$property(::std::sync::Arc::new($backend)).await;
            }
        )+
    };
}
