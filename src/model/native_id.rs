//! The text of a native content id, written and read without the general CID machinery.
//!
//! Every hit of every answer has one, and the general encoder allocates three times for it. All native ids have the
//! same 59 characters' form: multibase `b`, then 36 bytes in base32, of which the first four never differ.

/// The multicodec of raw bytes.
pub const RAW: u64 = 0x55;
/// The multihash code of BLAKE3.
pub const BLAKE3: u64 = 0x1e;

/// Characters of every native id.
pub const LENGTH: usize = 59;
/// What the bytes of every native id begin with: CIDv1, raw, BLAKE3, 32 bytes.
const PREFIX: [u8; 4] = [1, RAW as u8, BLAKE3 as u8, 32];
/// The digits of base32 as multibase `b` has it.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// What each byte is worth as a digit; [`NO_DIGIT`] for those that are none.
const WORTH: [u8; 256] = worth();
const NO_DIGIT: u8 = 0x80;
/// Bytes that eight digits of five bits hold.
const BLOCK: usize = 5;

const fn worth() -> [u8; 256] {
    let mut worth = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < DIGITS.len() {
        worth[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    worth
}

/// The text of the id with that hash.
pub fn text(hash: &[u8; 32]) -> [u8; LENGTH] {
    let mut cid = [0; 8 * BLOCK];
    cid[..4].copy_from_slice(&PREFIX);
    cid[4..36].copy_from_slice(hash);
    let mut written = [0; 64];
    for (block, eight) in cid.as_chunks::<BLOCK>().0.iter().zip(written.as_chunks_mut::<8>().0) {
        *eight = digits(*block);
    }
    let mut text = [b'b'; LENGTH];
    text[1..].copy_from_slice(&written[..LENGTH - 1]);
    text
}

/// The eight digits of five bytes, all put in their places and written at once, each in a byte of one number.
#[inline]
fn digits(block: [u8; BLOCK]) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let bits = u64::from_be_bytes([0, 0, 0, block[0], block[1], block[2], block[3], block[4]]);
    // The first digits go to the lowest bytes: halves of 20 bits, quarters of 10, then digits of 5.
    let halves = bits >> 20 | (bits & 0xF_FFFF) << 32;
    let quarters = halves >> 10 & 0x0000_03FF_0000_03FF | (halves & 0x0000_03FF_0000_03FF) << 16;
    let fifths = quarters >> 5 & 0x001F_001F_001F_001F | (quarters & 0x001F_001F_001F_001F) << 8;
    // The highest bit of each byte from the 26th digit on, where the letters end.
    let figures = (fifths + ONES * (0x80 - 26)) >> 7 & ONES;
    (fifths + ONES * u64::from(b'a') - figures * u64::from(b'a' + 26 - b'2')).to_le_bytes()
}

/// The hash in the text of a native id; none for every other text, native ids in other bases included.
pub fn hash(text: &str) -> Option<[u8; 32]> {
    let text: &[u8; LENGTH] = text.as_bytes().try_into().ok()?;
    let mut digits = [DIGITS[0]; 64];
    digits[..LENGTH - 1].copy_from_slice(&text[1..]);
    let (mut cid, mut seen) = ([0; 8 * BLOCK], 0);
    for (block, digits) in cid.as_chunks_mut::<BLOCK>().0.iter_mut().zip(digits.as_chunks::<8>().0) {
        let mut bits = 0_u64;
        for digit in digits {
            let worth = WORTH[usize::from(*digit)];
            seen |= worth;
            bits = bits << 5 | u64::from(worth & 31);
        }
        block.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    // Bits behind the last byte are zero in the only form that is ever written.
    let is_native = text[0] == b'b' && seen & NO_DIGIT == 0 && cid[..4] == PREFIX && cid[36..] == [0; 4];
    is_native.then(|| cid[4..36].try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use cid::Cid;

    use super::*;

    #[test]
    fn native_ids_are_written_and_read_as_the_cid_crate_does() {
        for seed in 0..100_u8 {
            let native = blake3::hash(&[seed]);
            let multihash = multihash::Multihash::<64>::wrap(BLAKE3, native.as_bytes()).unwrap();
            let known = Cid::new_v1(RAW, multihash).to_string();
            assert_eq!(text(native.as_bytes()), known.as_bytes());
            assert_eq!(hash(&known), Some(*native.as_bytes()));
        }
    }

    #[test]
    fn what_is_no_native_id_is_not_read_as_one() {
        let known = String::from_utf8(text(&[0xFF; 32]).to_vec()).unwrap();
        for at in 0..LENGTH {
            for stranger in ['1', 'A', '=', ' '] {
                let mut other = known.clone();
                other.replace_range(at..=at, &stranger.to_string());
                assert_eq!(hash(&other), None, "{other}");
            }
        }
        for other in [
            &known[..58],
            &format!("{known}a"),
            &known.replacen("bafkr4i", "bafkrei", 1),
            &format!("{}h", &known[..58]),
        ] {
            assert_eq!(hash(other), None, "{other}");
        }
    }
}
