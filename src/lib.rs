//! Browser-to-S3 uploads for Leptos: the `AwsS3` plugin, its signing server and an upload page.
//!
//! | module | what it is | never mentions |
//! |---|---|---|
//! | [`s3`] | S3's own words as types, shared by browser and server | anything but data |
//! | [`engine`] | decides what to do next | I/O, clocks, randomness, `async`, Leptos |
//! | [`browser`] | the engine's hands: requests, timers, files | signals, components |
//! | [`options`] | [`Options`]: how an app wants its files uploaded | components |
//! | [`uploader`] | [`Uploader`]: signals to read, verbs to call | HTML |
//! | [`components`] | dropzone, file list, totals | [`browser`] |
//! | `server` (feature `ssr`) | the only code that sees credentials | [`engine`] and all above it |
//! | `app` (feature `app`) | the demonstration page and its server functions | |
//!
//! Arrows point down: `app → components → uploader → options → browser → engine → s3` and `app → server → s3`.

#[cfg(feature = "app")]
pub mod app;
pub mod browser;
pub mod components;
pub mod engine;
pub mod options;
pub mod s3;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(test)]
mod tidy;
pub mod uploader;

pub use browser::UploadServer;
pub use options::{Options, ShouldUseMultipart};
pub use uploader::{Uploader, use_uploader};

/// Takes over the page that the server rendered.
#[cfg(all(feature = "hydrate", feature = "app"))]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    use leptos::prelude::*;
    use leptos::tachys::{hydration::Cursor, view::PositionState};

    console_error_panic_hook::set_once();
    // Fails only if there is an executor already.
    let _ = any_spawner::Executor::init_wasm_bindgen();
    let Some(root) = document().get_element_by_id(app::ROOT_ID) else { return };
    // As `leptos::mount::hydrate_from`, but nothing is shared with the server: this page has no resources, suspense or
    // error boundaries, and reading theirs would be 5 kB of it, compressed.
    let owner = Owner::new_root(None);
    let view = owner.with(|| app::App().hydrate::<true>(&Cursor::new(root), &PositionState::default()));
    std::mem::forget((owner, view));
}

/// Compiles the README's code.
#[cfg(all(doctest, feature = "ssr"))]
#[doc = include_str!("../README.md")]
struct Readme;
