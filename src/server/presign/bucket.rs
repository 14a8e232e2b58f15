use std::{fmt, str::FromStr};

use ::http::{Uri, uri::Authority};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use thiserror::Error;

use crate::{s3::Key, server::provider::Addressing};

/// What AWS's signatures leave as it is in a path: RFC 3986's unreserved characters, and `/`.
const PATH: &AsciiSet = &super::query::UNRESERVED.remove(b'/');

/// Where a store answers: scheme, host, port, and a path for those that live below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    authority: Authority,
    path: String,
}

/// Why a text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not an endpoint like https://s3.example.com or http://127.0.0.1:9000")]
pub struct EndpointError;

impl Endpoint {
    /// The host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host()
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let uri: Uri = text.parse().map_err(|_| EndpointError)?;
        let scheme = match uri.scheme_str() {
            Some("https") => "https",
            Some("http") => "http",
            _ => return Err(EndpointError),
        };
        let authority = uri.authority().ok_or(EndpointError)?.clone();
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(EndpointError);
        }
        let default_port = if scheme == "https" { 443 } else { 80 };
        let authority = match authority.port_u16() {
            // Browsers leave a default port out of `Host`, which is signed.
            Some(port) if port == default_port => authority.host().parse().map_err(|_| EndpointError)?,
            _ => authority,
        };
        Ok(Self { scheme, authority, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// A bucket as its URLs name it, and the region its signatures name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    region: String,
    origin: String,
    host: String,
    path: String,
}

impl Bucket {
    /// The bucket `name` at `endpoint`.
    #[must_use]
    pub fn new(endpoint: &Endpoint, addressing: Addressing, name: String, region: String) -> Self {
        let (host, path) = match addressing {
            Addressing::VirtualHosted => (format!("{name}.{}", endpoint.authority), endpoint.path.clone()),
            Addressing::Path => (endpoint.authority.to_string(), format!("{}/{name}", endpoint.path)),
        };
        Self { name, region, origin: format!("{}://{host}", endpoint.scheme), host, path }
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region to sign with.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The origin its URLs have, as CORS and CSP write it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The `Host` header of its requests.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The bucket's root: where POST forms go.
    #[must_use]
    pub fn url(&self) -> String {
        let slash = if self.path.is_empty() { "/" } else { "" };
        format!("{}{}{slash}", self.origin, self.path)
    }

    /// An object's URL, without a query.
    #[must_use]
    pub fn object_url(&self, key: &Key) -> String {
        format!("{}{}/{}", self.origin, self.path, utf8_percent_encode(key.as_str(), PATH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(endpoint: &str, addressing: Addressing) -> Bucket {
        Bucket::new(&endpoint.parse().unwrap(), addressing, "photos".into(), "eu-central-1".into())
    }

    #[test]
    fn the_bucket_is_in_the_host_or_in_the_path() {
        let key = "a/b.txt".parse().unwrap();
        let hosted = bucket("https://s3.example.com", Addressing::VirtualHosted);
        assert_eq!(hosted.url(), "https://photos.s3.example.com/");
        assert_eq!(hosted.object_url(&key), "https://photos.s3.example.com/a/b.txt");
        let path = bucket("http://127.0.0.1:9000/", Addressing::Path);
        assert_eq!(path.url(), "http://127.0.0.1:9000/photos");
        assert_eq!(path.object_url(&key), "http://127.0.0.1:9000/photos/a/b.txt");
        let below = bucket("https://ref.example.co/storage/v1/s3", Addressing::Path);
        assert_eq!(below.object_url(&key), "https://ref.example.co/storage/v1/s3/photos/a/b.txt");
        assert_eq!(below.origin(), "https://ref.example.co");
    }

    #[test]
    fn a_key_is_encoded_as_sigv4_encodes_it() {
        let key = "a b+c/é~(1).txt".parse().unwrap();
        let url = bucket("https://s3.example.com", Addressing::Path).object_url(&key);
        assert_eq!(url, "https://s3.example.com/photos/a%20b%2Bc/%C3%A9~%281%29.txt");
    }

    #[test]
    fn a_default_port_is_left_out_as_browsers_leave_it_out() {
        assert_eq!(bucket("https://h:443", Addressing::Path).host(), "h");
        assert_eq!(bucket("http://h:443", Addressing::Path).host(), "h:443");
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in ["", "s3.example.com", "ftp://h", "https://", "https://me:pw@h", "https://h/?a=b"] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
