//! Everything this server answers, as one axum router round a Leptos app.

use ::http::request::Parts;
use axum::{Extension, Router, extract::DefaultBodyLimit, middleware, routing::get};
use leptos::{context::provide_context, nonce::use_nonce, prelude::*};
use leptos_axum::{
    LeptosRoutes, ResponseOptions, file_and_error_handler_with_context, generate_route_list, site_pkg_dir_service,
    site_pkg_dir_service_route_path,
};
use tower_http::compression::{CompressionLayer, DefaultPredicate, Predicate, predicate::NotForContentType};

use super::{
    UploadService, Visitor,
    companion::companion_routes,
    http::{
        Compressors, HostCheck, OBJECT_PATH, Room, add_form_page, add_security_headers, bound_compression,
        buffer_api_body, check_host, content_security_policy, identify_visitor, open_object, refuse_cross_site,
        refuse_without_path, return_route, return_to_page,
    },
    service::FormPage,
};

/// Serves `app` inside `shell`, its server functions, and the files of the site.
///
/// Components and server functions find in their context an [`UploadService`], the [`Visitor`] and,
/// on the page, a [`FormPage`]. `app` also runs once right here, without a request and so without the
/// latter two.
///
/// Requests are answered for the hosts of [`Config::allowed_hosts`](super::Config::allowed_hosts) only, others with 421: in
/// an app of your own, let `UPLOAD_ORIGINS` name its origins.
pub fn router<App, Shell>(
    service: UploadService,
    options: LeptosOptions,
    app: impl Fn() -> App + Clone + Send + 'static,
    shell: impl Fn(LeptosOptions) -> Shell + Clone + Send + Sync + 'static,
) -> Router
where
    App: IntoView + 'static,
    Shell: IntoView + 'static,
{
    let context = {
        let service = service.clone();
        move || provide_request(&service)
    };
    let page = {
        let (options, shell) = (options.clone(), shell.clone());
        move || shell(options.clone())
    };
    // JSON answers hold tokens; compressed together with what a caller chose, their length would tell.
    let compressed = DefaultPredicate::new().and(NotForContentType::const_new("application/json"));
    let hosts = HostCheck::new(service.config());
    Router::new()
        .leptos_routes_with_context(&options, generate_route_list(app), context.clone(), page)
        // Leptos's own handler of files knows no 304.
        .route_service(&site_pkg_dir_service_route_path(&options), site_pkg_dir_service(&options))
        .fallback(file_and_error_handler_with_context(context, shell))
        .with_state(options)
        .merge(Router::new().route(OBJECT_PATH, get(open_object)).with_state(service.clone()))
        .route(&return_route(), get(return_to_page))
        .merge(companion_routes(service.clone()))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(service.clone(), add_form_page))
        .layer(middleware::from_fn_with_state(service, identify_visitor))
        .layer(middleware::from_fn(refuse_cross_site))
        .layer(middleware::from_fn_with_state(hosts, check_host))
        .layer(middleware::from_fn(buffer_api_body))
        .layer(Extension(Room::default()))
        .layer(CompressionLayer::new().compress_when(compressed))
        .layer(middleware::from_fn_with_state(Compressors::default(), bound_compression))
        .layer(middleware::from_fn(add_security_headers))
        .layer(middleware::from_fn(refuse_without_path))
}

fn provide_request(service: &UploadService) {
    provide_context(service.clone());
    if let Some(parts) = use_context::<Parts>() {
        if let Some(visitor) = parts.extensions.get::<Visitor>() {
            provide_context(visitor.clone());
        }
        if let Some(form_page) = parts.extensions.get::<FormPage>() {
            provide_context(form_page.clone());
        }
    }
    if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) {
        let policy = content_security_policy(&nonce, service.bucket().origin());
        if let Ok(policy) = policy.parse() {
            response.insert_header(::http::header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}
