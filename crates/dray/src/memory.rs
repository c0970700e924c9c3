//! One allocator for everything, which gives memory back at once, in small pages: batches are made on one thread
//! and dropped on another, and what an allocator would keep for later grows to twice what is in use. SQLite, whose
//! caches are the largest thing of all, would else keep its memory in the C library.

use std::ffi::{c_int, c_void};

use libmimalloc_sys::{
    mi_collect, mi_free, mi_good_size, mi_malloc, mi_option_set, mi_realloc, mi_usable_size,
};
use rusqlite::ffi;

/// mimalloc's number for the milliseconds it keeps freed memory (`mi_option_purge_delay`).
const PURGE_DELAY: i32 = 15;

/// Begins to give freed memory back at once, SQLite's too. Called first, by the only thread there is.
#[allow(unsafe_code, reason = "allocators can only be set up through their C interfaces")]
pub fn give_back_at_once() {
    // SAFETY: the call writes one option of the allocator; it may be made at any time from any thread.
    unsafe { mi_option_set(PURGE_DELAY, 0) }
    let methods = ffi::sqlite3_mem_methods {
        xMalloc: Some(allocate),
        xFree: Some(mi_free),
        xRealloc: Some(allocate_anew),
        xSize: Some(size),
        xRoundup: Some(round_up),
        xInit: Some(begin),
        xShutdown: Some(end),
        pAppData: std::ptr::null_mut(),
    };
    // SAFETY: SQLite has done nothing yet, and copies the methods. Where it refuses, it keeps its own.
    unsafe {
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, std::ptr::from_ref(&methods));
    }
}

/// Gives back what this thread freed and the allocator still holds for it: after a long piece of work, whose
/// thread may rest or do something else next.
#[allow(unsafe_code, reason = "the allocator collects only through its C interface")]
pub fn give_back_now() {
    // SAFETY: the call frees what nothing uses any more; it may be made at any time from any thread.
    unsafe { mi_collect(true) }
}

// SQLite counts bytes in numbers that may be negative, but never asks for a negative number of them.

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn allocate(bytes: c_int) -> *mut c_void {
    // SAFETY: any size may be asked for.
    unsafe { mi_malloc(usize::try_from(bytes).unwrap_or(0)) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn allocate_anew(place: *mut c_void, bytes: c_int) -> *mut c_void {
    // SAFETY: SQLite hands in what it got from here.
    unsafe { mi_realloc(place, usize::try_from(bytes).unwrap_or(0)) }
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn size(place: *mut c_void) -> c_int {
    // SAFETY: SQLite hands in what it got from here.
    let bytes = unsafe { mi_usable_size(place) };
    c_int::try_from(bytes).unwrap_or(c_int::MAX)
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn round_up(bytes: c_int) -> c_int {
    // SAFETY: it only calculates.
    let rounded = unsafe { mi_good_size(usize::try_from(bytes).unwrap_or(0)) };
    c_int::try_from(rounded).unwrap_or(c_int::MAX)
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn begin(_: *mut c_void) -> c_int {
    ffi::SQLITE_OK
}

#[allow(unsafe_code, reason = "called by SQLite")]
unsafe extern "C" fn end(_: *mut c_void) {}
