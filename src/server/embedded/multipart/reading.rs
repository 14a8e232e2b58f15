use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use serde::Deserialize;

use super::files::{UPLOAD, Upload};

/// How long an upload stays that can't be read: somebody may want to look at it.
const MAX_UNREADABLE_AGE: Duration = Duration::from_hours(24);

/// Whether nobody can resume an upload, and nobody lists it: what it was begun with is not there, or not whole, since the
/// power went. An error that says nothing of the file, as that too many are open, is no evidence.
pub(super) fn is_unreadable_since_long(dir: &Path) -> bool {
    let is_old = |modified: SystemTime| modified.elapsed().is_ok_and(|age| age > MAX_UNREADABLE_AGE);
    let Err(error) = read::<Upload>(&dir.join(UPLOAD)) else { return false };
    let is_no_upload = is_unreadable(&error) || error.kind() == io::ErrorKind::NotFound;
    is_no_upload && dir.metadata().and_then(|metadata| metadata.modified()).is_ok_and(is_old)
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

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn an_upload_is_unreadable_when_its_record_is_not_whole_for_a_day_and_not_when_it_can_not_be_read_now() {
        let root = tempfile::tempdir().unwrap();
        let upload = |name: &str, record: &dyn Fn(&Path), age: Duration| {
            let dir = root.path().join(name);
            fs::create_dir(&dir).unwrap();
            record(&dir.join(UPLOAD));
            File::open(&dir).unwrap().set_modified(SystemTime::now() - age).unwrap();
            is_unreadable_since_long(&dir)
        };
        let (hours, days) = (Duration::from_hours(23), Duration::from_hours(25));
        let half = |path: &Path| fs::write(path, r#"{"bucket":"up"#).unwrap();
        assert!(upload("empty", &|path| fs::write(path, "").unwrap(), days));
        assert!(upload("half", &half, days) && !upload("half of today", &half, hours));
        assert!(upload("none", &|_| (), days));
        let whole = r#"{"bucket":"b","key":"k","attributes":{},"with_sha256":false,"initiated_ms":0}"#;
        assert!(!upload("whole", &|path| fs::write(path, whole).unwrap(), days));
        // The system refuses to open it, and says nothing of what is in it.
        let loops = |path: &Path| std::os::unix::fs::symlink(path, path).unwrap();
        assert!(!upload("loop", &loops, days));
    }
}
