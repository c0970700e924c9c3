//! Bytes to batches of rows and back: CSV, JSON, JSONL; no network, no database.
