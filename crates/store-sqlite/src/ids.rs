use diesel::prelude::*;

use crate::error::Failure;
use crate::schema::id_sequences;

/// Takes the next id of a table. A rollback gives it back.
pub(crate) fn next(connection: &mut SqliteConnection, table: &'static str) -> Result<i64, Failure> {
    let next = diesel::update(id_sequences::table.find(table))
        .set(id_sequences::last.eq(id_sequences::last + 1))
        .returning(id_sequences::last)
        .get_result(connection)?;
    Ok(next)
}
