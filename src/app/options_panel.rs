use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;

use crate::Uploader;
use crate::s3::Method;

/// Tries the plugin's options on the running uploader.
#[component]
pub(super) fn OptionsPanel(uploader: Uploader, limit: usize, method: Rc<Cell<Option<Method>>>) -> impl IntoView {
    let defaults = crate::engine::Options::default();
    let set_limit = Box::new(move |value: u32| uploader.set_limit(value as usize));
    let set_timeout = Box::new(move |seconds: u32| uploader.set_timeout(Duration::from_secs(seconds.into())));
    let set_max_retries = Box::new(move |value: u32| uploader.set_max_retries(value));
    let choose_method = move |ev| {
        method.set(match event_target_value(&ev).as_str() {
            "PUT" => Some(Method::Put),
            "POST" => Some(Method::Post),
            _ => None,
        });
    };
    view! {
        <details class="options">
            <summary>"Options"</summary>
            <div class="options-grid">
                {number("Limit", "Requests at a time, 0 for no limit", limit.to_string(), set_limit)}
                {number("Timeout in seconds", "Without progress, 0 for never", defaults.timeout.as_secs().to_string(), set_timeout)}
                {number("Tries after a failure", "Per step", defaults.retry.max_retries.to_string(), set_max_retries)}
                <label>
                    <span>"Method"</span>
                    <select on:change:capture=choose_method autocomplete="off">
                        <option value="">"Automatic"</option>
                        <option value="PUT">"PUT"</option>
                        <option value="POST">"POST"</option>
                    </select>
                    <small>"How the bytes travel"</small>
                </label>
                {check("Start at once", Box::new(move |is_on| uploader.set_auto_proceed(is_on)))}
                {check("Checksums", Box::new(move |is_on| uploader.set_integrity(is_on)))}
            </div>
        </details>
    }
}

/// A field for a whole number; what is not one changes nothing.
fn number(label: &'static str, hint: &'static str, value: String, set: Box<dyn Fn(u32)>) -> impl IntoView {
    let change = move |ev| {
        if let Ok(value) = event_target_value(&ev).parse() {
            set(value);
        }
    };
    view! {
        <label>
            <span>{label}</span>
            <input type="number" min="0" inputmode="numeric" autocomplete="off" value=value on:change:capture=change/>
            <small>{hint}</small>
        </label>
    }
}

/// A check box, checked at first.
fn check(label: &'static str, set: Box<dyn Fn(bool)>) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" checked=true autocomplete="off" on:change:capture=move |ev| set(event_target_checked(&ev))/>
            <span>{label}</span>
        </label>
    }
}
