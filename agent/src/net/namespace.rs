//! Network namespaces by name, as `ip netns` keeps them.
//!
//! Owns what a name means and the way in. Who is to go where is for the caller to say, before it starts threads.

use std::{fs, fs::File, io, os::unix::fs::MetadataExt, path::PathBuf};

use nix::{
    errno::Errno,
    sched::{CloneFlags, setns},
};

/// Where `ip netns add` puts them.
const DIRECTORY: &str = "/run/netns";
/// Where this thread is.
const HERE: &str = "/proc/thread-self/ns/net";

/// Why there is no way in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be the name of one.
    #[error("network namespace `{0}`: a name without slashes is expected")]
    Name(String),
    /// There is none of that name, or it cannot be seen.
    #[error("network namespace `{name}`: cannot open {path}: {error}; make it with: ip netns add {name}")]
    Absent {
        /// The name.
        name: String,
        /// Where it would be.
        path: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
    /// It may not be entered.
    #[error(
        "network namespace `{name}`: cannot enter it: {error}; it takes CAP_SYS_ADMIN, or a start inside it: \
         ip netns exec {name} …"
    )]
    Closed {
        /// The name.
        name: String,
        /// What the kernel said.
        error: Errno,
    },
}

/// Takes this thread into it, and with it all threads and processes that it starts from then on.
///
/// # Errors
/// There is none of that name, or it may not be entered. A thread that is in it already needs no permission.
pub fn enter(name: &str) -> Result<(), Error> {
    let path = path(name).ok_or_else(|| Error::Name(name.to_owned()))?;
    let absent = |error| Error::Absent { name: name.to_owned(), path: path.clone(), error };
    let file = File::open(&path).map_err(absent)?;
    let there = file.metadata().map_err(absent)?;
    if fs::metadata(HERE).is_ok_and(|here| (here.dev(), here.ino()) == (there.dev(), there.ino())) {
        return Ok(());
    }
    setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| Error::Closed { name: name.to_owned(), error })
}

/// Whether there is one of that name.
///
/// # Errors
/// It cannot be known.
pub fn is_there(name: &str) -> io::Result<bool> {
    path(name).map_or(Ok(false), |path| path.try_exists())
}

/// Where it would be; none for what is no name.
fn path(name: &str) -> Option<PathBuf> {
    let usable = !matches!(name, "" | "." | "..") && !name.contains('/');
    usable.then(|| PathBuf::from(DIRECTORY).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for name in ["", ".", "..", "../net", "a/b", "/run/netns/a"] {
            assert!(matches!(enter(name), Err(Error::Name(_))), "{name}");
            assert!(!is_there(name).unwrap(), "{name}");
        }
    }

    #[test]
    fn a_namespace_that_is_not_there_is_said_with_what_makes_it() {
        let said = enter("regent-none").unwrap_err().to_string();
        assert!(
            said.contains("/run/netns/regent-none") && said.ends_with("ip netns add regent-none"),
            "{said}"
        );
    }
}
