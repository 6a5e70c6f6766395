//! A BPF link between a program and a hook of a port, and nothing but a link.
//!
//! A link never replaces a program of somebody else. It keeps its program on the port as long as anybody holds it: a
//! process by a descriptor, or a pin ([`super::Pins`]). One that nobody pinned goes with its process, however that ends.
//!
//! Creating a link, updating it, asking where it is, breaking it, and closing the last handle: each takes the kernel's
//! one lock for interfaces (RTNL), which others may hold for hundreds of milliseconds. Pinning does not, and removing a
//! pin leaves it to the kernel. Only [`Handle`]s leave the thread that attaches, so that another may ask and wait.

use std::{
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use super::{
    Mode,
    calls::{self, LinkInfo},
};

const BPF_XDP: u32 = 37;
const BPF_TCX_INGRESS: u32 = 46;
const BPF_TCX_EGRESS: u32 = 47;
const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;
/// Before every other program of the hook: one that ends the chain would else hide packets from ours.
const BPF_F_BEFORE: u32 = 1 << 3;
const BPF_LINK_TYPE_XDP: u32 = 6;
const BPF_LINK_TYPE_TCX: u32 = 11;

/// Where on a port a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// On frames that come in, before everything else. One program at a time, in either mode.
    Xdp(Mode),
    /// On packets that come in, before the stack (Linux 6.6). Programs stand in line.
    Ingress,
    /// On packets that leave (Linux 6.6). Programs stand in line.
    Egress,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Xdp(Mode::Native), Self::Xdp(Mode::Generic), Self::Ingress, Self::Egress];

    /// One word for files and messages between agents; the same in every version.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Xdp(Mode::Native) => "xdp-native",
            Self::Xdp(Mode::Generic) => "xdp-generic",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }

    /// The hook of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.word() == word)
    }

    /// The kind of hook: a port has at most one link of ours on each.
    pub const fn place(self) -> Place {
        match self {
            Self::Xdp(Mode::Native | Mode::Generic) => Place::Xdp,
            Self::Ingress => Place::Ingress,
            Self::Egress => Place::Egress,
        }
    }

    /// `attach_type` and `flags` of the kernel's interface.
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Xdp(Mode::Native) => (BPF_XDP, XDP_FLAGS_DRV_MODE),
            Self::Xdp(Mode::Generic) => (BPF_XDP, XDP_FLAGS_SKB_MODE),
            Self::Ingress => (BPF_TCX_INGRESS, BPF_F_BEFORE),
            Self::Egress => (BPF_TCX_EGRESS, BPF_F_BEFORE),
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xdp(Mode::Native) => "native XDP",
            Self::Xdp(Mode::Generic) => "generic XDP",
            Self::Ingress => "tcx ingress",
            Self::Egress => "tcx egress",
        })
    }
}

/// What the kernel says of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Names the link among all of the host, for as long as it exists.
    pub link: u32,
    /// Names the program among all of the host.
    pub program: u32,
    /// The port; `None` when it is gone or the link was detached.
    pub ifindex: Option<u32>,
    /// What kind of hook it is on.
    pub place: Place,
}

/// The kind of hook. The kernel does not tell in which mode XDP runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// XDP in either mode.
    Xdp,
    /// Incoming tcx.
    Ingress,
    /// Outgoing tcx.
    Egress,
    /// A link of a kind that no agent makes.
    Foreign,
}

impl Place {
    const fn of(info: &LinkInfo) -> Self {
        match (info.link_type, info.attach_type) {
            (BPF_LINK_TYPE_XDP, _) => Self::Xdp,
            (BPF_LINK_TYPE_TCX, BPF_TCX_INGRESS) => Self::Ingress,
            (BPF_LINK_TYPE_TCX, BPF_TCX_EGRESS) => Self::Egress,
            (_, _) => Self::Foreign,
        }
    }
}

/// A program on a hook. The kernel takes it off when nobody holds the link any more.
#[derive(Debug)]
pub struct Link(OwnedFd);

/// One of several that hold the same link.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Link>);

/// A link of another process, or of one that died: from a pin, or received from a predecessor.
#[derive(Debug)]
pub struct InheritedLink {
    /// Where it was put.
    pub hook: Hook,
    /// The port.
    pub ifindex: u32,
    /// The link.
    pub fd: OwnedFd,
}

impl Link {
    /// Puts `program` on a hook of `ifindex`. Never replaces another program; of several on a tcx hook it comes first.
    ///
    /// Waits for the kernel's lock for interfaces.
    ///
    /// # Errors
    /// As the kernel says. XDP: EBUSY or EEXIST for another program, EOPNOTSUPP, EINVAL or ERANGE from a driver that
    /// does not take it. tcx: EINVAL before Linux 6.6.
    pub fn create(program: BorrowedFd<'_>, ifindex: u32, hook: Hook) -> io::Result<Self> {
        let (attach_type, flags) = hook.numbers();
        calls::create_link(program, ifindex, attach_type, flags).map(Self)
    }

    /// The link that has that name in a BPF file system.
    ///
    /// # Errors
    /// When there is none, or no right to open it.
    pub fn from_pin(path: &Path) -> io::Result<Self> {
        calls::open_pin(path).map(Self)
    }

    /// Gives it a name in a BPF file system, where none of that name may be. It then outlives this process.
    ///
    /// # Errors
    /// When there is such a name, no such directory, or it is not in a BPF file system (EPERM).
    pub fn pin(&self, path: &Path) -> io::Result<()> {
        calls::pin(self.0.as_fd(), path)
    }

    /// Puts `program` in the place of the one it holds now. Each packet meets one of the two, none meets neither.
    ///
    /// Waits for the kernel's lock for interfaces.
    ///
    /// # Errors
    /// ENOLINK when the port is gone or the link was detached; EINVAL for a program of another type.
    pub fn update(&self, program: BorrowedFd<'_>) -> io::Result<()> {
        calls::update_link(self.0.as_fd(), program)
    }

    /// Where it is now, and with which program.
    ///
    /// Waits for the kernel's lock for interfaces.
    ///
    /// # Errors
    /// When the descriptor is none of a BPF object.
    pub fn attachment(&self) -> io::Result<Attachment> {
        let info = calls::link_info(self.0.as_fd())?;
        Ok(Attachment {
            link: info.id,
            program: info.program,
            ifindex: (info.ifindex != 0).then_some(info.ifindex),
            place: Place::of(&info),
        })
    }

    /// Takes the program off at once, whoever else holds the link.
    ///
    /// Waits for the kernel's lock for interfaces.
    pub fn detach(&self) {
        // Refused by a kernel before 5.9, or off already: closing it does the same.
        drop(calls::detach_link(self.0.as_fd()));
    }
}

impl Handle {
    /// The first handle of a link.
    pub fn new(link: Link) -> Self {
        Self(Arc::new(link))
    }

    /// Whether the kernel still has the program on this port: false once the interface was deleted, moved away or the
    /// link was broken from outside.
    ///
    /// Waits for the kernel's lock for interfaces.
    pub fn is_on(&self, ifindex: u32) -> bool {
        self.0.attachment().is_ok_and(|attachment| attachment.ifindex == Some(ifindex))
    }

    /// The link.
    pub fn link(&self) -> &Link {
        &self.0
    }

    /// Takes the program off at once, whoever else holds the link.
    ///
    /// Waits for the kernel's lock for interfaces.
    pub fn detach(self) {
        self.0.detach();
    }
}

impl From<OwnedFd> for Link {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
