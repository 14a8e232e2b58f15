//! The plugin with `host`: a page that uploads through the Companion which its address names, as `?host=https://…`.
//!
//! Mounted in the browser: there is no server of its own that could sign.

use leptos::prelude::*;
use leptos_aws_s3::components::{Dropzone, FileList, TotalsBar};
use leptos_aws_s3::{Options, use_uploader};
use wasm_bindgen::prelude::wasm_bindgen;

/// Mounts the page.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
    mount_to_body(Upload);
}

#[component]
fn Upload() -> impl IntoView {
    let host = host().unwrap_or_else(|| "http://localhost:3020".into());
    let uploader = use_uploader(Options { limit: 6, ..Options::with_host(&host) });
    uploader.on_upload_success(|file| {
        let location = file.uploaded().and_then(|uploaded| uploaded.location.as_deref()).unwrap_or_default();
        leptos::logging::log!("{} is at {location}", &file.meta()["key"]);
    });
    view! {
        <Dropzone uploader/>
        <TotalsBar uploader/>
        <FileList uploader/>
    }
}

fn host() -> Option<String> {
    let query = window().location().search().ok()?;
    js_sys::decode_uri_component(query.strip_prefix("?host=")?).ok()?.as_string()
}
