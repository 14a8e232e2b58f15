use gloo_timers::callback::Timeout;
use leptos::prelude::*;
use web_sys::Url;

use super::{button, flag, status_text, text};
use crate::engine::{FileId, Status, UploadError, UploadFile};
use crate::s3::{ChecksumAlgorithm, UploadToken, human_size};
use crate::{Uploader, uploader};

/// Images above this size are not decoded for a preview of 48 pixels.
const MAX_PREVIEW_SIZE: f64 = 20.0 * 1024.0 * 1024.0;

/// How long a button says that it has copied.
const COPIED_MS: u32 = 2_000;

/// One file: what it is, how far it is, and what can be done with it.
///
/// Its two buttons change their meaning with the file's status, so that keyboard focus stays where it was.
#[component]
pub(super) fn FileRow(
    uploader: Uploader,
    row: uploader::FileRow,
    object_href: Option<fn(&UploadToken) -> String>,
) -> impl IntoView {
    let (id, file) = (row.id, RwSignal::from(row.file));
    let info = file.read_untracked().info().clone();
    let path = info.meta.get("relativePath").unwrap_or(&info.name).to_owned();
    let name = if path.is_empty() { "file without a name".to_owned() } else { path.clone() };
    let progress_name = format!("Progress of {name}");
    let label = text(move || name.clone());
    let status = move || file.read().status();
    let error = text(move || file.read().error().map(ToString::to_string).unwrap_or_default());
    let is_over = flag(move || status().is_terminal());
    view! {
        <li class="file" data-status=text(move || status_text::name(status()).to_owned())>
            <Preview uploader id name=info.name/>
            <div class="file-body">
                <p class="file-head">
                    <bdi class="name">{path}</bdi>
                    <span class="facts">{human_size(info.size)} " · " {kind(&info.content_type)}</span>
                </p>
                <progress
                    max="100" value=text(move || file.read().progress().percent().to_string())
                    aria-label=progress_name
                    hidden=is_over
                ></progress>
                <p class="file-state">
                    <span class="status">{text(move || status_text::words(status()))}</span>
                    <span class="facts" hidden=is_over>
                        {text(move || status_text::progress(&file.read().progress()))}
                    </span>
                </p>
                <p class="facts resumed">{text(move || status_text::resumed(file.read().resumed()).to_owned())}</p>
                <p class="error" role="alert" hidden=flag(move || status() != Status::Failed)>{error}</p>
                // A file that is complete changes no more, so this needs no memo.
                {move || (status() == Status::Complete).then(|| view! { <Uploaded file label object_href/> })}
            </div>
            <Actions uploader id file label/>
        </li>
    }
}

/// What the two buttons of a row do now.
#[component]
fn Actions(uploader: Uploader, id: FileId, file: RwSignal<UploadFile>, label: Signal<String>) -> impl IntoView {
    let status = move || file.read().status();
    // To try once more does not help, or only with the file as it is now.
    let is_final = move || matches!(file.read().error(), Some(UploadError::Restricted(_) | UploadError::Changed));
    let main = text(move || match status() {
        Status::Paused => "Resume".into(),
        Status::Interrupted { can_reopen: true } => "Go on".into(),
        Status::Failed if is_final() => String::new(),
        Status::Failed => "Retry".into(),
        Status::Waiting | Status::Finishing | Status::Complete | Status::Interrupted { can_reopen: false } => {
            String::new()
        }
        _ => "Pause".into(),
    });
    let remove = text(move || if status().is_terminal() { "Remove".into() } else { "Cancel".into() });
    let act = move || {
        // Not in the `match`, which would go on reading the file while the verb changes it.
        let status = file.read_untracked().status();
        match status {
            Status::Paused => uploader.resume(id),
            Status::Interrupted { .. } => uploader.go_on(id),
            Status::Failed => uploader.retry(id),
            _ => uploader.pause(id),
        }
    };
    let of_file = move |verb: Signal<String>| text(move || format!("{} {}", verb.get(), label.get_untracked()));
    view! {
        <div class="actions">
            {button(main, of_file(main), flag(move || main.read().is_empty()), Box::new(act))}
            {button(remove, of_file(remove), flag(|| false), Box::new(move || uploader.remove(id)))}
        </div>
    }
}

/// The object's key, to copy and to open.
#[component]
fn Uploaded(
    file: RwSignal<UploadFile>,
    label: Signal<String>,
    object_href: Option<fn(&UploadToken) -> String>,
) -> impl IntoView {
    let file = file.get_untracked();
    let key = file.key().unwrap_or_default().to_owned();
    let href = object_href.and_then(|href| file.token().map(href));
    let name = label.get_untracked();
    let algorithm = match file.uploaded().and_then(|uploaded| uploaded.verified) {
        Some(ChecksumAlgorithm::Sha256) => "SHA-256",
        Some(ChecksumAlgorithm::Md5) => "MD5",
        None => "",
    };
    let verified = if algorithm.is_empty() {
        String::new()
    } else {
        format!("Verified: the store holds these very bytes ({algorithm}).")
    };
    let has_link = href.is_some();
    view! {
        <p class="facts verified">{verified}</p>
        <p class="uploaded">
            <span class="facts">"Key"</span>
            <CopyButton key=key.clone() file_name=name.clone()/>
            <a
                href=href.unwrap_or_default() target="_blank" rel="noopener" hidden=flag(move || !has_link)
                aria-label=format!("Open {name}")
            >"Open"</a>
            <code class="key">{key}</code>
        </p>
    }
}

/// Copies a key; hidden where the browser has no clipboard (pages not served over HTTPS).
#[component]
fn CopyButton(key: String, file_name: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move || {
        let promise = window().navigator().clipboard().write_text(&key);
        leptos::task::spawn_local(async move {
            if wasm_bindgen_futures::JsFuture::from(promise).await.is_ok() {
                copied.try_set(true);
                Timeout::new(COPIED_MS, move || _ = copied.try_set(false)).forget();
            }
        });
    };
    let label = text(move || if copied.get() { "Copied".into() } else { "Copy".into() });
    let name = text(move || format!("Copy key of {file_name}"));
    button(label, name, flag(|| !window().is_secure_context()), Box::new(copy))
}

/// A thumbnail for images, drawn by the browser from the file itself; else the name's extension.
#[component]
fn Preview(uploader: Uploader, id: FileId, name: String) -> impl IntoView {
    let extension = extension(&name).to_owned();
    let url = uploader.blob(id).and_then(|blob| thumbnail(&blob));
    let has_image = RwSignal::new(url.is_some());
    let revoke = {
        let url = url.clone();
        // Fails only for what is not a URL.
        move || drop(url.as_deref().map(Url::revoke_object_url))
    };
    on_cleanup(revoke.clone());
    let broken = move |_| {
        has_image.set(false);
        revoke();
    };
    view! {
        <div class="preview" aria-hidden="true">
            <span hidden=flag(move || has_image.get())>{extension}</span>
            <img
                src=url alt="" loading="lazy" decoding="async" hidden=flag(move || !has_image.get()) on:error:capture=broken
            />
        </div>
    }
}

/// By bytes: a search for text from its end is as large as the rest of a preview.
fn extension(name: &str) -> &str {
    let dot = name.bytes().rposition(|byte| byte == b'.');
    dot.and_then(|dot| name.get(dot + 1..)).unwrap_or_default()
}

fn thumbnail(blob: &web_sys::File) -> Option<String> {
    let is_image = blob.type_().starts_with("image/") && blob.size() <= MAX_PREVIEW_SIZE;
    is_image.then(|| Url::create_object_url_with_blob(blob).ok()).flatten()
}

/// `image/png`, or what an empty type means.
fn kind(content_type: &str) -> String {
    if content_type.is_empty() { "unknown type".into() } else { content_type.into() }
}
