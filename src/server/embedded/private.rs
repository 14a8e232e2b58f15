//! What visitors upload is for the server's user, not for everybody who has an account on the machine, whoever has made the
//! directory above. Where there are no modes of Unix, files have the permissions of their directory.

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    path::Path,
};

/// How a file is opened to be written; one that is made is the server's user's alone.
pub(super) fn to_write() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a directory that is the server's user's alone.
pub(super) fn create_dir(dir: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
