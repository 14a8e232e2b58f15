use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;

/// An answer that an older API gives by callbacks. A promise's own two functions serve as these, so nothing outlives the
/// call.
pub(super) fn promised(call: impl FnOnce(&Function, &Function) -> Result<(), JsValue>) -> Promise {
    let mut call = Some(call);
    Promise::new(&mut |done, failed| {
        if let Some(Err(error)) = call.take().map(|call| call(&done, &failed)) {
            let _ = failed.call1(&JsValue::NULL, &error);
        }
    })
}
