use ::http::Uri;

/// The pages of other sites that may speak Companion's protocol with this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Whether a browser's `Origin` header names one of them.
    #[must_use]
    pub fn contains(&self, origin: &str) -> bool {
        self.0.iter().any(|own| own == origin)
    }
}

/// `https://my-app.com, http://localhost:5173`. A star would let every page in the world upload in the name of this site.
pub(super) fn parse_origins(list: &str) -> Result<Origins, String> {
    let origins = list.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    origins.map(parse_origin).collect::<Result<_, _>>().map(Origins)
}

/// As browsers write it: in lower case, without a path, and without the port that its scheme has anyway.
fn parse_origin(text: &str) -> Result<String, String> {
    let error = || format!("`{text}` is not an origin like https://my-app.com or http://localhost:5173");
    let lower = text.trim_end_matches('/').to_ascii_lowercase();
    let uri: Uri = lower.parse().map_err(|_| error())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(error());
    };
    if authority.as_str().contains(['@', '*']) || lower != format!("{scheme}://{authority}") {
        return Err(error());
    }
    let usual_port = if scheme == "https" { ":443" } else { ":80" };
    Ok(lower.strip_suffix(usual_port).unwrap_or(&lower).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        let origins = parse_origins("https://My-App.com/, http://localhost:5173,https://a.example:443").unwrap();
        assert_eq!(origins.0, ["https://my-app.com", "http://localhost:5173", "https://a.example"]);
        assert!(origins.contains("http://localhost:5173") && !origins.contains("https://localhost:5173"));
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        for text in
            ["*", "my-app.com", "https://*.my-app.com", "https://my-app.com/page", "ftp://a", "https://", "null"]
        {
            assert!(parse_origins(text).is_err(), "{text}");
        }
    }
}
