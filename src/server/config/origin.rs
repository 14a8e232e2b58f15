use std::{fmt, net::SocketAddr, str::FromStr};

use ::http::Uri;

/// The origin of a page, as browsers send it: scheme, host, and a port that is not the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Where a page served at `site` is, without a proxy between.
    #[must_use]
    pub fn of_site(site: SocketAddr) -> Vec<Self> {
        let port = if site.port() == 80 { String::new() } else { format!(":{}", site.port()) };
        if site.ip().is_loopback() || site.ip().is_unspecified() {
            return ["localhost", "127.0.0.1"].map(|host| Self(format!("http://{host}{port}"))).to_vec();
        }
        let host = if site.is_ipv6() { format!("[{}]", site.ip()) } else { site.ip().to_string() };
        vec![Self(format!("http://{host}{port}"))]
    }

    /// As in the header `Origin`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `http` or `https`.
    pub(in crate::server) fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// The host, and the port if it is not the scheme's own.
    pub(super) fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Whether a browser that asks for this host, and perhaps port, may be on a page of this origin.
    pub(in crate::server) fn is_at(&self, host: &str) -> bool {
        format!("{}://{host}", self.scheme()).parse().is_ok_and(|origin: Self| origin == *self)
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origin = text.parse::<Uri>().ok().and_then(|uri| {
            let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
            let host = authority.host().to_ascii_lowercase();
            let legal = |b: u8| b.is_ascii_alphanumeric() || b".-_[]:".contains(&b);
            let is_bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
            let default = match scheme {
                "https" => 443,
                "http" => 80,
                _ => return None,
            };
            let port = authority.port_u16().filter(|port| *port != default).map(|port| format!(":{port}"));
            let origin = format!("{scheme}://{host}{}", port.unwrap_or_default());
            (is_bare && host.bytes().all(legal)).then_some(Self(origin))
        });
        origin.ok_or_else(|| format!("`{text}` is not an origin like https://my-app.com or http://localhost:3000"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Origins with commas between.
pub(super) fn parse_origins(text: &str) -> Result<Vec<Origin>, String> {
    text.split(',').map(|origin| origin.trim().parse()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_browser_would_send_is_refused() {
        for text in
            ["*", "my-app.com", "https://*.my-app.com", "https://my-app.com/page", "ftp://a", "https://", "null"]
        {
            assert!(parse_origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (text, expected) in [
            ("https://My-App.com/", "https://my-app.com"),
            ("https://my-app.com:443", "https://my-app.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), expected);
        }
        for text in ["", "*", "my-app.com", "https://a/b", "https://a?b", "ftp://a", "https://u@a", "https://a&b"] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_on_this_machine_has_two_names() {
        let origins = |site: &str| Origin::of_site(site.parse().unwrap()).into_iter().map(|origin| origin.0);
        assert_eq!(origins("0.0.0.0:3000").collect::<Vec<_>>(), ["http://localhost:3000", "http://127.0.0.1:3000"]);
        assert_eq!(origins("192.168.1.7:80").collect::<Vec<_>>(), ["http://192.168.1.7"]);
    }
}
