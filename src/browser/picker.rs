use js_sys::{Array, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::FileSystemFileHandle;

use super::{LocalFuture, PickedFile, picked};

/// Opens the browser's own dialog, whose files can be opened again when this page is gone. On a click only. `None` where
/// there is no such dialog, as in frames, which may be of another site: an input's dialog then has to do.
#[must_use]
pub fn pick_files() -> Option<LocalFuture<Vec<PickedFile>>> {
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
        // An error means that nothing was chosen.
        let handles = JsFuture::from(answer.unchecked_into::<js_sys::Promise>()).await.unwrap_or_default();
        for handle in Array::from(&handles).iter().map(JsCast::unchecked_into::<FileSystemFileHandle>) {
            if let Ok(file) = JsFuture::from(handle.get_file()).await {
                files.push(PickedFile { handle: Some(handle), ..picked(file.unchecked_into()) });
            }
        }
        files
    }))
}
