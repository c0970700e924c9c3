//! Packed bytes and foreign encodings become UTF-8 text.
