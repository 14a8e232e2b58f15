use std::{
    fmt, fs,
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::private;
use crate::server::random::random_id;

pub(super) const FILE: &str = ".keys.json";

/// What this store's requests and tokens are signed with: random, made at the first start, readable
/// for nobody but the server's user.
#[derive(Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) upload_secret: String,
}

impl Keys {
    /// The keys in `dir`, which is made if there is none.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        create_private(dir)?;
        let path = dir.join(FILE);
        match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json).map_err(|error| {
                let advice = format!("{} can't be read ({error}). Delete it to get new keys.", path.display());
                io::Error::new(io::ErrorKind::InvalidData, advice)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(&path),
            Err(error) => Err(error),
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        let keys = Self {
            access_key: random_id(),
            secret_key: random_id() + &random_id(),
            upload_secret: random_id() + &random_id(),
        };
        // Renamed when it is complete: a crash leaves no half of a file.
        let unfinished = path.with_extension("new");
        let mut file = private::to_write().create(true).truncate(true).open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(&keys)?)?;
        file.sync_all()?;
        fs::rename(unfinished, path)?;
        sync_names(path.parent().unwrap_or(Path::new(".")))?;
        Ok(keys)
    }
}

/// A directory's own name is kept as what is in it.
fn create_private(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_private(above)?;
    match private::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !dir.is_dir() => Err(error),
        _ => sync_names(above),
    }
}

fn sync_names(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(dir)?.sync_all() } else { Ok(()) }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let made = Keys::open(dir.path()).unwrap();
        let read = Keys::open(dir.path()).unwrap();
        assert_eq!(made.secret_key, read.secret_key);
        assert_ne!(made.secret_key, Keys::open(tempfile::tempdir().unwrap().path()).unwrap().secret_key);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_them() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        Keys::open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
