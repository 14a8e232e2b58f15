use leptos::prelude::*;

use super::{button, flag, status_text, text};
use crate::Uploader;
use crate::engine::Totals;

/// All files together: how many, how far, and the buttons that act on all of them.
#[component]
pub fn TotalsBar(
    /// Whose files.
    uploader: Uploader,
) -> impl IntoView {
    let (totals, not_added) = (uploader.totals(), uploader.not_added());
    // Leptos leaves a text alone that is as it was: screen readers hear the counts and not each byte.
    let summary = text(move || summary(&totals.read(), not_added.read().unopened.len()));
    let facts = text(move || status_text::progress(&totals.read().progress));
    let has_none = flag(move || {
        let totals = totals.read();
        totals.files == totals.interrupted
    });
    let is_at_rest = flag(move || {
        let totals = totals.read();
        totals.active + totals.paused == 0
    });
    let button = move |label: &'static str, shown: fn(&Totals) -> bool, act: fn(Uploader)| {
        let label = text(move || label.into());
        button(label, label, flag(move || !shown(&totals.read())), Box::new(move || act(uploader)))
    };
    view! {
        <section
            class="totals" aria-label="Totals"
            hidden=flag(move || totals.read().files == 0 && not_added.read().unopened.is_empty())
        >
            <p role="status">{summary}</p>
            <progress
                max="100" value=text(move || totals.read().progress.percent().to_string())
                hidden=has_none aria-label="Progress of all files"
            ></progress>
            <p class="facts" hidden=is_at_rest>{facts}</p>
            <div class="actions">
                {button("Upload", |t| t.files > t.active + t.paused + t.interrupted + t.complete + t.failed, Uploader::upload)}
                {button("Pause all", |t| t.active > 0, Uploader::pause_all)}
                {button("Resume all", |t| t.paused > 0, Uploader::resume_all)}
                {button("Retry all", |t| t.failed > t.restricted, Uploader::retry_all)}
                {button("Cancel all", |t| t.files > t.complete + t.interrupted, Uploader::cancel_all)}
                {button("Clear finished", |t| t.complete > 0, Uploader::clear_finished)}
            </div>
        </section>
    }
}

/// What could not be opened counts among the files: nobody is to think that all are uploaded.
fn summary(totals: &Totals, unopened: usize) -> String {
    let of = totals.files - totals.interrupted + unopened;
    let files = if of == 1 { "file" } else { "files" };
    let mut parts = Vec::new();
    if of > 0 {
        parts.push(format!("{} of {of} {files} uploaded", totals.complete));
    }
    let others = [
        (totals.failed, "failed"),
        (unopened, "could not be opened"),
        (totals.paused, "paused"),
        (totals.interrupted, "interrupted"),
    ];
    parts.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_never_say_that_all_is_uploaded_while_something_could_not_be_opened() {
        let totals = Totals { files: 100, complete: 100, ..Totals::default() };
        assert_eq!(summary(&totals, 0), "100 of 100 files uploaded");
        assert_eq!(summary(&totals, 1), "100 of 101 files uploaded, 1 could not be opened");
        assert_eq!(summary(&Totals::default(), 1), "0 of 1 file uploaded, 1 could not be opened");
    }
}
