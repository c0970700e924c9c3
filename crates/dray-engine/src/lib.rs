//! What happens to rows: mapping, checks, matching, plan, ledger, undo; no I/O of its own.
