//! The data folder: made when missing, for its owner's eyes only, and held by one process at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::Trouble;

/// A data folder that this process holds until the value is dropped, or the process ends in any way.
pub(super) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is missing, and takes hold of it.
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let trouble = |error| Trouble::Data { path: path.into(), error };
        make(path).map_err(trouble)?;
        make(&path.join("s3")).and_then(|()| close(&path.join("s3"), 0o700)).map_err(trouble)?;
        let lock = File::options().create(true).append(true).open(path.join("lock")).map_err(trouble)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.into(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Trouble::InUse { path: path.into() }),
            Err(TryLockError::Error(error)) => Err(trouble(error)),
        }
    }

    /// Returns the file of the DynamoDB engine.
    pub(super) fn dynamodb(&self) -> PathBuf {
        self.path.join("dynamodb.db")
    }

    /// Returns the folder of the S3 engine.
    pub(super) fn s3(&self) -> PathBuf {
        self.path.join("s3")
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    // Password hashes and pictures of people are kept here.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(path)
}

/// Makes `database` if it is missing, and keeps everybody else from reading it and its companions; new companions
/// take on its mode.
pub(super) fn keep_private(database: &Path) -> io::Result<()> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).append(true).open(database)?;
    for companion in ["", "-wal", "-shm"] {
        let mut file = database.as_os_str().to_owned();
        file.push(companion);
        match close(Path::new(&file), 0o600) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            closed => closed?,
        }
    }
    Ok(())
}

/// Gives `path` this mode if others than its owner may do anything with it.
#[cfg(unix)]
fn close(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 > 0 {
        permissions.set_mode(mode);
        std::fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

/// Does nothing: folders of users are closed to others here.
#[cfg(not(unix))]
fn close(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let held = DataFolder::open(&path).unwrap();
        let refused = DataFolder::open(&path).err().unwrap();
        assert!(matches!(refused, Trouble::InUse { .. }), "{refused}");
        drop(held);
        DataFolder::open(&path).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = DataFolder::open(&file.path().join("data")).err().unwrap().to_string();
        assert!(refused.contains("data: not a directory"), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_look_into_it() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let _held = DataFolder::open(&parent.path().join("data")).unwrap();
        let mode = std::fs::metadata(parent.path().join("data")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }

    #[cfg(unix)]
    #[test]
    fn an_open_folder_of_pictures_is_closed() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let pictures = parent.path().join("s3");
        std::fs::create_dir(&pictures).unwrap();
        std::fs::set_permissions(&pictures, std::fs::Permissions::from_mode(0o755)).unwrap();
        let _held = DataFolder::open(parent.path()).unwrap();
        let mode = std::fs::metadata(&pictures).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{mode:o}");
    }
}
