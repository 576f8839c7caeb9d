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
        make(&path.join("s3")).map_err(trouble)?;
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
}
