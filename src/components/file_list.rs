use leptos::tachys::view::{Mountable, Render};
use leptos::{html, prelude::*};

use super::file_row::FileRow;
use super::notices::notices;
use crate::Uploader;
use crate::s3::UploadToken;

/// The uploader's files, one row each; before them what was dropped or picked and could not be added.
///
/// Rows only join at the end and leave, so they are mounted one by one: `<For>`, which can move them about, is 3 kB of
/// the page.
#[component]
pub fn FileList(
    /// Whose files.
    uploader: Uploader,
    /// Where an uploaded object can be opened, by its upload's token; without it rows have no link.
    #[prop(optional)]
    object_href: Option<fn(&UploadToken) -> String>,
) -> impl IntoView {
    let list = NodeRef::<html::Ul>::new();
    let files = uploader.files();
    // Rows outlive the run of the effect that mounted them, and not the list: what the effect holds must not keep it alive.
    let owner = Owner::current().map(|owner| owner.downgrade());
    let (mut mounted, mut newest) = (Vec::new(), None);
    // Effects run in the browser only.
    Effect::new(move || {
        let owner = owner.as_ref().and_then(WeakOwner::upgrade);
        let (Some(list), Some(owner)) = (list.get(), owner) else { return };
        let rows = files.get();
        // Ids ascend in the order of adding.
        mounted.retain_mut(|(id, row, _)| {
            let stays = rows.binary_search_by_key(id, |row| row.id).is_ok();
            if !stays {
                Mountable::unmount(row);
            }
            stays
        });
        for row in rows {
            let id = row.id;
            if Some(id) <= newest {
                continue;
            }
            newest = Some(id);
            let owner = owner.with(Owner::new);
            let row = owner.with(|| {
                let mut row = view! { <FileRow uploader row object_href/> }.into_view().build();
                row.mount(&list, None);
                row
            });
            mounted.push((id, row, owner));
        }
    });
    view! {
        {notices(uploader)}
        <ul class="files" aria-label="Files" node_ref=list></ul>
    }
}
