use std::net::IpAddr;

use ::http::uri::Authority;

use super::Origin;

/// The hosts by which this server may be asked for.
///
/// A page of another site whose name is rebound to this server's address ("DNS rebinding") is same-origin with it in the
/// eyes of a browser; but the browser still sends the page's own name as `Host`. So names are believed only if the operator
/// knows them. An IP address is no name that anybody could rebind, and `localhost` is never looked up in the DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts {
    names: Vec<HostName>,
    allows_any: bool,
}

/// A host's name in lower case, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl AllowedHosts {
    /// The hosts of `origins`, and those of `UPLOAD_HOSTS`; `None` stands for every host.
    pub(super) fn new(origins: &[Origin], hosts: Option<&[HostName]>) -> Self {
        let of_origins = origins.iter().filter_map(|origin| name_of(origin.authority()));
        let names = of_origins.chain(hosts.into_iter().flatten().cloned()).collect();
        Self { names, allows_any: hosts.is_none() }
    }

    /// Whether a request may have this `Host`: a name or an address, and perhaps a port, which is not compared.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let Some(name) = name_of(host) else { return false };
        self.allows_any || name.is_fixed() || self.names.contains(&name)
    }

    /// Whether the operator expects visitors from other machines, through a proxy or a name of this one.
    pub(in crate::server) fn has_public_name(&self) -> bool {
        self.allows_any || self.names.iter().any(|name| !name.is_loopback())
    }
}

impl HostName {
    /// Whether no DNS has a say in where it leads.
    fn is_fixed(&self) -> bool {
        self.0 == "localhost" || self.ip().is_some()
    }

    fn is_loopback(&self) -> bool {
        self.0 == "localhost" || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    fn ip(&self) -> Option<IpAddr> {
        self.0.trim_matches(['[', ']']).parse().ok()
    }
}

/// The name in `example.com:3000`; `None` for what is no host.
fn name_of(host: &str) -> Option<HostName> {
    let authority = host.parse::<Authority>().ok().filter(|_| !host.contains('@'))?;
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    (!name.is_empty()).then_some(HostName(name))
}

/// Names with commas between, or `*`, which is `None`.
pub(super) fn parse_hosts(text: &str) -> Result<Option<Vec<HostName>>, String> {
    if text == "*" {
        return Ok(None);
    }
    let parse = |host: &str| {
        let is_name = |name: &HostName| name.ip().is_some() || !name.0.contains(['*', ':', '/']);
        let name = name_of(host.trim()).filter(|name| is_name(name) && !host.contains('*'));
        name.ok_or_else(|| format!("`{host}` is not a host like uploads.my-app.com"))
    };
    text.split(',').map(parse).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&str], hosts: &str) -> AllowedHosts {
        let origins: Vec<_> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        AllowedHosts::new(&origins, parse_hosts(hosts).unwrap().as_deref())
    }

    #[test]
    fn a_name_is_allowed_only_if_the_operator_knows_it() {
        let hosts = allowed(&["https://Up.example", "http://nas.local:3000"], "lb.example, b.example");
        for host in ["up.example", "UP.example:443", "up.example.", "nas.local:8080", "lb.example", "b.example:1"] {
            assert!(hosts.allows(host), "{host}");
        }
        for host in ["evil.example", "up.example.evil.example", "evilup.example", "example", "", ":80", "me@up.example"]
        {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn what_no_dns_can_rebind_is_allowed_everywhere() {
        let hosts = allowed(&[], "a.example");
        for host in ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000", "192.168.1.7:3000", "[fd00::1]"] {
            assert!(hosts.allows(host), "{host}");
        }
        for host in ["127.0.0.1.evil.example", "localhost.evil.example", "evil.localhost", "0x7f.1", "::1"] {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn a_star_allows_every_host_and_nothing_that_is_none() {
        let hosts = allowed(&[], "*");
        assert!(hosts.allows("any.example:3000"));
        assert!(!hosts.allows("a/b"));
    }

    #[test]
    fn a_host_is_a_name_without_a_scheme_a_path_or_a_star() {
        for text in ["https://up.example", "up.example/page", "*.example", "a,,b", "a b", "me@a"] {
            assert!(parse_hosts(text).is_err(), "{text}");
        }
    }
}
