use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz};

/// A statement written by hand, which each connection prepares once, unlike diesel's own `sql_query`.
///
/// Each `?` of the text is a value, in their order. Rows have the types `R`.
pub(crate) struct Prepared<'a, R> {
    sql: &'static str,
    values: Vec<Value<'a>>,
    rows: PhantomData<fn() -> R>,
}

pub(crate) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Text(&'a str),
    Moment(DateTime<Utc>),
    Bools(Vec<bool>),
    SmallInts(Vec<i32>),
    Ints(Vec<i64>),
    Texts(Vec<&'a str>),
    Bytes(Vec<&'a [u8]>),
    Moments(Vec<DateTime<Utc>>),
    SmallIntsOrNull(Vec<Option<i32>>),
    IntsOrNull(Vec<Option<i64>>),
    TextsOrNull(Vec<Option<&'a str>>),
    MomentsOrNull(Vec<Option<DateTime<Utc>>>),
}

impl<'a, R> Prepared<'a, R> {
    pub(crate) fn new(sql: &'static str, values: Vec<Value<'a>>) -> Self {
        Self { sql, values, rows: PhantomData }
    }
}

impl<R> QueryId for Prepared<'_, R> {
    type QueryId = ();

    /// It is known by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R> Query for Prepared<'_, R> {
    type SqlType = R;
}

impl<R> QueryFragment<Pg> for Prepared<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (position, part) in self.sql.split('?').enumerate() {
            if position > 0
                && let Some(value) = values.next()
            {
                value.push(&mut out)?;
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

impl Value<'_> {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::Bool(value) => out.push_bind_param::<Bool, _>(value),
            Self::Int(value) => out.push_bind_param::<BigInt, _>(value),
            Self::Text(value) => out.push_bind_param::<Text, _>(value),
            Self::Moment(value) => out.push_bind_param::<Timestamptz, _>(value),
            Self::Bools(values) => out.push_bind_param::<Array<Bool>, _>(values),
            Self::SmallInts(values) => out.push_bind_param::<Array<Integer>, _>(values),
            Self::Ints(values) => out.push_bind_param::<Array<BigInt>, _>(values),
            Self::Texts(values) => out.push_bind_param::<Array<Text>, _>(values),
            Self::Bytes(values) => out.push_bind_param::<Array<Binary>, _>(values),
            Self::Moments(values) => out.push_bind_param::<Array<Timestamptz>, _>(values),
            Self::SmallIntsOrNull(values) => out.push_bind_param::<Array<Nullable<Integer>>, _>(values),
            Self::IntsOrNull(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(values),
            Self::TextsOrNull(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(values),
            Self::MomentsOrNull(values) => out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(values),
        }
    }
}
