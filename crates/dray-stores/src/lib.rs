//! Where records rest: SQLite and PostgreSQL behind one trait.
