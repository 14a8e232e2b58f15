use leptos::prelude::*;

use super::file_row::FileRow;
use crate::Uploader;
use crate::s3::UploadToken;

/// The uploader's files, one row each.
#[component]
pub fn FileList(
    /// Whose files.
    uploader: Uploader,
    /// Where an uploaded object can be opened, by its upload's token; without it rows have no link.
    #[prop(optional)]
    object_href: Option<fn(&UploadToken) -> String>,
) -> impl IntoView {
    let files = uploader.files();
    view! {
        <ul class="files" aria-label="Files">
            <For each=move || files.get() key=|row| row.id let:row>
                <FileRow uploader row object_href/>
            </For>
        </ul>
    }
}
