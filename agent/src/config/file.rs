//! Reading one config file: whole, bounded, UTF-8, or one clear error.

use std::{
    fs::OpenOptions,
    io::Read,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A larger file is no config.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// A file cannot be read. Says what, on what, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("cannot read config `{}`: there is no such file; check the path", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is a directory.
    #[error("cannot read config `{}`: it is a directory; name a file in it", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// It is a socket, a pipe or a device.
    #[error("cannot read config `{}`: it is not a regular file; name one", path.display())]
    NotAFile {
        /// The thing.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("cannot read config `{}`: {source}; check its permissions and those of its directories", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not text.
    #[error("cannot read config `{}`: line {line} is not UTF-8 (byte {byte}); save the file as UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first bad byte, from 1.
        line: usize,
        /// Offset of the first bad byte.
        byte: usize,
    },
    /// It is larger than any config.
    #[error("cannot read config `{}`: it is larger than {} MiB; is it the right file?", path.display(), MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// The text of a file.
///
/// # Errors
/// One [`LoadError`] that names the file and says what to do.
pub(super) fn read(path: &Path) -> Result<String, LoadError> {
    let path_buf = || path.to_owned();
    let refused = |source: std::io::Error| match source.kind() == std::io::ErrorKind::NotFound {
        true => LoadError::Missing { path: path_buf() },
        false => LoadError::Unreadable { path: path_buf(), source },
    };
    // What is opened is what is looked at. A pipe would wait for its writer for ever, and a terminal might become ours.
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let metadata = std::fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() && !metadata.is_dir() {
        // Not even opened: some devices act on it.
        return Err(LoadError::NotAFile { path: path_buf() });
    }
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    if metadata.is_dir() {
        return Err(LoadError::Directory { path: path_buf() });
    }
    if !metadata.is_file() {
        return Err(LoadError::NotAFile { path: path_buf() });
    }
    read_from(file, path)
}

/// A text from anywhere, called `path`.
///
/// # Errors
/// As [`read`].
pub(super) fn read_from(from: impl Read, path: &Path) -> Result<String, LoadError> {
    let path_buf = || path.to_owned();
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| LoadError::Unreadable { path: path_buf(), source })?;
    if bytes.len() > MAX_BYTES {
        return Err(LoadError::TooLarge { path: path_buf() });
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1;
        LoadError::NotUtf8 { path: path_buf(), line, byte }
    })
}

/// Somebody may run it.
pub(super) fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}
