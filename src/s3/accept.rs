use super::FileInfo;

/// Whether a file is what one entry of an input's `accept` asks for: an ending (`.pdf`), a type (`application/pdf`), or
/// a type with any subtype (`image/*`). A file without a type counts as what it is stored as.
///
/// <https://html.spec.whatwg.org/multipage/input.html#attr-input-accept>
#[must_use]
pub fn is_accepted(accept: &str, file: &FileInfo) -> bool {
    let accept = accept.trim_ascii().to_ascii_lowercase();
    if accept.starts_with('.') {
        return file.name.to_ascii_lowercase().ends_with(&accept);
    }
    let content_type = file.content_type_or_default().split(';').next().unwrap_or_default().trim_ascii();
    let content_type = content_type.to_ascii_lowercase();
    match accept.strip_suffix('*') {
        Some("*/") => true,
        Some(family) => family.ends_with('/') && content_type.starts_with(family),
        None => content_type == accept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(accept: &str, name: &str, content_type: &str) -> bool {
        is_accepted(accept, &FileInfo { name: name.into(), content_type: content_type.into(), ..FileInfo::default() })
    }

    #[test]
    fn types_match_as_in_an_accept_attribute() {
        assert!(accepts("image/*", "a", "image/PNG"));
        assert!(!accepts("image/*", "a.png", "imagery/png"));
        assert!(!accepts("image*", "a.png", "image/png"));
        assert!(accepts("Application/PDF", "a", "application/pdf"));
        assert!(!accepts("application/pdf", "a.pdf", ""));
        assert!(accepts("text/plain", "a", "text/plain; charset=utf-8"));
        assert!(accepts("*/*", "a", ""));
        assert!(accepts("application/octet-stream", "a", ""));
    }

    #[test]
    fn endings_match_the_end_of_the_name_in_any_case() {
        assert!(accepts(" .JPG ", "holiday.jpg", ""));
        assert!(accepts(".tar.gz", "Backup.TAR.GZ", "application/gzip"));
        assert!(!accepts(".jpg", "jpg", "image/jpeg"));
    }
}
