use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::private;
use crate::server::random::random_id;

/// What the store changes of its directory, so that it is still there after a power loss when a call has been answered.
///
/// A file's bytes, and its name, are two things: `fsync` of a file keeps the one, of its directory the other, and without
/// them a file system may keep a name without bytes, or lose both. So bytes are synced before they get a name, and names
/// before whatever relies on them.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    root: PathBuf,
    syncs: bool,
    /// For whoever makes, fills or removes a directory: an empty one goes, and must not while it gets its first file.
    directories: Arc<Mutex<()>>,
}

impl Disk {
    /// Without `syncs` a power loss may take what was answered; a killed process never does.
    pub(super) fn new(root: &Path, syncs: bool) -> Self {
        Self { root: root.to_owned(), syncs, directories: Arc::default() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A path for what is not complete yet. s3s-fs removes such files at the next start.
    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join(format!(".tmp.{}.internal.part", random_id()))
    }

    /// Keeps the bytes that were written to a file.
    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        if self.syncs { file.sync_data() } else { Ok(()) }
    }

    /// Keeps the names in a directory.
    pub(super) fn sync_names(&self, dir: &Path) -> io::Result<()> {
        // Windows opens no directory as a file, and keeps names by itself.
        if self.syncs && cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    /// Keeps all that is there: a server that was killed may have left names that it had not synced yet, and this one answers
    /// for them.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if self.syncs {
            nix::unistd::syncfs(File::open(&self.root)?)?;
        }
        Ok(())
    }

    /// Gives a file its whole content, or leaves it as it was: nobody ever sees half of it.
    pub(super) fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let unfinished = self.temporary();
        let write = || {
            let mut file = private::to_write().create_new(true).open(&unfinished)?;
            file.write_all(content)?;
            self.sync(&file)?;
            fs::rename(&unfinished, path)
        };
        write().inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
        self.sync_names(path.parent().unwrap_or(&self.root))
    }

    /// Makes a directory and those above it that are not there.
    pub(super) fn create_dirs(&self, dir: &Path) -> io::Result<()> {
        let _directories = self.lock();
        self.create_locked_dirs(dir)
    }

    fn create_locked_dirs(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        let above = dir.parent().unwrap_or(&self.root);
        self.create_locked_dirs(above)?;
        match private::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.sync_names(above),
        }
    }

    /// Gives a file its name, in a directory that is made if there is none.
    pub(super) fn name(&self, file: &Path, name: &Path) -> io::Result<()> {
        let dir = name.parent().unwrap_or(&self.root);
        {
            let _directories = self.lock();
            self.create_locked_dirs(dir)?;
            fs::rename(file, name)?;
        }
        self.sync_names(dir)
    }

    /// Removes a directory in which nothing is.
    pub(super) fn remove_if_empty(&self, dir: &Path) {
        let _directories = self.lock();
        // Fails, as it should, where something is in it.
        let _ = fs::remove_dir(dir);
    }

    /// Gives a file or a directory another name.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        self.sync_names(to.parent().unwrap_or(&self.root))
    }

    /// Nothing is left half done by who panicked.
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_directory_that_is_removed_as_empty_does_not_take_the_name_of_the_next_file() {
        let root = tempfile::tempdir().unwrap();
        let disk = Disk::new(root.path(), false);
        let dir = root.path().join("bucket/folder");
        let name_and_remove = |file: &str| {
            for _ in 0..2_000 {
                let (unfinished, name) = (disk.temporary(), dir.join(file));
                fs::write(&unfinished, file).unwrap();
                disk.name(&unfinished, &name).unwrap();
                fs::remove_file(name).unwrap();
                disk.remove_if_empty(&dir);
            }
        };
        thread::scope(|threads| {
            threads.spawn(|| name_and_remove("a"));
            threads.spawn(|| name_and_remove("b"));
        });
    }
}
