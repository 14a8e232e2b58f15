use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use serde::Deserialize;

use super::files::{UPLOAD, Upload};

/// How long an upload stays that can't be read: somebody may want to look at it.
const MAX_UNREADABLE_AGE: Duration = Duration::from_hours(24);

/// Whether nobody can go on with an upload, and nobody lists it: what it was begun with can't be read. It was not whole when
/// the power went.
pub(super) fn is_unreadable_since_long(dir: &Path) -> bool {
    let is_old = |modified: SystemTime| modified.elapsed().is_ok_and(|age| age > MAX_UNREADABLE_AGE);
    let is_unreadable = read::<Upload>(&dir.join(UPLOAD)).is_err();
    is_unreadable && dir.metadata().and_then(|metadata| metadata.modified()).is_ok_and(is_old)
}

/// Whether a file is there, but was not written whole.
pub(super) fn is_unreadable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

pub(super) fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// The names in a directory; none if there is no directory.
pub(super) fn names(dir: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
