use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Navigator;

use super::server::{LocalFuture, spawn};

/// What a browser holds as long as this page lives, and other tabs can see: what this page uploads is not interrupted.
///
/// Browsers without locks, and pages without HTTPS, have none: there the journal offers what another tab is uploading too.
pub(super) struct PageLock {
    /// Of this page alone.
    pub(super) name: String,
    release: Option<Function>,
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Navigator)]
    type LockingNavigator;

    #[wasm_bindgen(method, structural, getter)]
    fn locks(this: &LockingNavigator) -> Option<LockManager>;

    type LockManager;

    #[wasm_bindgen(method, structural, catch)]
    fn request(this: &LockManager, name: &str, granted: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, structural, catch)]
    fn query(this: &LockManager) -> Result<Promise, JsValue>;
}

impl PageLock {
    pub(super) fn hold() -> Self {
        let name = format!("leptos-aws-s3 {:x}", js_sys::Math::random().to_bits());
        let mut release = None;
        let held = Promise::new(&mut |done, _| release = Some(done));
        let granted = Closure::<dyn FnMut(JsValue) -> Promise>::new(move |_| held.clone());
        if let Some(Ok(held)) = locks().map(|locks| locks.request(&name, granted.as_ref())) {
            spawn(Box::pin(async move {
                // Without a lock this page is taken for one that is gone.
                drop(JsFuture::from(held).await);
                drop(granted);
            }));
        }
        Self { name, release }
    }

    /// Names of all pages that live.
    pub(super) fn living() -> LocalFuture<Vec<String>> {
        Box::pin(async { held().await.unwrap_or_default() })
    }
}

impl Drop for PageLock {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::NULL);
        }
    }
}

fn locks() -> Option<LockManager> {
    web_sys::window()?.navigator().unchecked_into::<LockingNavigator>().locks()
}

async fn held() -> Result<Vec<String>, JsValue> {
    let locks = locks().ok_or(JsValue::NULL)?;
    let held = Reflect::get(&JsFuture::from(locks.query()?).await?, &"held".into())?;
    let name = |lock: JsValue| Reflect::get(&lock, &"name".into()).ok()?.as_string();
    Ok(Array::from(&held).iter().filter_map(name).collect())
}
