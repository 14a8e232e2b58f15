//! Dropzone, file list and totals for an [`Uploader`](crate::Uploader). Optional: the handle works without them.

#![allow(unreachable_pub, reason = "what `#[component]` and `#[server]` generate is `pub`")]

mod dropzone;
mod file_list;
mod file_row;
mod notices;
mod status_text;
mod totals;

use leptos::prelude::*;

pub use dropzone::Dropzone;
pub use file_list::FileList;
pub use totals::TotalsBar;

/// A closure as a signal. Leptos compiles its rendering code anew for every closure type but only once for signals of
/// one type, and that code is most of what a view costs in WASM. Boxed, since it compiles `derive` anew as well.
fn text(derive: impl Fn() -> String + Send + Sync + 'static) -> Signal<String> {
    let derive: Box<dyn Fn() -> String + Send + Sync> = Box::new(derive);
    Signal::derive(derive)
}

/// The same for attributes that are there or not.
fn flag(derive: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    let derive: Box<dyn Fn() -> bool + Send + Sync> = Box::new(derive);
    Signal::derive(derive)
}

/// A button, and its name for screen readers. All buttons are of one type, for the same reason.
///
/// Its listener captures, as all of this page do: with the other kind comes Leptos's event delegation, 2 kB compressed,
/// though it is off. For listeners on the very element that the event is about it makes no difference.
fn button(
    label: Signal<String>,
    name: Signal<String>,
    hidden: Signal<bool>,
    mut act: Box<dyn FnMut()>,
) -> impl IntoView {
    view! { <button type="button" hidden=hidden on:click:capture=move |_| act() aria-label=name>{label}</button> }
}
