use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomException, File, FileSystemFileHandle};

use super::opened::{Opened, PickedFile, RETRY_DELAY_MS, Unopened, opened, picked};
use super::server::LocalFuture;

/// Opens the browser's own dialog, whose files can be opened again when this page is gone. On a click only. `None` where
/// there is no such dialog, as in frames, which may be of another site: an input's dialog then has to do. The future gives
/// `None` where the browser does not let this page have one. In some browsers it never gives anything.
#[must_use]
pub fn pick_files() -> Option<LocalFuture<Option<Opened>>> {
    let window = web_sys::window()?;
    if window.top().ok()?.as_ref() != Some(&window) {
        return None;
    }
    let open: Function = Reflect::get(&window, &"showOpenFilePicker".into()).ok()?.dyn_into().ok()?;
    let options = Object::new();
    // Only frozen objects refuse a member.
    let _ = Reflect::set(&options, &"multiple".into(), &JsValue::TRUE);
    let answer = open.call1(&window, &options).ok()?;
    Some(Box::pin(async move {
        let handles = match JsFuture::from(answer.unchecked_into::<js_sys::Promise>()).await {
            Ok(handles) => handles,
            // Nothing was chosen.
            Err(error) if error.dyn_ref::<DomException>().is_some_and(|error| error.name() == "AbortError") => {
                return Some(Opened::default());
            }
            Err(_) => return None,
        };
        Some(files_of(&Array::from(&handles)).await)
    }))
}

async fn files_of(handles: &Array) -> Opened {
    let mut all = Opened::default();
    for handle in handles.iter().map(JsCast::unchecked_into::<FileSystemFileHandle>) {
        match file_of(&handle).await {
            Ok(file) => all.files.push(PickedFile { handle: Some(handle), ..picked(file) }),
            Err(error) => all.unopened.push(Unopened::new(handle.name(), false, &error)),
        }
    }
    all
}

async fn file_of(handle: &FileSystemFileHandle) -> Result<File, JsValue> {
    if let Ok(file) = opened(handle.get_file()).await {
        return Ok(file);
    }
    TimeoutFuture::new(RETRY_DELAY_MS).await;
    opened(handle.get_file()).await
}
