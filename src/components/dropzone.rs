use gloo_events::{EventListener, EventListenerOptions};
use leptos::{html, prelude::*};
use send_wrapper::SendWrapper;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, Element, Event, EventTarget, MouseEvent};

use super::flag;
use crate::Uploader;
use crate::uploader::on_hydrated;

/// Takes files: by button, and dropped or pasted anywhere on the page, folders included.
///
/// The file input belongs to the form named by `form`, where there is one: that form uploads one file without
/// JavaScript. Files picked before hydration are added when the page is hydrated.
#[component]
pub fn Dropzone(
    /// Where the files go.
    uploader: Uploader,
    /// The id of a form for browsers without JavaScript.
    #[prop(optional)]
    form: Option<&'static str>,
    /// What the inputs accept, as in HTML; empty for everything.
    #[prop(optional)]
    accept: &'static str,
) -> impl IntoView {
    let files = NodeRef::<html::Input>::new();
    let folder = NodeRef::<html::Input>::new();
    let hydrated = RwSignal::new(false);
    let dragging = RwSignal::new(false);
    on_hydrated(Box::new(move || {
        hydrated.set(true);
        take_all(files, uploader);
        listen_on_window(uploader, dragging);
    }));
    // That dialog knows other kinds of `accept`.
    let pick = move |event: MouseEvent| {
        if accept.is_empty() && uploader.pick_files() {
            event.prevent_default();
        }
    };
    let take = move |input| move |_| take_all(input, uploader);
    view! {
        <div class="dropzone" data-dragging=flag(move || dragging.get())>
            <p class="dropzone-hint">"Drop files or folders anywhere on this page, paste them, or"</p>
            <div class="dropzone-inputs">
                <label class="button primary">
                    "Choose files"
                    <input
                        type="file" name="file" form=form accept=accept autocomplete="off" node_ref=files
                        multiple=flag(move || hydrated.get()) required=flag(move || !hydrated.get())
                        on:change:capture=take(files) on:click:capture=pick
                    />
                </label>
                <label class="button" hidden=flag(move || !hydrated.get())>
                    "Choose a folder"
                    <input
                        type="file" prop:webkitdirectory=true autocomplete="off" node_ref=folder
                        on:change:capture=take(folder)
                    />
                </label>
            </div>
        </div>
    }
}

/// Moves an input's files to the uploader, and empties it so that the same file can be picked again.
fn take_all(input: NodeRef<html::Input>, uploader: Uploader) {
    let Some(input) = input.get_untracked() else { return };
    let Some(files) = input.files().filter(|files| files.length() > 0) else { return };
    uploader.add_files(&files);
    input.set_value("");
}

/// A browser opens a file that is dropped beside a dropzone and leaves the page: so the whole window is one.
fn listen_on_window(uploader: Uploader, dragging: RwSignal<bool>) {
    let listeners = ["dragover", "dragleave", "drop", "paste"].map(|name| {
        let options = EventListenerOptions::enable_prevent_default();
        EventListener::new_with_options(&window(), name, options, move |event| hear(event, uploader, dragging))
    });
    let listeners = SendWrapper::new(listeners);
    on_cleanup(move || drop(listeners));
}

fn hear(event: &Event, uploader: Uploader, dragging: RwSignal<bool>) {
    let drag: &DragEvent = event.unchecked_ref();
    match event.type_().as_str() {
        "dragover" if drag.data_transfer().is_some_and(|transfer| has_files(&transfer)) => {
            event.prevent_default();
            dragging.set(true);
        }
        "dragleave" if drag.related_target().is_none() => dragging.set(false),
        "drop" => {
            dragging.set(false);
            take(event, drag.data_transfer(), uploader);
        }
        "paste" if !is_text_field(event.target()) => {
            take(event, event.unchecked_ref::<ClipboardEvent>().clipboard_data(), uploader);
        }
        _ => {}
    }
}

/// Adds the files that come with an event, unless the app has taken them.
fn take(event: &Event, transfer: Option<DataTransfer>, uploader: Uploader) {
    if let Some(transfer) = transfer.filter(|transfer| !event.default_prevented() && has_files(transfer)) {
        event.prevent_default();
        uploader.add_data_transfer(&transfer);
    }
}

fn has_files(transfer: &DataTransfer) -> bool {
    transfer.types().includes(&"Files".into(), 0)
}

/// A paste into a text field is meant for it, also when the text came with a picture of itself.
fn is_text_field(target: Option<EventTarget>) -> bool {
    let element = target.and_then(|target| target.dyn_into::<Element>().ok());
    element.is_some_and(|element| matches!(element.closest("input, textarea, [contenteditable]"), Ok(Some(_))))
}
