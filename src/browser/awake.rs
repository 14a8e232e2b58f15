use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::{EventListener, EventListenerOptions};
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::BeforeUnloadEvent;

use super::server::spawn;

/// While files are on their way: asks before the page is left, and keeps the screen, and so the machine, awake.
#[derive(Default)]
pub(super) struct Awake {
    guards: RefCell<Vec<EventListener>>,
    lock: Rc<Lock>,
}

/// A screen wake lock, as far as the browser has such and grants it.
#[derive(Default)]
struct Lock {
    wanted: Cell<bool>,
    sentinel: RefCell<Option<JsValue>>,
}

impl Awake {
    /// Called whenever something may have changed; does something only when it has.
    pub(super) fn set(&self, is_active: bool) {
        if self.lock.wanted.replace(is_active) == is_active {
            return;
        }
        if is_active {
            self.guards.replace(self.guards());
            self.lock.clone().acquire();
        } else {
            self.guards.take();
            self.lock.release();
        }
    }

    fn guards(&self) -> Vec<EventListener> {
        let Some(window) = web_sys::window() else { return Vec::new() };
        let options = EventListenerOptions::enable_prevent_default();
        let mut guards = vec![EventListener::new_with_options(&window, "beforeunload", options, |event| {
            event.prevent_default();
            // Browsers before 2023 ask only if this is set.
            event.unchecked_ref::<BeforeUnloadEvent>().set_return_value("upload");
        })];
        if let Some(document) = window.document() {
            let lock = Rc::downgrade(&self.lock);
            // Browsers take the lock away when the page is hidden.
            guards.push(EventListener::new(&document, "visibilitychange", move |_| {
                if let Some(lock) = lock.upgrade() {
                    lock.acquire();
                }
            }));
        }
        guards
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl Lock {
    fn acquire(self: Rc<Self>) {
        spawn(Box::pin(async move {
            // Refused without a battery, or for a hidden page: then the machine sleeps as its owner set it.
            let Some(sentinel) = request().await else { return };
            if let Some(old) = self.sentinel.replace(Some(sentinel)) {
                release(&old);
            }
            if !self.wanted.get() {
                self.release();
            }
        }));
    }

    fn release(&self) {
        if let Some(sentinel) = self.sentinel.take() {
            release(&sentinel);
        }
    }
}

/// `navigator.wakeLock.request("screen")`, which web-sys calls unstable.
async fn request() -> Option<JsValue> {
    let navigator = web_sys::window()?.navigator();
    let wake_lock = Reflect::get(&navigator, &"wakeLock".into()).ok()?;
    let promise = method(&wake_lock, "request")?.call1(&wake_lock, &"screen".into()).ok()?;
    JsFuture::from(promise.dyn_into::<Promise>().ok()?).await.ok()
}

fn release(sentinel: &JsValue) {
    if let Some(release) = method(sentinel, "release") {
        // A lock that the browser took away is released already.
        let _ = release.call0(sentinel);
    }
}

fn method(object: &JsValue, name: &str) -> Option<Function> {
    Reflect::get(object, &name.into()).ok()?.dyn_into().ok()
}
