//! What can go wrong between the agent and the kernel's BPF side, told so that a person can act on it.

use std::{error::Error, io};

use aya::{
    EbpfError,
    maps::{Map, MapError},
    programs::ProgramError,
};
use nix::net::if_::if_indextoname;
use thiserror::Error;

use super::link::{Hook, Place};

/// Why the program is not loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Built without the object.
    #[error("this build carries no BPF object: `cargo xtask build-ebpf` makes one that does")]
    NoObject,
    /// No right to.
    #[error(
        "no permission to load the XDP program: run as root or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, \
         and see that neither a container nor lockdown forbids bpf(2)"
    )]
    Permission,
    /// Too little memory, or (before kernel 5.11) too low a limit of locked memory.
    #[error(
        "no memory for the maps of the XDP program: raise RLIMIT_MEMLOCK or the memory limit of the service"
    )]
    Memory,
    /// No bpf(2).
    #[error("this kernel has no BPF")]
    NoBpf,
    /// The verifier's verdict; its words go to the log at debug.
    #[error(
        "the kernel's verifier refused the XDP program, which was tried on Linux 6.1 and later; --log-level debug shows its words"
    )]
    Verifier {
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// The object is not the one that belongs to this agent.
    #[error("the embedded BPF object has no {what} as this agent knows it: run `cargo xtask build-ebpf`")]
    Foreign {
        /// The program or map.
        what: &'static str,
    },
    /// Anything else.
    #[error("cannot load the XDP program: {0}")]
    Other(Box<dyn Error + Send + Sync>),
}

impl LoadError {
    pub(super) fn from_loading(error: EbpfError) -> Self {
        Self::classified(error)
    }

    pub(super) fn from_verifying(error: ProgramError) -> Self {
        if let ProgramError::LoadError { io_error, verifier_log } = &error
            && let Some(code @ (libc::EINVAL | libc::EACCES | libc::E2BIG)) = io_error.raw_os_error()
        {
            tracing::debug!(log = last_lines(&verifier_log.to_string(), 8), "the verifier's last words");
            return Self::Verifier { source: io::Error::from_raw_os_error(code) };
        }
        Self::classified(error)
    }

    fn classified(error: impl Error + Send + Sync + 'static) -> Self {
        match system_error(&error) {
            Some(libc::EPERM | libc::EACCES) => Self::Permission,
            Some(libc::ENOMEM) => Self::Memory,
            Some(libc::ENOSYS) => Self::NoBpf,
            Some(_) | None => Self::Other(chain(&error).into()),
        }
    }
}

/// The map as its type; anything else is an object that does not belong to this agent.
pub(super) fn prepared<T: TryFrom<Map, Error = MapError>>(
    what: &'static str,
    map: Option<Map>,
) -> Result<T, LoadError> {
    map.and_then(|map| T::try_from(map).ok()).ok_or(LoadError::Foreign { what })
}

/// Why the program is not on a port.
#[derive(Debug, Error)]
pub enum AttachError {
    /// Somebody else's program is there.
    #[error(
        "another XDP program is on interface {ifindex} (or on a device above it) and stays there: \
         `ip link show` names it; take it off, or use `--xdp off`"
    )]
    Occupied {
        /// The port.
        ifindex: u32,
    },
    /// The driver has no XDP, or not with this MTU or number of queues.
    #[error("the driver of interface {ifindex} does not take {hook}: {source}")]
    Unsupported {
        /// The port.
        ifindex: u32,
        /// The hook asked for.
        hook: Hook,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// No such port.
    #[error("interface {ifindex} does not exist")]
    NoPort {
        /// The port.
        ifindex: u32,
    },
    /// No right to.
    #[error("no permission to attach to interface {ifindex}: CAP_NET_ADMIN is needed")]
    Permission {
        /// The port.
        ifindex: u32,
    },
    /// The program is not loaded.
    #[error("the XDP program is not loaded")]
    NotLoaded,
    /// The programs of the tcx hooks are not loaded.
    #[error("cannot attach to the tcx hooks of interface {ifindex}: {reason}")]
    NoTc {
        /// The port.
        ifindex: u32,
        /// As [`super::Program::tc_trouble`] says.
        reason: String,
    },
    /// Anything else.
    #[error("cannot attach to {hook} of interface {ifindex}: {source}")]
    Other {
        /// The port.
        ifindex: u32,
        /// The hook asked for.
        hook: Hook,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
}

impl AttachError {
    pub(super) fn from_kernel(ifindex: u32, hook: Hook, source: io::Error) -> Self {
        match source.raw_os_error() {
            // EBUSY: on the port itself; EEXIST: in the other mode, or on a device above. A tcx hook has room for many.
            Some(libc::EBUSY | libc::EEXIST) if hook.place() == Place::Xdp => Self::Occupied { ifindex },
            Some(libc::ENODEV) => Self::NoPort { ifindex },
            // Of a port that is not there the kernel says EINVAL, too.
            Some(libc::EINVAL) if !exists(ifindex) => Self::NoPort { ifindex },
            // ERANGE, EINVAL and E2BIG are what drivers say to an MTU or a number of queues.
            Some(libc::EOPNOTSUPP | libc::ERANGE | libc::EINVAL | libc::E2BIG) => {
                Self::Unsupported { ifindex, hook, source }
            }
            Some(libc::EPERM) => Self::Permission { ifindex },
            Some(_) | None => Self::Other { ifindex, hook, source },
        }
    }
}

/// Why a link of a predecessor is not ours.
#[derive(Debug, Error)]
#[error("cannot take over the {hook} link of interface {ifindex}, which is detached now: {source}")]
pub struct TakeOverError {
    /// Where it was.
    pub hook: Hook,
    /// The port.
    pub ifindex: u32,
    /// What the kernel answered, or what else is wrong with it.
    #[source]
    pub source: io::Error,
}

/// Whether there is an interface of that index here. nix answers with an empty name when there is none.
fn exists(ifindex: u32) -> bool {
    if_indextoname(ifindex).is_ok_and(|name| !name.is_empty())
}

/// A failed map operation as what the kernel said.
pub(super) fn map_error(what: &str, error: MapError) -> io::Error {
    match system_error(&error) {
        Some(libc::E2BIG | libc::ENOSPC) => {
            io::Error::new(io::ErrorKind::StorageFull, format!("{what}: the map is full"))
        }
        Some(code) => {
            let source = io::Error::from_raw_os_error(code);
            io::Error::new(source.kind(), format!("{what}: {source}"))
        }
        None => io::Error::other(format!("{what}: {}", chain(&error))),
    }
}

/// The system's error number, from wherever in the chain it is.
pub(super) fn system_error(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        cause = error.source();
    }
    None
}

/// The whole chain in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}
