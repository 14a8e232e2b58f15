use futures::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::server::LocalFuture;

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

/// What a promise settles with; an error of `undefined` where it does not settle in this time, as some promises never do.
pub(super) fn settled(promise: Promise, timeout_ms: u32) -> LocalFuture<Result<JsValue, JsValue>> {
    Box::pin(async move {
        match select(JsFuture::from(promise), TimeoutFuture::new(timeout_ms)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(JsValue::UNDEFINED),
        }
    })
}
