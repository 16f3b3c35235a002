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

diesel::joinable!(memberships -> accounts (account_id));
diesel::joinable!(memberships -> workspaces (workspace_id));
diesel::joinable!(api_keys -> workspaces (workspace_id));
diesel::allow_tables_to_appear_in_same_query!(accounts, workspaces, memberships, api_keys);
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_usage);
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_days);
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_reservations);
diesel::allow_tables_to_appear_in_same_query!(workspaces, entitlement_overrides);
diesel::allow_tables_to_appear_in_same_query!(workspaces, pixel_sites);

diesel::define_sql_function! {
    /// The next number of a sequence.
    fn nextval(sequence: diesel::sql_types::Text) -> diesel::sql_types::BigInt;
}
