/// Files that Windows and macOS write into the folders that a person opens: sizes of windows, icons and thumbnails.
const NAMES: [&str; 7] =
    [".DS_Store", ".localized", "Icon\r", "Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"];

/// What the name of an `AppleDouble` file begins with. On drives of other systems macOS keeps there what it knows of a file
/// besides its bytes: `._a.jpg` beside `a.jpg`.
const APPLE_DOUBLE: &str = "._";

/// Whether an operating system keeps the file at this path below a folder for itself. `exists` tells which other paths there
/// are. A file outside folders was chosen by its name, and is none.
pub(super) fn is_system_file(path: &str, exists: &dyn Fn(&str) -> bool) -> bool {
    // By bytes: a search for text from its end is larger than all of this.
    let slash = path.bytes().rposition(|byte| byte == b'/');
    let Some((folder, name)) = slash.and_then(|slash| path.split_at_checked(slash + 1)) else { return false };
    match name.strip_prefix(APPLE_DOUBLE) {
        Some(name) => exists(&format!("{folder}{name}")),
        // Windows and macOS don't tell large letters from small ones.
        None => NAMES.iter().any(|system| system.eq_ignore_ascii_case(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_left_out(path: &str) -> bool {
        is_system_file(path, &|path| path == "album/a.jpg")
    }

    #[test]
    fn what_an_operating_system_keeps_in_a_folder_is_left_out() {
        for path in
            ["album/.DS_Store", "album/summer/Thumbs.db", "album/THUMBS.DB", "album/Desktop.ini", "album/Icon\r"]
        {
            assert!(is_left_out(path), "{path}");
        }
    }

    #[test]
    fn every_other_file_of_a_folder_is_not_left_out() {
        for path in ["album/a.jpg", "album/.htaccess", "album/Thumbs.db.txt", "album/Icon", "Thumbs.db/a.jpg"] {
            assert!(!is_left_out(path), "{path}");
        }
    }

    #[test]
    fn a_system_file_that_was_chosen_by_itself_is_a_file_like_any_other() {
        assert!(!is_left_out(".DS_Store"));
        assert!(!is_left_out("desktop.ini"));
    }

    #[test]
    fn an_apple_double_file_is_left_out_only_beside_the_file_that_it_is_about() {
        assert!(is_left_out("album/._a.jpg"));
        assert!(!is_left_out("album/._b.jpg"), "there is no such file");
        assert!(!is_left_out("album/summer/._a.jpg"), "the file is in another folder");
    }
}
