/// The length of a [`random_id`].
pub(super) const ID_BYTES: usize = 26;

/// 128 random bits as 26 letters and digits that look the same in URLs, file systems and to a
/// reader: lower-case base 32 (RFC 4648).
pub(super) fn random_id() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = u128::from_le_bytes(random_bytes());
    (0..ID_BYTES).map(|index| char::from(ALPHABET[(bits >> (5 * index)) as usize % 32])).collect()
}

/// Whether this may have come from [`random_id`].
pub(super) fn is_random_id(text: &str) -> bool {
    text.len() == ID_BYTES && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

/// Bytes nobody can guess.
pub(super) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system's random source does not fail once the system has booted");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_26_url_safe_characters_and_differ() {
        let (one, other) = (random_id(), random_id());
        assert!(is_random_id(&one) && is_random_id(&other));
        assert_ne!(one, other);
        for text in ["", &one[1..], &one.to_uppercase(), &one.replace(|_| true, "1")] {
            assert!(!is_random_id(text), "{text}");
        }
    }
}
