use std::time::Duration;

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, RequestCredentials, RequestInit, RequestMode, Url};

use super::fetch::after;

/// A probe that takes longer proves nothing.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the browser itself stops requests for a URL: the root of its origin is answered, with whatever, and the URL is
/// not. Neither probe is subject to CORS, so missing CORS rules answer both, and a store that is away neither; and a `GET`
/// changes nothing in the store.
pub(super) async fn is_blocked(url: &str) -> bool {
    let Ok(root) = Url::new(url).map(|url| url.origin()) else { return false };
    is_answered(&root).await && !is_answered(url).await && is_answered(&root).await
}

async fn is_answered(url: &str) -> bool {
    probe(url).await.is_ok()
}

async fn probe(url: &str) -> Result<JsValue, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let init = RequestInit::new();
    init.set_mode(RequestMode::NoCors);
    init.set_credentials(RequestCredentials::Omit);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&after(PROBE_TIMEOUT)));
    JsFuture::from(window.fetch_with_str_and_init(url, &init)).await
}
