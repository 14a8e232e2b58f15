/// The length of a [`random_id`].
pub(super) const ID_BYTES: usize = 26;

/// 128 random bits as 26 letters and digits that look the same in URLs, file systems and to a
/// reader: lower-case base 32 (RFC 4648).
pub(super) fn random_id() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = u128::from_le_bytes(random_bytes());
    (0..ID_BYTES).map(|index| char::from(ALPHABET[(bits >> (5 * index)) as usize % 32])).collect()
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
        assert!(one.len() == ID_BYTES && one.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert_ne!(one, other);
    }
}
