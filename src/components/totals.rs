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
    let totals = uploader.totals();
    // Leptos leaves a text alone that is as it was: screen readers hear the counts and not each byte.
    let summary = text(move || summary(&totals.read()));
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
        <section class="totals" aria-label="Totals" hidden=flag(move || totals.read().files == 0)>
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

fn summary(totals: &Totals) -> String {
    let of = totals.files - totals.interrupted;
    let files = if of == 1 { "file" } else { "files" };
    let mut parts = Vec::new();
    if of > 0 {
        parts.push(format!("{} of {of} {files} uploaded", totals.complete));
    }
    let others = [(totals.failed, "failed"), (totals.paused, "paused"), (totals.interrupted, "interrupted")];
    parts.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}
