use diesel::sql_types::Text;

#[diesel::declare_sql_function]
extern "SQL" {
    /// Where `needle` begins in `haystack`, from 1; 0 when nowhere.
    ///
    /// Unlike with `LIKE`, no character of the needle stands for another, in letter case or as a pattern.
    fn instr(haystack: Text, needle: Text) -> Integer;
}
