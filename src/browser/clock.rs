use crate::engine::Instant;

/// The page's monotonic clock: milliseconds since the page was opened.
pub(super) fn now() -> Instant {
    let ms = web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative, and far below 2^53")]
    Instant::from_millis(ms as u64)
}
