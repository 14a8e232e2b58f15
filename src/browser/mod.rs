//! The engine's hands: `XMLHttpRequest`, timers, files, `IndexedDB`. Decides nothing.
//!
//! [`Driver`] owns an [`Engine`](crate::engine::Engine), performs its outputs and feeds it what the browser and the
//! [`UploadServer`] answer. Everything here runs in a browser only; on the server nothing of it is ever created.

mod awake;
mod blocked;
mod body;
mod calls;
mod clock;
mod companion;
mod driver;
mod dropped;
mod fetch;
mod fingerprint;
mod journal;
mod observer;
mod opened;
mod page_lock;
mod picker;
mod promised;
mod reading;
mod reopening;
mod request;
mod response;
mod resuming;
mod server;
mod system_files;

pub use companion::Companion;
pub use driver::{Driver, FileMeta, PlanFile, Setup};
pub use dropped::files_of;
pub use fetch::{Answer, CALL_TIMEOUT, COMPLETE_CALL_TIMEOUT, post_json};
pub use observer::Observer;
pub use opened::{Opened, PickedFile, Unopened, picked};
pub use picker::pick_files;
use promised::promised;
pub use reading::is_available;
pub use server::{GetUploadParameters, LocalFuture, UploadServer};
