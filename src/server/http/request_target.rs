use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Refuses requests whose target is a host and no path, as proxies get them (`CONNECT example.com:443`): Leptos takes it for
/// granted that there is a path.
pub(in crate::server) async fn refuse_without_path(request: Request, next: Next) -> Response {
    match request.uri().path_and_query() {
        Some(_) => next.run(request).await,
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}
