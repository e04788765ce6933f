//! Looking for the few bytes that mean something in XML; most texts hold none of them.

/// Bytes that are looked at in one step.
const STEP: usize = 16;

/// The place of the first byte from `from` on that is wanted; the end when there is none.
///
/// `wanted` has to be free of branches, so that the compiler makes vector code of it.
#[inline]
pub fn position(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool + Copy) -> usize {
    let mut at = from;
    while let Some(step) = chunk(bytes, at) {
        if any(step, wanted) {
            return first(bytes, at, wanted);
        }
        at += STEP;
    }
    // What is left is looked at in one step too, so that the usual text is never looked at byte by byte.
    let rest = bytes.get(from..).unwrap_or_default();
    if ending(rest).is_some_and(|ending| !any(&ending, wanted)) {
        return bytes.len();
    }
    first(bytes, at, wanted)
}

#[inline]
fn chunk(bytes: &[u8], at: usize) -> Option<&[u8; STEP]> {
    bytes.get(at..)?.first_chunk()
}

#[inline]
fn first(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while bytes.get(at).is_some_and(|&byte| !wanted(byte)) {
        at += 1;
    }
    at
}

#[inline]
fn any(step: &[u8; STEP], wanted: impl Fn(u8) -> bool) -> bool {
    step.iter().fold(false, |any, &byte| any | wanted(byte))
}

/// The last bytes of a text, some of them twice where it is shorter than a step; none where it is not worth a step.
#[inline]
fn ending(bytes: &[u8]) -> Option<[u8; STEP]> {
    if let Some(step) = bytes.last_chunk() {
        return Some(*step);
    }
    let (first, last) = (bytes.first_chunk()?, bytes.last_chunk()?);
    let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    Some((u128::from(first) | u128::from(last) << 64).to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wanted_byte_is_found_wherever_it_lies() {
        for length in 0..70 {
            let mut bytes = vec![b'x'; length];
            for from in 0..=length {
                assert_eq!(position(&bytes, from, |byte| byte == b'<'), length);
            }
            for at in 0..length {
                bytes[at] = b'<';
                for from in 0..=length {
                    let want = if from <= at { at } else { length };
                    assert_eq!(position(&bytes, from, |byte| byte == b'<'), want, "{length} {at} {from}");
                }
                bytes[at] = b'x';
            }
        }
        assert_eq!(position(b"abc", 7, |_| true), 7);
    }
}
