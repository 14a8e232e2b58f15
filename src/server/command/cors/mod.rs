//! The rules that let the page upload: shown, set, and tried as a browser tries them.

mod apply;
mod check;
mod instructions;
mod preflight;
mod rules;

pub use apply::apply;
pub use check::check;
pub(super) use check::{etag, exposes_etag, preflights};
pub use instructions::instructions;
pub use rules::{CorsOptions, CorsRule, CorsRules};
