use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};

/// Temporary credentials are asked for again this long before they end.
const REFRESH_BEFORE_END: Duration = Duration::from_mins(5);

/// Credentials that name no end are asked for again after this long: somebody may have rotated them.
const REFRESH_ANYWAY: Duration = Duration::from_mins(15);

/// The credentials to sign with. AWS's provider chain answers anew on every call, over the network
/// where they come from a container or an instance; a signature must not wait for that.
#[derive(Debug)]
pub(super) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    credentials: Credentials,
    fetched: SystemTime,
}

impl CachedCredentials {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, cached: Mutex::new(None) }
    }

    /// Where they come from, for clients that ask on their own.
    pub(super) fn provider(&self) -> SharedCredentialsProvider {
        self.provider.clone()
    }

    /// Credentials that are good for some minutes after `now`, where the provider has any such.
    pub(super) async fn at(&self, now: SystemTime) -> Result<Credentials, CredentialsError> {
        if let Some(credentials) = self.fresh(now) {
            return Ok(credentials);
        }
        let credentials = match self.provider.provide_credentials().await {
            Ok(credentials) => credentials,
            // A provider that can't be reached just now takes nothing away from what it gave before.
            Err(error) => return self.usable(now).ok_or(error),
        };
        let cached = Cached { credentials: credentials.clone(), fetched: now };
        *self.lock() = Some(cached);
        Ok(credentials)
    }

    fn fresh(&self, now: SystemTime) -> Option<Credentials> {
        let guard = self.lock();
        let cached = guard.as_ref()?;
        let refresh_at = match cached.credentials.expiry() {
            Some(end) => end - REFRESH_BEFORE_END,
            None => cached.fetched + REFRESH_ANYWAY,
        };
        (now < refresh_at).then(|| cached.credentials.clone())
    }

    fn usable(&self, now: SystemTime) -> Option<Credentials> {
        let guard = self.lock();
        let credentials = &guard.as_ref()?.credentials;
        credentials.expiry().is_none_or(|end| now < end).then(|| credentials.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Cached>> {
        self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use aws_credential_types::provider::future;

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicU64);

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let nth = self.0.fetch_add(1, Ordering::Relaxed);
            let end = SystemTime::UNIX_EPOCH + Duration::from_hours(nth + 1);
            future::ProvideCredentials::ready(Ok(Credentials::new(nth.to_string(), "", None, Some(end), "test")))
        }
    }

    #[tokio::test]
    async fn credentials_are_fetched_once_and_again_shortly_before_they_end() {
        let cached = CachedCredentials::new(SharedCredentialsProvider::new(Counting::default()));
        for (minute, expected) in [(0, "0"), (54, "0"), (55, "1"), (114, "1"), (116, "2")] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_mins(minute);
            assert_eq!(cached.at(now).await.unwrap().access_key_id(), expected, "minute {minute}");
        }
    }
}
