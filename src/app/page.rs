use std::cell::Cell;
use std::rc::Rc;

use leptos::prelude::*;

use super::FORM_ID;
use super::options_panel::OptionsPanel;
use super::upload_server::AppServer;
use crate::components::{Dropzone, FileList, TotalsBar};
use crate::uploader::on_hydrated;
use crate::{Options, use_uploader};

/// Data requests at one time: what browsers open to one host over HTTP/1.1.
const LIMIT: usize = 6;

/// The upload page, in the browser and on the server. A resource, `<Suspense>` or `<ErrorBoundary>` in it needs
/// `leptos::mount::hydrate_from` in `lib.rs`, which this page does without.
#[component]
pub fn App() -> impl IntoView {
    let method = Rc::new(Cell::new(None));
    let uploader = use_uploader(Options { limit: LIMIT, ..Options::with_server(AppServer { method: method.clone() }) });
    on_hydrated(Box::new(mark_hydrated));
    view! {
        <header>
            <h1>"Upload files"</h1>
            <p class="lead">"They go from this browser straight to the bucket; the server only signs."</p>
        </header>
        <Dropzone uploader form=FORM_ID/>
        <OptionsPanel uploader limit=LIMIT method/>
        <TotalsBar uploader/>
        <FileList uploader object_href=|token| format!("/object/{}", token.as_str())/>
    }
}

/// Tells style sheets and tests that the page is alive.
fn mark_hydrated() {
    if let Some(root) = document().document_element() {
        // Fails only for names that are not attributes' names.
        let _ = root.set_attribute("data-hydrated", "");
    }
}
