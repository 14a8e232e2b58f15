use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::key::{cut, is_invisible};

/// The most bytes of a name: with every byte percent-encoded, the header stays below 1 KiB.
const MAX_NAME_BYTES: usize = 255;

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
/// exact one in UTF-8 (RFC 8187). The result is printable ASCII and at most 1,100 bytes, whatever
/// the name. `attachment`, so that an uploaded HTML page never runs as a page of the bucket's origin.
///
/// <https://www.rfc-editor.org/rfc/rfc6266#appendix-D>
#[must_use]
pub fn content_disposition(file_name: &str) -> String {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|c| !is_invisible(*c)).collect();
    let name = match visible.trim() {
        "" => "file",
        name => name,
    };
    let name = cut(name, MAX_NAME_BYTES);
    let plain: String = name.chars().map(plain_char).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ESCAPED))
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

    proptest! {
        #[test]
        fn any_name_gives_one_short_printable_header(name in any::<String>()) {
            let header = content_disposition(&name);
            prop_assert!(header.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert!(header.len() <= 1_100);
            prop_assert_eq!(header.matches('"').count(), 2);
        }
    }
}
