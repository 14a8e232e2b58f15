use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::key::cut;

/// The most bytes of a name: with every byte percent-encoded, and the plain form besides, the header stays below the
/// 2 KiB that S3 stores of all such headers. No file system but those that count UTF-16 has longer names.
const MAX_NAME_BYTES: usize = 400;

/// The most characters of the plain form.
const MAX_PLAIN: usize = 255;

/// All but `attr-char` of RFC 8187.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The `Content-Disposition` that downloads an object under the name its file had.
///
/// Two forms, as RFC 6266 advises: a plain one with `_` for whatever is not simple ASCII, and the
/// exact one in UTF-8 (RFC 8187): the file's name but for folders, control characters and what turns the reading direction
/// round. The result is printable ASCII and at most 1,520 bytes, whatever the name. `attachment`, so that an uploaded HTML
/// page never runs as a page of the bucket's origin.
///
/// <https://www.rfc-editor.org/rfc/rfc6266#appendix-D>
#[must_use]
pub fn content_disposition(file_name: &str) -> String {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe: String = last.chars().filter(|c| !is_deceptive(*c)).collect();
    let name = match safe.as_str() {
        name if name.trim().is_empty() => "file",
        name => name,
    };
    let name = cut(name, MAX_NAME_BYTES);
    let plain: String = cut(&name, MAX_PLAIN).chars().map(plain_char).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ESCAPED))
}

/// Control characters, and the explicit directional formatting characters (embeddings, overrides, isolates): what follows
/// them shows in another order than it has, so that `exe.gpj` could pose as a picture. All else is part of a name: joiners
/// and non-joiners in Persian and in emoji, variation selectors, the tags of flags, and the marks (U+200E, U+200F, U+061C)
/// that show a full stop between Hebrew and Latin letters where it belongs, and turn nothing round.
///
/// <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>
fn is_deceptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `%` goes too, for some browsers decode `%41` inside the plain form; and `$`, for S3 replaces `${filename}`.
fn plain_char(c: char) -> char {
    match c {
        '"' | '%' | ';' | '$' => '_',
        ' '..='~' => c,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_name_stands_in_both_forms() {
        assert_eq!(
            content_disposition("annual report.pdf"),
            "attachment; filename=\"annual report.pdf\"; filename*=UTF-8''annual%20report.pdf"
        );
    }

    #[test]
    fn the_exact_name_survives_in_utf8() {
        assert_eq!(
            content_disposition("€ 100%.txt"),
            "attachment; filename=\"_ 100_.txt\"; filename*=UTF-8''%E2%82%AC%20100%25.txt"
        );
    }

    #[test]
    fn a_name_can_not_end_the_header_or_add_one() {
        let header = content_disposition("a\"; filename=evil.exe\r\nSet-Cookie: x=y");
        assert_eq!(
            header,
            "attachment; filename=\"a__ filename=evil.exeSet-Cookie: x=y\"; \
             filename*=UTF-8''a%22%3B%20filename%3Devil.exeSet-Cookie%3A%20x%3Dy"
        );
    }

    /// The name that a browser reads in a header.
    fn exact(header: &str) -> String {
        let (_, encoded) = header.split_once("; filename*=UTF-8''").unwrap();
        percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap().into_owned()
    }

    #[test]
    fn a_name_keeps_every_character_that_its_language_or_its_emoji_need() {
        for name in [
            "می\u{200c}خواهم.txt",
            "क्\u{200d}ष.txt",
            "👨\u{200d}👩\u{200d}👧.png",
            "❤\u{fe0f}.png",
            "葛\u{e0100}.txt",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}.svg",
            "\u{200e}report\u{200f}, \u{61c}سند.pdf",
            "soft\u{ad}hyphen\u{2060}.txt",
            " two  spaces .txt",
        ] {
            assert_eq!(exact(&content_disposition(name)), name);
        }
    }

    #[test]
    fn nothing_in_a_name_turns_its_end_round_or_leaves_its_folder() {
        for (name, safe) in [
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("\u{202a}\u{202b}\u{202c}\u{202d}a\u{2066}\u{2067}\u{2068}\u{2069}.txt", "a.txt"),
            ("a\0b\u{7f}\u{85}\t.txt", "ab.txt"),
            ("..\\..\\a/b.txt", "b.txt"),
            ("\u{202e}", "file"),
            ("  ", "file"),
        ] {
            assert_eq!(exact(&content_disposition(name)), safe);
        }
    }

    #[test]
    fn a_name_of_130_chinese_characters_is_not_cut_and_a_longer_one_keeps_its_extension() {
        let name = "名".repeat(130) + ".jpeg";
        assert_eq!(exact(&content_disposition(&name)), name);
        assert!(exact(&content_disposition(&("名".repeat(255) + ".jpeg"))).ends_with("名.jpeg"));
    }

    proptest! {
        #[test]
        fn any_name_gives_one_short_printable_header(name in any::<String>()) {
            let header = content_disposition(&name);
            prop_assert!(header.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert!(header.len() <= 1_520);
            prop_assert_eq!(header.matches('"').count(), 2);
        }

        #[test]
        fn a_name_without_controls_and_folders_comes_back_as_it_is(name in "[^\\pC/\\\\]{0,60}[a-z]{1,5}") {
            prop_assert_eq!(exact(&content_disposition(&name)), name);
        }
    }
}
