//! The demonstration: the page, its shell and its server functions.

#![allow(
    unreachable_pub,
    clippy::unused_async_trait_impl,
    reason = "what `#[component]` and `#[server]` generate is `pub`, and `async` without awaiting in the browser"
)]

mod answer;
mod api;
mod options_panel;
mod page;
mod question;
#[cfg(feature = "ssr")]
mod shell;
mod upload_server;

pub use api::ApiError;
pub use page::App;
#[cfg(feature = "ssr")]
pub use shell::shell;

/// The element that is hydrated.
pub const ROOT_ID: &str = "app";

/// Of the element that is hydrated: the checksum that the server signs.
const CHECKSUM_ATTRIBUTE: &str = "data-checksum";

/// The same of how many parts the store takes.
const MAX_PARTS_ATTRIBUTE: &str = "data-max-parts";

/// The same of how many of them it takes at one time, where it says so.
const MAX_PART_REQUESTS_ATTRIBUTE: &str = "data-max-part-requests";

/// The form that uploads one file without JavaScript; the dropzone's input belongs to it.
const FORM_ID: &str = "upload";
