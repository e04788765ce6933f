//! Looking for the few bytes that mean something in XML; most texts hold none of them.

/// Bytes that are looked at in one step.
const STEP: usize = 16;

/// What a step is filled up with; nobody looks for letters.
const FILLER: u8 = b'x';

/// The place of the first byte from `from` on that is wanted; the end when there is none.
///
/// `wanted` has to be free of branches, so that the compiler makes vector code of it, and may not want letters.
#[inline]
pub fn position(bytes: &[u8], from: usize, wanted: impl Fn(u8) -> bool + Copy) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (steps, tail) = rest.as_chunks::<STEP>();
    let mut skipped = steps.iter().take_while(|step| !any(step, wanted)).count() * STEP;
    // A tail is looked at in one step too, so that the usual text is never looked at byte by byte.
    if skipped + tail.len() == rest.len() && !any(&filled_up(rest, tail), wanted) {
        skipped = rest.len();
    }
    from + skipped + rest[skipped..].iter().take_while(|&&byte| !wanted(byte)).count()
}

#[inline]
fn any(step: &[u8; STEP], wanted: impl Fn(u8) -> bool) -> bool {
    step.iter().fold(false, |any, &byte| any | wanted(byte))
}

/// A step that holds the tail, with bytes in front of it that were seen already, or else with filler behind it.
#[inline]
fn filled_up(bytes: &[u8], tail: &[u8]) -> [u8; STEP] {
    bytes.last_chunk().copied().unwrap_or_else(|| {
        let mut step = [FILLER; STEP];
        step[..tail.len()].copy_from_slice(tail);
        step
    })
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
