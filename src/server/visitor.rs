use std::fmt;

use super::random::{is_random_id, random_id};

/// Who is asking: a random id in a cookie. It holds no more than that two calls come from the same
/// browser, which is what keeps one visitor's upload tokens useless to another.
#[derive(Clone, PartialEq, Eq)]
pub struct Visitor(String);

impl Visitor {
    /// A visitor never seen before.
    #[must_use]
    pub fn new() -> Self {
        Self(random_id())
    }

    /// The visitor whose cookie has this value; `None` where it is none of ours.
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        is_random_id(value).then(|| Self(value.to_owned()))
    }

    /// All clients that speak Companion's protocol. They have nothing to tell them apart by: browsers keep cookies from
    /// calls to another site, and Uppy asks for none to be sent. What lets a client go on with an upload is the token
    /// alone, which nobody was given but the client that began it, and nobody can make or guess. No cookie has this
    /// value, so the tokens of the one protocol are of no use in the other.
    pub(super) fn companion() -> Self {
        Self("companion".to_owned())
    }

    /// The cookie's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Visitor {
    fn default() -> Self {
        Self::new()
    }
}

/// Whoever has the id is the visitor, so it stays out of logs.
impl fmt::Debug for Visitor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Visitor(…)")
    }
}
