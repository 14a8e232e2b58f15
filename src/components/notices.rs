use leptos::prelude::*;

use super::{button, flag, text};
use crate::Uploader;
use crate::uploader::Unopened;

/// The most items that are named.
const MAX_NAMED: usize = 20;

/// What was dropped or picked and is not in the list: what could not be opened and why, and how many system files were
/// left out.
///
/// No component: each of these costs code of its own.
pub(super) fn notices(uploader: Uploader) -> impl IntoView {
    let not_added = uploader.not_added();
    let has_no_unopened = flag(move || not_added.read().unopened.is_empty());
    let has_no_system_files = flag(move || not_added.read().system_files == 0);
    let dismiss = text(|| "Dismiss".into());
    view! {
        <div class="notices" hidden=flag(move || has_no_unopened.get() && has_no_system_files.get())>
            <p class="error" role="alert" hidden=has_no_unopened>
                {text(move || not_opened(&not_added.read().unopened))}
            </p>
            <p class="facts" role="status" hidden=has_no_system_files>
                {text(move || left_out(not_added.read().system_files))}
            </p>
            <div class="actions">
                {button(dismiss, dismiss, flag(|| false), Box::new(move || uploader.forget_not_added()))}
            </div>
        </div>
    }
}

/// A line that says how many there are, and one for each.
fn not_opened(unopened: &[Unopened]) -> String {
    let mut lines = vec![match unopened.len() {
        0 => return String::new(),
        1 => "1 item could not be opened and is not uploaded. Please add it again:".into(),
        count => format!("{count} items could not be opened and are not uploaded. Please add them again:"),
    }];
    lines.extend(unopened.iter().take(MAX_NAMED).map(line));
    if unopened.len() > MAX_NAMED {
        lines.push(format!("and {} more", unopened.len() - MAX_NAMED));
    }
    lines.join("\n")
}

fn line(Unopened { path, is_folder, reason }: &Unopened) -> String {
    // Names of any direction, and no name can turn round what comes after it.
    let is_plain = |c: &char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let name: String = path.chars().filter(is_plain).collect();
    let name = if name.is_empty() { "An item without a name".into() } else { format!("\u{2068}{name}\u{2069}") };
    let folder = if *is_folder { " (a folder: files in it are missing)" } else { "" };
    format!("{name}{folder}: {reason}.")
}

fn left_out(system_files: usize) -> String {
    let files = match system_files {
        0 => return String::new(),
        1 => "file was",
        _ => "files were",
    };
    format!("{system_files} system {files} left out, such as .DS_Store, Thumbs.db or desktop.ini.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unopened(path: &str, is_folder: bool) -> Unopened {
        Unopened { path: path.into(), is_folder, reason: "it was moved or deleted".into() }
    }

    #[test]
    fn a_notice_names_what_could_not_be_opened_and_why() {
        assert_eq!(
            not_opened(&[unopened("album/a\u{202e}.jpg", false)]),
            "1 item could not be opened and is not uploaded. Please add it again:\n\
             \u{2068}album/a.jpg\u{2069}: it was moved or deleted."
        );
        assert_eq!(
            not_opened(&[unopened("album", true), unopened("", false)]),
            "2 items could not be opened and are not uploaded. Please add them again:\n\
             \u{2068}album\u{2069} (a folder: files in it are missing): it was moved or deleted.\n\
             An item without a name: it was moved or deleted."
        );
    }

    #[test]
    fn a_notice_of_thousands_stays_short() {
        let words = not_opened(&vec![unopened("a", false); 5_000]);
        assert!(words.starts_with("5000 items"));
        assert!(words.ends_with("\nand 4980 more"));
        assert_eq!(words.lines().count(), 22);
    }
}
