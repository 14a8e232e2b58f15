use std::str::FromStr;

use super::{
    environment::Environment,
    store::{StoreConfig, parse_endpoint},
};
use crate::server::{presign::Endpoint, provider::AWS};

/// Where clients of Companion's protocol that sign for themselves get credentials from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsConfig {
    /// Whose credentials they are, before they are narrowed down.
    pub role: RoleArn,
    /// Where STS answers; `None`: AWS's, in the bucket's region.
    pub endpoint: Option<Endpoint>,
}

/// The name of a role: `arn:aws:iam::123456789012:role/uploads`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(String);

impl StsConfig {
    /// Stores that have an STS besides AWS answer it at their own address.
    pub(super) fn read(env: &mut Environment<'_>, store: &StoreConfig, prefix: &str) -> Option<Self> {
        let role = env.parsed("COMPANION_STS_ROLE_ARN", str::parse::<RoleArn>);
        let endpoint = env.parsed("AWS_ENDPOINT_URL_STS", parse_endpoint);
        let role = role?;
        if env.text("COMPANION_ORIGINS").is_none() {
            env.problem(
                "COMPANION_STS_ROLE_ARN has no use without COMPANION_ORIGINS, whose pages its credentials are for.",
            );
        }
        if !prefix.is_ascii() || prefix.contains(['*', '?']) {
            env.problem(
                "UPLOAD_PREFIX has `*`, `?` or more than ASCII, which the policies for COMPANION_STS_ROLE_ARN can't have.",
            );
        }
        if prefix.is_empty() {
            env.problem(
                "UPLOAD_PREFIX is the bucket's root, and COMPANION_STS_ROLE_ARN would let any program overwrite any object of \
                 the bucket. Set UPLOAD_PREFIX to a folder.",
            );
        }
        let StoreConfig::S3(s3) = store else {
            env.problem("COMPANION_STS_ROLE_ARN has no use with the embedded store, which has no STS. Unset it.");
            return None;
        };
        let own = (*s3.provider != AWS).then(|| s3.endpoint.clone());
        Some(Self { role, endpoint: endpoint.or(own) })
    }
}

impl RoleArn {
    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `aws`, or another of AWS's worlds, such as `aws-cn`: the role's, and so the bucket's.
    #[must_use]
    pub fn partition(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }
}

impl FromStr for RoleArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.splitn(6, ':').collect();
        match fields[..] {
            ["arn", partition, "iam", _, _, role] if partition.starts_with("aws") && is_role(role) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(format!("`{text}` is not the ARN of a role like arn:aws:iam::123456789012:role/uploads")),
        }
    }
}

/// `role/`, perhaps a path, and a name.
fn is_role(resource: &str) -> bool {
    resource.starts_with("role/") && !resource.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_named_with_its_partition_and_nothing_else_is_a_role() {
        let role: RoleArn = "arn:aws-cn:iam::123456789012:role/a/b".parse().unwrap();
        assert_eq!((role.partition(), role.as_str()), ("aws-cn", "arn:aws-cn:iam::123456789012:role/a/b"));
        let roles = ["arn:aws:iam::123456789012:role/", "arn:aws:iam::123456789012:role/a/", "arn::iam:::role/a"];
        for text in ["", "uploads", "arn:aws:iam::123456789012:user/me", "arn:aws:s3:::bucket"].into_iter().chain(roles)
        {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
    }
}
