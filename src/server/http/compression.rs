use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Method, header},
    middleware::Next,
    response::Response,
};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

/// The most answers that are compressed at one time. With Brotli each takes from one to twelve MiB until it is read, and
/// anybody may ask for one and read slowly.
const MAX_COMPRESSED: usize = 16;

/// Room for answers that are compressed.
#[derive(Clone, Debug)]
pub(in crate::server) struct Compressors(Arc<Semaphore>);

impl Default for Compressors {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_COMPRESSED)))
    }
}

/// Has only so many answers compressed at one time; others are sent as they are. Stands before what compresses.
pub(in crate::server) async fn bound_compression(
    State(compressors): State<Compressors>,
    mut request: Request,
    next: Next,
) -> Response {
    let free = (request.method() == Method::GET).then(|| compressors.0.try_acquire_owned().ok()).flatten();
    let Some(permit) = free else {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
        return next.run(request).await;
    };
    let response = next.run(request).await;
    if !response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _ = &permit;
            frame
        }))
    })
}
