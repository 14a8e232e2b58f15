use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{api_error, is_api};
use crate::server::config::{AllowedHosts, Config};

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What a proxy says of the visitor's request.
const FORWARDED: [HeaderName; 2] = [FORWARDED_HOST, HeaderName::from_static("x-forwarded-proto")];

/// Which hosts are this server's, and whose word counts for what a visitor asked a proxy for.
#[derive(Clone, Debug)]
pub(in crate::server) struct HostCheck {
    hosts: AllowedHosts,
    trust_proxy: Option<bool>,
    /// Anybody can have a request refused, and the first line says it all.
    is_logged: Arc<AtomicBool>,
}

impl HostCheck {
    pub(in crate::server) fn new(config: &Config) -> Self {
        Self { hosts: config.allowed_hosts(), trust_proxy: config.trust_proxy, is_logged: Arc::default() }
    }

    /// Whether the peer's `X-Forwarded-Host` and `X-Forwarded-Proto` count. Where the operator says nothing, a proxy is what
    /// connects from this machine or its private network; nobody in the internet is.
    fn trusts(&self, peer: Option<IpAddr>) -> bool {
        self.trust_proxy.unwrap_or_else(|| peer.is_some_and(is_private))
    }

    /// The host that is not this server's, if a request has one.
    fn foreign<'a>(&self, request: &'a Request) -> Option<&'a str> {
        let host = |name| request.headers().get(name).map(|host| host.to_str().unwrap_or_default());
        let target = request.uri().authority().map(Authority::as_str);
        let forwarded = host(FORWARDED_HOST).map(first_of_list).filter(|host| !host.is_empty());
        // A page can set the one on this machine, but never `Host`: where nobody vouches for the proxy, both have to be ours.
        let own = host(header::HOST).filter(|_| forwarded.is_none() || self.trust_proxy != Some(true));
        [target, forwarded, own].into_iter().flatten().find(|host| !self.hosts.allows(host))
    }

    fn refuse(&self, path: &str, host: &str) -> Response {
        let text = format!(
            "This server is not known as {host:?}. If it is yours: set UPLOAD_ORIGINS to the page's origin as browsers show \
             it, such as https://uploads.my-app.com, or UPLOAD_HOSTS to the host."
        );
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            eprintln!("{text} A request for it was refused with 421; no other such refusal is logged.");
        }
        if is_api(path) {
            return api_error(StatusCode::MISDIRECTED_REQUEST, json!({ "BadRequest": text }));
        }
        (StatusCode::MISDIRECTED_REQUEST, [(header::CACHE_CONTROL, "no-store")], text).into_response()
    }
}

/// Refuses requests for other hosts than this server's, so that everything behind this may take `Host` and
/// `X-Forwarded-Host` at their word. Browsers send a `Host` always: a request without one comes from none.
pub(in crate::server) async fn check_host(
    State(check): State<HostCheck>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    if !check.trusts(peer) {
        forget_proxy(request.headers_mut());
    }
    match check.foreign(&request) {
        Some(host) => check.refuse(request.uri().path(), host),
        None => next.run(request).await,
    }
}

fn forget_proxy(headers: &mut HeaderMap) {
    for name in FORWARDED {
        headers.remove(name);
    }
}

/// Each proxy appends: the first is what the visitor asked for.
fn first_of_list(hosts: &str) -> &str {
    hosts.split(',').next().unwrap_or_default().trim()
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn check(variables: &[(&str, &str)]) -> HostCheck {
        let lookup = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        HostCheck::new(&Config::from_lookup(lookup).unwrap())
    }

    fn request(target: &str, headers: &[(&str, &str)]) -> Request {
        let request = Request::builder().uri(target);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .body(Body::empty())
            .unwrap()
    }

    #[test]
    fn a_peer_in_the_internet_has_no_say_in_what_a_visitor_asked_a_proxy_for() {
        let trusted =
            |trust: &[(&str, &str)], peer: Option<&str>| check(trust).trusts(peer.map(|ip| ip.parse().unwrap()));
        for peer in
            ["127.0.0.1", "::1", "10.0.0.7", "172.17.0.1", "192.168.1.7", "fd00::1", "::ffff:10.0.0.7", "fe80::1"]
        {
            assert!(trusted(&[], Some(peer)), "{peer}");
            assert!(!trusted(&[("TRUST_PROXY", "false")], Some(peer)), "{peer}");
        }
        for peer in [Some("203.0.113.7"), Some("2001:db8::1"), Some("::ffff:203.0.113.7"), Some("172.32.0.1"), None] {
            assert!(!trusted(&[], peer), "{peer:?}");
            assert!(trusted(&[("TRUST_PROXY", "true")], peer), "{peer:?}");
        }
    }

    #[test]
    fn a_page_that_was_rebound_to_this_machine_can_not_say_that_a_proxy_asked_for_another_host() {
        let rebound = request("/", &[("host", "evil.example:3000"), ("x-forwarded-host", "localhost:3000")]);
        assert_eq!(check(&[]).foreign(&rebound), Some("evil.example:3000"));
    }

    #[test]
    fn a_proxy_that_the_operator_trusts_may_call_this_server_what_it_likes() {
        let trusted = check(&[("TRUST_PROXY", "true"), ("UPLOAD_HOSTS", "up.example")]);
        let host = ("host", "backend:3000");
        assert_eq!(trusted.foreign(&request("/", &[host, ("x-forwarded-host", "up.example, backend")])), None);
        assert_eq!(trusted.foreign(&request("/", &[host])), Some("backend:3000"));
        let other = request("/", &[("host", "up.example"), ("x-forwarded-host", "evil.example")]);
        assert_eq!(trusted.foreign(&other), Some("evil.example"));
    }

    #[test]
    fn the_host_of_a_target_counts_too() {
        let target = request("http://evil.example/", &[("host", "localhost")]);
        assert_eq!(check(&[]).foreign(&target), Some("evil.example"));
        assert_eq!(check(&[]).foreign(&request("/", &[])), None);
    }
}
