//! What differs in SQL between the two databases, as capabilities: the rest of the crate asks for an
//! expression or a fact and never for the name of a database.

use dray_model::object::Column;
use dray_model::value::ValueType;

/// How one database spells what the other spells differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL, and Citus on top of it.
    Postgres,
}

/// How the cells of a column are compared with one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextMatch {
    /// The whole cell.
    Equal,
    /// Somewhere in it.
    Contains,
    /// At its beginning.
    StartsWith,
    /// At its end.
    EndsWith,
}

/// Quotes an identifier; both databases do it alike.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Dialect {
    // ── tables ──────────────────────────────────────────────────────────────────────────────────

    /// The declared type of a column. Keys compare byte by byte on both databases.
    pub(crate) fn column_type(self, value_type: ValueType, is_key: bool) -> &'static str {
        match self {
            Self::Sqlite => match value_type {
                ValueType::Integer | ValueType::Boolean => "INTEGER",
                // No type means no affinity: what is bound comes back as it was.
                ValueType::Decimal => "",
                _ => "TEXT",
            },
            Self::Postgres => match value_type {
                ValueType::Text if is_key => "text COLLATE \"C\"",
                ValueType::Text => "text",
                ValueType::Integer => "bigint",
                ValueType::Decimal => "numeric",
                ValueType::Boolean => "boolean",
                ValueType::Date => "date",
                ValueType::DateTime => "timestamptz",
                ValueType::Time => "time",
                ValueType::Uuid => "uuid",
                ValueType::Json => "json",
            },
        }
    }

    /// The declaration of a record's id. In SQLite it is the row's own number, so it costs nothing.
    pub(crate) fn id_type(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER PRIMARY KEY NOT NULL",
            Self::Postgres => "bigint PRIMARY KEY",
        }
    }

    /// The declared type of bytes.
    pub(crate) fn bytes_type(self) -> &'static str {
        match self {
            Self::Sqlite => "blob",
            Self::Postgres => "bytea",
        }
    }

    /// What follows the type of a text that is ordered byte by byte.
    pub(crate) fn bytewise(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " COLLATE \"C\"",
        }
    }

    /// What follows the columns of a table that is kept in the order of its primary key.
    pub(crate) fn clustered(self) -> &'static str {
        match self {
            Self::Sqlite => " WITHOUT ROWID",
            Self::Postgres => "",
        }
    }

    /// A query for the names of a table's columns; `$1` is the table's qualified name.
    pub(crate) fn columns_of_table(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT name FROM pragma_table_info($1)",
            Self::Postgres => {
                "SELECT attname::text FROM pg_catalog.pg_attribute \
                 WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 AND NOT attisdropped"
            }
        }
    }

    /// A query for the names of a table's usable indexes; `$1` is the table's qualified name.
    pub(crate) fn indexes_of_table(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = $1",
            Self::Postgres => {
                "SELECT relname::text FROM pg_catalog.pg_index JOIN pg_catalog.pg_class ON oid = indexrelid \
                 WHERE indrelid = pg_catalog.to_regclass($1) AND indisvalid"
            }
        }
    }

    /// A query that returns a row where tables cannot have triggers.
    pub(crate) fn lacks_triggers(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT '' WHERE false",
            Self::Postgres => "SELECT extname::text FROM pg_catalog.pg_extension WHERE extname = 'citus'",
        }
    }

    /// Statements that make the database raise a record's version when a change leaves it as it was.
    pub(crate) fn count_changes(self, table: &str, function: &str) -> Vec<String> {
        match self {
            Self::Sqlite => vec![format!(
                "CREATE TRIGGER {} AFTER UPDATE ON {table} WHEN NEW.version = OLD.version BEGIN \
                 UPDATE {table} SET version = OLD.version + 1, import_id = NULL, \
                 updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = NEW.id; END",
                quote(&format!("dray_{}_change", table.trim_matches('"')))
            )],
            Self::Postgres => vec![
                format!(
                    "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS \
                     'BEGIN NEW.version := OLD.version + 1; NEW.import_id := NULL; NEW.updated_at := now(); \
                     RETURN NEW; END'"
                ),
                format!(
                    "CREATE TRIGGER dray_change BEFORE UPDATE ON {table} FOR EACH ROW \
                     WHEN (NEW.version = OLD.version AND \
                     pg_catalog.current_setting('dray.versions_stay', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION {function}()"
                ),
            ],
        }
    }

    /// True where deleting a record also deletes its index entries at once, so that many deletions
    /// are faster without the indexes.
    pub(crate) fn deletes_from_indexes(self) -> bool {
        self == Self::Sqlite
    }

    // ── keys ────────────────────────────────────────────────────────────────────────────────────

    /// What two cells of a key column are compared by, and what its index is built on.
    pub(crate) fn key_expression(self, column: &Column) -> String {
        let name = quote(&column.name);
        match (self, column.value_type, column.caseless) {
            (Self::Sqlite, ValueType::Text, true) => format!("{name} COLLATE NOCASE"),
            (Self::Postgres, ValueType::Text, true) => format!("lower({name} COLLATE \"C\")"),
            (Self::Postgres, ValueType::Json, _) => format!("({name}::text COLLATE \"C\")"),
            _ => name,
        }
    }

    /// The key expression as an element of an index.
    pub(crate) fn index_element(self, column: &Column) -> String {
        match self {
            Self::Sqlite => self.key_expression(column),
            Self::Postgres => format!("({})", self.key_expression(column)),
        }
    }

    /// The condition that finds records by key: all keys at once, or one after the other.
    pub(crate) fn key_probe(self, column: &Column) -> String {
        let key = self.key_expression(column);
        match (self, column.value_type) {
            (Self::Sqlite, _) => format!("{key} = $1"),
            (Self::Postgres, ValueType::Integer) => format!("{key} = ANY($1::bigint[])"),
            (Self::Postgres, ValueType::Text | ValueType::Json) => format!("{key} = ANY($1::text[])"),
            (Self::Postgres, other) => {
                format!("{key} = ANY($1::text[]::{}[])", self.column_type(other, false))
            }
        }
    }

    // ── comparing ───────────────────────────────────────────────────────────────────────────────

    /// What cells are ordered by: numbers as numbers, times as times, text byte by byte.
    pub(crate) fn ordered(self, column: &Column) -> String {
        let name = quote(&column.name);
        match (self, column.value_type) {
            (Self::Sqlite, ValueType::Text) if column.caseless => format!("{name} COLLATE NOCASE"),
            (Self::Sqlite, ValueType::Decimal) => format!("dray_decimal({name})"),
            // `…59Z` would sort after `…59.5Z`.
            (Self::Sqlite, ValueType::DateTime) => format!("rtrim({name}, 'Z')"),
            (Self::Postgres, ValueType::Text) if column.caseless => format!("lower({name} COLLATE \"C\")"),
            (Self::Postgres, ValueType::Text) => format!("({name} COLLATE \"C\")"),
            (Self::Postgres, ValueType::Json) => format!("({name}::text COLLATE \"C\")"),
            _ => name,
        }
    }

    /// The parameter `$number` as a value that compares with [`Dialect::ordered`].
    pub(crate) fn ordered_parameter(self, number: usize, value_type: ValueType) -> String {
        match (self, value_type) {
            (Self::Sqlite, ValueType::Decimal) => format!("dray_decimal(${number})"),
            (Self::Sqlite, ValueType::DateTime) => format!("rtrim(${number}, 'Z')"),
            (Self::Sqlite, _) => format!("${number}"),
            (Self::Postgres, ValueType::Integer) => format!("${number}::bigint"),
            (Self::Postgres, ValueType::Boolean) => format!("${number}::boolean"),
            (Self::Postgres, ValueType::Text | ValueType::Json) => format!("${number}::text"),
            (Self::Postgres, other) => format!("${number}::text::{}", self.column_type(other, false)),
        }
    }

    /// The condition that [`Dialect::ordered`] is one of the list in the parameter `$number`.
    pub(crate) fn in_list(self, ordered: &str, number: usize, value_type: ValueType) -> String {
        match (self, value_type) {
            (Self::Sqlite, ValueType::Decimal) => {
                format!("{ordered} IN (SELECT dray_decimal(value) FROM json_each(${number}))")
            }
            (Self::Sqlite, ValueType::DateTime) => {
                format!("{ordered} IN (SELECT rtrim(value, 'Z') FROM json_each(${number}))")
            }
            (Self::Sqlite, _) => format!("{ordered} IN (SELECT value FROM json_each(${number}))"),
            (Self::Postgres, ValueType::Text | ValueType::Json) => {
                format!("{ordered} = ANY(${number}::text[])")
            }
            (Self::Postgres, other) => {
                format!("{ordered} = ANY(${number}::text[]::{}[])", self.column_type(other, false))
            }
        }
    }

    /// True where lists travel as JSON text and not as arrays.
    pub(crate) fn lists_are_json(self) -> bool {
        self == Self::Sqlite
    }

    /// What follows a query for rows to be changed, so that it steps past those that another session has.
    pub(crate) fn skip_locked(self) -> &'static str {
        match self {
            // One session writes at a time.
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    // ── text ────────────────────────────────────────────────────────────────────────────────────

    /// The canonical text of a cell.
    pub(crate) fn canonical_text(self, column: &Column, scale: Option<u32>) -> String {
        let name = quote(&column.name);
        match (self, column.value_type) {
            (Self::Sqlite, ValueType::Integer) => format!("CAST({name} AS TEXT)"),
            (Self::Sqlite, ValueType::Boolean) => format!("CASE {name} WHEN 0 THEN 'false' ELSE 'true' END"),
            (Self::Sqlite, ValueType::Decimal) => {
                format!("dray_decimal_text({name}, {})", scale.unwrap_or(0))
            }
            (Self::Sqlite, _) | (Self::Postgres, ValueType::Text) => name,
            (Self::Postgres, ValueType::DateTime) => format!(
                "(rtrim(rtrim(to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '0'), '.') || 'Z')"
            ),
            (Self::Postgres, ValueType::Decimal) => {
                // Trailing zeros beyond the scale are not part of the canonical text.
                format!(
                    "(CASE WHEN scale({name}) > {0} THEN trim_scale({name})::text ELSE {name}::text END)",
                    scale.unwrap_or(0)
                )
            }
            (Self::Postgres, _) => format!("{name}::text"),
        }
    }

    /// Compares a text expression with the parameter `$number`, whose letters are lower-case already
    /// where `ignore_case`. Only ASCII letters lose their case, so that both databases agree.
    pub(crate) fn matches(self, text: &str, how: TextMatch, number: usize, ignore_case: bool) -> String {
        let text = match (self, ignore_case) {
            (_, false) => text.to_owned(),
            (Self::Sqlite, true) => format!("lower({text})"),
            (Self::Postgres, true) => format!("lower({text} COLLATE \"C\")"),
        };
        match (self, how) {
            (Self::Sqlite, TextMatch::Equal) => format!("{text} = ${number}"),
            (Self::Sqlite, TextMatch::Contains) => format!("instr({text}, ${number}) > 0"),
            (Self::Sqlite, TextMatch::StartsWith) => {
                format!("substr({text}, 1, length(${number})) = ${number}")
            }
            (Self::Sqlite, TextMatch::EndsWith) => format!("substr({text}, -length(${number})) = ${number}"),
            (Self::Postgres, TextMatch::Equal) => format!("{text} = ${number}::text"),
            (Self::Postgres, TextMatch::Contains) => format!("strpos({text}, ${number}::text) > 0"),
            (Self::Postgres, TextMatch::StartsWith) => format!("starts_with({text}, ${number}::text)"),
            (Self::Postgres, TextMatch::EndsWith) => {
                format!("right({text}, length(${number}::text)) = ${number}::text")
            }
        }
    }

    /// The name under which [`Dialect::any_item`] knows the text of an item.
    pub(crate) const ITEM: &'static str = "item.value";

    /// The condition that at least one item of a list column (JSON) satisfies `condition`, which
    /// speaks of [`Dialect::ITEM`]. A cell that is no list has no items.
    pub(crate) fn any_item(self, column: &Column, condition: &str) -> String {
        let name = quote(&column.name);
        match self {
            Self::Sqlite => format!(
                "EXISTS (SELECT 1 FROM (SELECT CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
                 ELSE CAST(value AS TEXT) END AS value FROM json_each(CASE WHEN json_valid({name}) THEN \
                 CASE WHEN json_type({name}) = 'array' THEN {name} ELSE '[]' END ELSE '[]' END)) AS item \
                 WHERE {condition})"
            ),
            Self::Postgres => format!(
                "EXISTS (SELECT 1 FROM json_array_elements_text(CASE json_typeof({name}) WHEN 'array' \
                 THEN {name} ELSE '[]'::json END) AS item(value) WHERE {condition})"
            ),
        }
    }
}
