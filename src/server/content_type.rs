use crate::s3::FileInfo;

/// The longest type that is still taken for one.
const MAX_BYTES: usize = 255;

const DEFAULT: &str = "application/octet-stream";

/// The MIME type that a file is stored as, and that limits go by: what the browser says where that is one. Browsers say
/// nothing of a `.heic` or `.md`, and some programs say what is no type; then the name's extension decides, else it is
/// `application/octet-stream`.
///
/// It becomes a header and a form field, so it is printable ASCII.
pub(super) fn content_type(file: &FileInfo) -> &str {
    let said = file.content_type.trim_ascii();
    let essence = said.split(';').next().unwrap_or_default().trim_ascii_end();
    if !is_type(essence) {
        return mime_guess::from_path(&file.name).first_raw().unwrap_or(DEFAULT);
    }
    // A signature covers a header without double spaces.
    let is_header = said.len() <= MAX_BYTES && said.bytes().all(|b| (b' '..=b'~').contains(&b)) && !said.contains("  ");
    if is_header { said } else { essence }
}

/// `type/subtype`.
fn is_type(essence: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    essence.len() <= MAX_BYTES
        && essence.split_once('/').is_some_and(|(family, subtype)| is_token(family) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(name: &str, said: &str) -> String {
        let file = FileInfo { name: name.into(), content_type: said.into(), ..FileInfo::default() };
        content_type(&file).to_owned()
    }

    #[test]
    fn a_type_that_the_browser_says_is_kept_with_its_parameters() {
        for said in ["text/plain; charset=utf-8", "image/svg+xml", "Video/WebM;codecs=\"vp9,opus\"", "foo/bar"] {
            assert_eq!(stored("a.png", said), said);
        }
        assert_eq!(stored("a.png", " text/plain "), "text/plain");
        assert_eq!(stored("a.png", "text/plain;  charset=utf-8"), "text/plain", "a parameter that no signature covers");
        assert_eq!(stored("a.png", "text/plain; title=\"é\""), "text/plain");
    }

    #[test]
    fn a_file_without_a_type_has_its_extensions() {
        assert_eq!(stored("IMG_1.heic", ""), "image/heic");
        assert_eq!(stored("IMG_1.HEIC", ""), "image/heic");
        assert_eq!(stored("note.md", ""), "text/markdown");
        for name in ["note", "", ".md", "a.unheard-of", "md"] {
            assert_eq!(stored(name, ""), DEFAULT, "{name}");
        }
    }

    #[test]
    fn what_is_no_type_counts_as_none() {
        let long = format!("text/{}", "x".repeat(MAX_BYTES));
        for said in ["foo", "a/b c", "text/", "/plain", "a/b/c", "text/plain\r\nx: y", "téxt/plain", &long] {
            assert_eq!(stored("a", said), DEFAULT, "{said}");
            assert_eq!(stored("a.pdf", said), "application/pdf", "{said}");
        }
    }
}
