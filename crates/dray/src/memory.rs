//! The allocator gives memory back at once, in small pages: batches are made on one thread and dropped
//! on another, and what the allocator would keep for later grows to twice what is in use.

/// mimalloc's number for the milliseconds it keeps freed memory (`mi_option_purge_delay`).
const PURGE_DELAY: i32 = 15;

/// Begins to give freed memory back at once.
#[allow(unsafe_code, reason = "the allocator's options can only be set through its C interface")]
pub fn give_back_at_once() {
    // SAFETY: the call writes one option of the allocator; it may be made at any time from any thread.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) }
}

/// Gives back what this thread freed and the allocator still holds for it: after a long piece of work, whose
/// thread may rest or do something else next.
#[allow(unsafe_code, reason = "the allocator collects only through its C interface")]
pub fn give_back_now() {
    // SAFETY: the call frees what nothing uses any more; it may be made at any time from any thread.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
