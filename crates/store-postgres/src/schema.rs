diesel::table! {
    accounts (id) {
        id -> BigInt,
        email -> Text,
        workspace_count -> BigInt,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    workspaces (id) {
        id -> BigInt,
        name -> Text,
        slug -> Text,
        tier -> SmallInt,
        settings -> Text,
        search_text -> Text,
        key_count -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    memberships (account_id, workspace_id) {
        account_id -> BigInt,
        workspace_id -> BigInt,
        role -> Text,
        name -> Text,
        slug -> Text,
        tier -> SmallInt,
        search_text -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    api_keys (id) {
        id -> BigInt,
        lineage_id -> BigInt,
        account_id -> BigInt,
        workspace_id -> Nullable<BigInt>,
        name -> Text,
        prefix -> Text,
        digest -> Bytea,
        pepper_version -> Integer,
        environment -> Text,
        scopes -> Text,
        rate_limit_tier -> Nullable<SmallInt>,
        allowed_ips -> Nullable<Text>,
        mcp_servers -> Nullable<Text>,
        expires_at -> Nullable<Timestamptz>,
        grace_period_ends_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        rotated_from_id -> Nullable<BigInt>,
        last_used_at -> Nullable<Timestamptz>,
        search_text -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    events (seq) {
        seq -> BigInt,
        id -> Text,
        workspace_id -> BigInt,
        environment -> Text,
        #[sql_name = "type"]
        event_type -> Text,
        data -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_records (id) {
        id -> Bytea,
        fingerprint -> Bytea,
        sealed -> Nullable<Bytea>,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    event_counts (workspace_id, environment, slot) {
        workspace_id -> BigInt,
        environment -> Text,
        slot -> SmallInt,
        events -> BigInt,
    }
}

diesel::table! {
    webhooks (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        url -> Text,
        description -> Nullable<Text>,
        subscriptions -> Text,
        secret -> Bytea,
        previous_secret -> Nullable<Bytea>,
        previous_secret_until -> Nullable<Timestamptz>,
        headers -> Text,
        rate_limit -> Nullable<BigInt>,
        granted -> Text,
        disabled_at -> Nullable<Timestamptz>,
        disabled_reason -> Nullable<Text>,
        success_count -> BigInt,
        failure_count -> BigInt,
        consecutive_failures -> BigInt,
        failing_since -> Nullable<Timestamptz>,
        last_delivery_at -> Nullable<Timestamptz>,
        settled_success -> BigInt,
        settled_failed -> BigInt,
        search_text -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

diesel::table! {
    deliveries (id) {
        id -> BigInt,
        webhook_id -> BigInt,
        workspace_id -> BigInt,
        created_at -> Timestamptz,
        due_at -> Nullable<Timestamptz>,
        lease -> Nullable<BigInt>,
        delivered_at -> Nullable<Timestamptz>,
        next_retry_at -> Nullable<Timestamptz>,
        attempt -> Integer,
        response_code -> Nullable<Integer>,
        environment -> Text,
        kind -> Text,
        status -> Text,
        event_id -> Text,
        event_type -> Text,
    }
}

diesel::table! {
    attempts (delivery_id, number) {
        delivery_id -> BigInt,
        number -> Integer,
        started_at -> Timestamptz,
        response_time_ms -> BigInt,
        response_code -> Nullable<Integer>,
        retry_after_seconds -> Nullable<BigInt>,
        response_headers -> Nullable<Text>,
        response_body -> Nullable<Text>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    webhook_days (webhook_id, day) {
        webhook_id -> BigInt,
        day -> Timestamptz,
        successes -> BigInt,
        failures -> BigInt,
        response_time_ms -> BigInt,
    }
}

diesel::table! {
    entitlement_counters (workspace_id, environment, feature, period_start) {
        workspace_id -> BigInt,
        environment -> Text,
        feature -> Text,
        period_start -> Timestamptz,
        used -> BigInt,
        announced -> SmallInt,
        records -> BigInt,
    }
}

diesel::table! {
    entitlement_usage (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        feature -> Text,
        quantity -> BigInt,
        balance -> BigInt,
        metadata -> Nullable<Text>,
        reservation_id -> Nullable<BigInt>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    entitlement_days (workspace_id, environment, day, feature) {
        workspace_id -> BigInt,
        environment -> Text,
        day -> Timestamptz,
        feature -> Text,
        used -> BigInt,
        freed -> BigInt,
        records -> BigInt,
        balance -> BigInt,
    }
}

diesel::table! {
    entitlement_reservations (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        feature -> Text,
        period_start -> Timestamptz,
        quantity -> BigInt,
        metadata -> Nullable<Text>,
        confirmed -> Nullable<BigInt>,
        settled_at -> Nullable<Timestamptz>,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    entitlement_overrides (workspace_id, feature) {
        workspace_id -> BigInt,
        feature -> Text,
        extra -> Nullable<BigInt>,
        ends_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    seo_totals (workspace_id, environment) {
        workspace_id -> BigInt,
        environment -> Text,
        report_count -> BigInt,
        issue_count -> BigInt,
    }
}

diesel::table! {
    seo_reports (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        url -> Text,
        tool -> Text,
        tool_version -> Nullable<Text>,
        performance -> Nullable<SmallInt>,
        accessibility -> Nullable<SmallInt>,
        best_practices -> Nullable<SmallInt>,
        seo -> Nullable<SmallInt>,
        extra_scores -> Text,
        issues_count -> BigInt,
        omitted -> BigInt,
        new_count -> BigInt,
        persisted_count -> BigInt,
        reopened_count -> BigInt,
        resolved_count -> BigInt,
        created_at -> Timestamptz,
        search_text -> Text,
    }
}

diesel::table! {
    seo_issues (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        identity -> Bytea,
        url -> Text,
        issue_type -> Text,
        element -> Nullable<Text>,
        severity -> SmallInt,
        details -> Text,
        occurrences -> BigInt,
        tool -> Text,
        report_id -> BigInt,
        absences -> BigInt,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
        updated_at -> Timestamptz,
        search_text -> Text,
    }
}

diesel::table! {
    pixel_sites (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        domain -> Text,
        subdomains -> Bool,
        enabled -> Bool,
        pageviews -> Bool,
        events -> Bool,
        sessions -> Bool,
        sample_rate -> Integer,
        honours_gpc -> Bool,
        honours_dnt -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mcp_totals (workspace_id, environment, slot) {
        workspace_id -> BigInt,
        environment -> Text,
        slot -> SmallInt,
        call_count -> BigInt,
    }
}

diesel::table! {
    mcp_calls (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        account_id -> BigInt,
        api_key_id -> Nullable<BigInt>,
        request_id -> Text,
        server -> Text,
        tool -> Text,
        arguments -> Text,
        created_at -> Timestamptz,
        outcome -> Text,
        error -> Nullable<Text>,
        size -> Nullable<BigInt>,
        duration_ms -> Nullable<Integer>,
        search_text -> Text,
    }
}

diesel::joinable!(memberships -> accounts (account_id));
diesel::joinable!(memberships -> workspaces (workspace_id));
diesel::joinable!(api_keys -> workspaces (workspace_id));
diesel::joinable!(webhooks -> workspaces (workspace_id));
diesel::joinable!(deliveries -> webhooks (webhook_id));
diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    workspaces,
    memberships,
    api_keys,
    webhooks,
    deliveries,
    webhook_days,
    events,
    event_counts,
);

diesel::define_sql_function! {
    /// The next number of a sequence.
    fn nextval(sequence: diesel::sql_types::Text) -> diesel::sql_types::BigInt;
}
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_usage);
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_days);
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_reservations);
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_overrides);
diesel::allow_tables_to_appear_in_same_query!(workspaces, seo_reports, seo_issues, seo_totals);
diesel::allow_tables_to_appear_in_same_query!(workspaces, pixel_sites);
diesel::allow_tables_to_appear_in_same_query!(workspaces, mcp_calls, mcp_totals);
