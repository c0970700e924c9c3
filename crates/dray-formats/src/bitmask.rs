//! Finds the bytes that matter in many bytes at once. The only module of the crate with `unsafe`, and
//! only to call instructions that every x86-64 processor has.

/// The four bytes a CSV scanner stops at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needles {
    delimiter: u8,
}

impl Needles {
    /// The delimiter, the quote, LF and CR.
    pub(crate) fn new(delimiter: u8) -> Self {
        Self { delimiter }
    }

    /// A bit for each of the 64 bytes that is one of the four; the lowest bit is the first byte.
    #[inline]
    pub(crate) fn find(self, block: &[u8; 64]) -> u64 {
        #[cfg(target_arch = "x86_64")]
        {
            #[allow(
                unsafe_code,
                reason = "SSE2 belongs to the x86-64 baseline, so the call is always allowed"
            )]
            unsafe {
                self.find_sse2(block)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        self.find_portable(block)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "sse2")]
    fn find_sse2(self, block: &[u8; 64]) -> u64 {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
        let delimiter = _mm_set1_epi8(self.delimiter.cast_signed());
        let quote = _mm_set1_epi8(b'"'.cast_signed());
        let line_feed = _mm_set1_epi8(b'\n'.cast_signed());
        let carriage_return = _mm_set1_epi8(b'\r'.cast_signed());
        let mut mask = 0;
        for (index, quarter) in block.as_chunks::<16>().0.iter().enumerate() {
            let bytes = load(quarter);
            let cell_end = _mm_or_si128(_mm_cmpeq_epi8(bytes, delimiter), _mm_cmpeq_epi8(bytes, quote));
            let line_end =
                _mm_or_si128(_mm_cmpeq_epi8(bytes, line_feed), _mm_cmpeq_epi8(bytes, carriage_return));
            let found = _mm_movemask_epi8(_mm_or_si128(cell_end, line_end));
            mask |= u64::from(found.cast_unsigned()) << (index * 16);
        }
        mask
    }

    /// The same without special instructions.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    fn find_portable(self, block: &[u8; 64]) -> u64 {
        let mut mask = 0;
        for (index, &byte) in block.iter().enumerate() {
            let matters = byte == self.delimiter || matches!(byte, b'"' | b'\n' | b'\r');
            mask |= u64::from(matters) << index;
        }
        mask
    }
}

/// A bit for each of the 16 bytes that ends or interrupts a JSON string: a quote, a backslash or a
/// control character. The lowest bit is the first byte.
#[inline]
pub(crate) fn find_string_specials(block: &[u8; 16]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    {
        #[allow(unsafe_code, reason = "SSE2 belongs to the x86-64 baseline, so the call is always allowed")]
        unsafe {
            find_string_specials_sse2(block)
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    find_string_specials_portable(block)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn find_string_specials_sse2(block: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
    let bytes = load(block);
    let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
    let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
    let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash))).cast_unsigned()
}

/// The same without special instructions.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn find_string_specials_portable(block: &[u8; 16]) -> u32 {
    let mut mask = 0;
    for (index, &byte) in block.iter().enumerate() {
        mask |= u32::from(byte == b'"' || byte == b'\\' || byte < 0x20) << index;
    }
    mask
}

/// Sixteen bytes in a register. Written with integers because a load from memory would be `unsafe`;
/// the compiler makes one load of it.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn load(block: &[u8; 16]) -> std::arch::x86_64::__m128i {
    let word = |half: Option<&[u8; 8]>| half.map_or(0, |half| i64::from_le_bytes(*half));
    std::arch::x86_64::_mm_set_epi64x(word(block.last_chunk()), word(block.first_chunk()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_same_bytes() {
        let needles = Needles::new(b';');
        for seed in 0..2000_u64 {
            let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) + 1;
            let block: [u8; 64] = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let byte = (state >> 56) as u8;
                if byte < 80 { b"\";\n\r\\\x1F\x20\x8D"[usize::from(byte % 8)] } else { byte }
            });
            assert_eq!(needles.find(&block), needles.find_portable(&block));
            for quarter in block.as_chunks::<16>().0 {
                assert_eq!(find_string_specials(quarter), find_string_specials_portable(quarter));
            }
        }
    }
}
