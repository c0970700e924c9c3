//! Texts in all encodings.
