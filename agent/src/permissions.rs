//! Users, and who may run and who may change a file, by owner and permission bits of every part of its path.
//!
//! For `agent check --here`. Looks and changes nothing; access control lists beyond the bits are not read.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::{Group, User};

/// Where programs are when PATH does not say.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// A user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Both are there.
    Known {
        /// User id.
        user: u32,
        /// Group id.
        group: u32,
    },
    /// There is no such user.
    NoUser,
    /// There is no such group.
    NoGroup,
}

/// A program as somebody would run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Missing,
    /// It is there and cannot be run: because …
    Unfit(&'static str),
    /// It can be run. What of its path others than root could change, and how that is: `belongs to user 1000`.
    Fit(Vec<(PathBuf, String)>),
}

/// A user and a group, each by name or number; without a group the user's own.
///
/// # Errors
/// Users or groups cannot be looked up.
pub fn account(user: &str, group: Option<&str>) -> io::Result<Account> {
    let by_number = |number: u32| User::from_uid(number.into());
    let user = match (User::from_name(user)?, user.parse()) {
        (Some(user), _) => Some(user),
        (None, Ok(number)) => by_number(number)?,
        (None, Err(_)) => None,
    };
    let Some(user) = user else { return Ok(Account::NoUser) };
    let group = match group {
        None => Some(user.gid.as_raw()),
        Some(name) => Group::from_name(name)?.map(|group| group.gid.as_raw()).or_else(|| name.parse().ok()),
    };
    Ok(match group {
        Some(group) => Account::Known { user: user.uid.as_raw(), group },
        None => Account::NoGroup,
    })
}

/// A program as that user and group would run it. A name without a slash is looked for in PATH.
///
/// # Errors
/// A part of its path cannot be looked at.
pub fn program(path: &Path, user: u32, group: u32) -> io::Result<Standing> {
    let path = if path.components().count() == 1 && !path.is_absolute() {
        let Some(found) = in_search_path(path) else { return Ok(Standing::Missing) };
        found
    } else {
        // Programs start at the root directory.
        Path::new("/").join(path)
    };
    let resolved = match path.canonicalize() {
        Ok(resolved) => resolved,
        Err(error) if is_absence(&error) => return Ok(Standing::Missing),
        Err(error) => return Err(error),
    };
    let metadata = fs::metadata(&resolved)?;
    if metadata.is_dir() {
        return Ok(Standing::Unfit("it is a directory"));
    }
    if !metadata.is_file() {
        return Ok(Standing::Unfit("it is not a file"));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Ok(Standing::Unfit("it is not executable: chmod +x makes it so"));
    }
    if !may_execute(&metadata, user, group) {
        return Ok(Standing::Unfit("its user may not execute it"));
    }
    for directory in resolved.ancestors().skip(1) {
        if !may_execute(&fs::metadata(directory)?, user, group) {
            return Ok(Standing::Unfit("its user may not enter a directory of its path"));
        }
    }
    Ok(Standing::Fit(changeable(&path, &resolved)?))
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn in_search_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| {
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

/// The class of permission bits that counts is the first that fits, as in the kernel. Root needs any of them.
fn may_execute(metadata: &Metadata, user: u32, group: u32) -> bool {
    let mode = metadata.permissions().mode();
    let bit = match (user, metadata.uid() == user, metadata.gid() == group) {
        (0, _, _) if metadata.is_dir() => return true,
        (0, _, _) => 0o111,
        (_, true, _) => 0o100,
        (_, false, true) => 0o010,
        (_, false, false) => 0o001,
    };
    mode & bit != 0
}

/// Parts of a path, as it is written and as it resolves, that others than root could change.
fn changeable(path: &Path, resolved: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    for part in path.ancestors().chain(resolved.ancestors()) {
        let metadata = fs::symlink_metadata(part)?;
        if let Some(how) = openness(&metadata)
            && !found.iter().any(|(known, _)| known == part)
        {
            found.push((part.to_owned(), how));
        }
    }
    // From the root on, as people read a path.
    found.sort();
    Ok(found)
}

/// How others than root could change it: what it holds, or what stands in its place.
fn openness(metadata: &Metadata) -> Option<String> {
    let mode = metadata.permissions().mode();
    if metadata.uid() != 0 {
        return Some(format!("belongs to user {}", metadata.uid()));
    }
    // The bits of a symbolic link mean nothing; in a sticky directory only its owner replaces a file.
    if metadata.is_symlink() || (metadata.is_dir() && mode & STICKY != 0) {
        return None;
    }
    if mode & OTHERS_WRITE != 0 {
        return Some("can be written by everybody".to_owned());
    }
    (mode & GROUP_WRITES != 0 && metadata.gid() != 0)
        .then(|| format!("can be written by group {}", metadata.gid()))
}

#[cfg(test)]
mod tests;
