diesel::table! {
    id_sequences (name) {
        name -> Text,
        last -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> BigInt,
        email -> Text,
        workspace_count -> BigInt,
        created_at -> BigInt,
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
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
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
        created_at -> BigInt,
        updated_at -> BigInt,
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
        digest -> Binary,
        pepper_version -> Integer,
        environment -> Text,
        scopes -> Text,
        rate_limit_tier -> Nullable<SmallInt>,
        allowed_ips -> Nullable<Text>,
        mcp_servers -> Nullable<Text>,
        expires_at -> Nullable<BigInt>,
        grace_period_ends_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        rotated_from_id -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        search_text -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
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
        created_at -> BigInt,
    }
}

diesel::table! {
    idempotency_records (id) {
        id -> Binary,
        fingerprint -> Binary,
        sealed -> Nullable<Binary>,
        created_at -> BigInt,
        expires_at -> BigInt,
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
        created_at -> BigInt,
        search_text -> Text,
    }
}

diesel::table! {
    seo_issues (id) {
        id -> BigInt,
        workspace_id -> BigInt,
        environment -> Text,
        identity -> Binary,
        url -> Text,
        issue_type -> Text,
        element -> Nullable<Text>,
        severity -> SmallInt,
        details -> Text,
        occurrences -> BigInt,
        tool -> Text,
        report_id -> BigInt,
        absences -> BigInt,
        created_at -> BigInt,
        last_seen_at -> BigInt,
        resolved_at -> Nullable<BigInt>,
        updated_at -> BigInt,
        search_text -> Text,
    }
}

diesel::joinable!(memberships -> accounts (account_id));
diesel::joinable!(memberships -> workspaces (workspace_id));
diesel::joinable!(api_keys -> workspaces (workspace_id));
diesel::allow_tables_to_appear_in_same_query!(accounts, workspaces, memberships, api_keys);
diesel::allow_tables_to_appear_in_same_query!(workspaces, seo_reports, seo_issues, seo_totals);
