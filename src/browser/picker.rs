use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomException, FileSystemFileHandle};

use super::{LocalFuture, PickedFile, picked};

/// Opens the browser's own dialog, whose files can be opened again when this page is gone. On a click only. `None` where
/// there is no such dialog, as in frames, which may be of another site: an input's dialog then has to do. The future gives
/// `None` where the browser does not let this page have one.
#[must_use]
pub fn pick_files() -> Option<LocalFuture<Option<Vec<PickedFile>>>> {
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
        let mut files = Vec::new();
        let handles = match JsFuture::from(answer.unchecked_into::<js_sys::Promise>()).await {
            Ok(handles) => handles,
            // Nothing was chosen.
            Err(error) if error.dyn_ref::<DomException>().is_some_and(|error| error.name() == "AbortError") => {
                return Some(files);
            }
            Err(_) => return None,
        };
        for handle in Array::from(&handles).iter().map(JsCast::unchecked_into::<FileSystemFileHandle>) {
            if let Ok(file) = JsFuture::from(handle.get_file()).await {
                files.push(PickedFile { handle: Some(handle), ..picked(file.unchecked_into()) });
            }
        }
        Some(files)
    }))
}
