//! A BPF link between the program and a port, and nothing but a link.
//!
//! aya's own attach falls back to netlink when the kernel refuses the link: that would replace another program and
//! would outlive this process. So the calls are made here: create, ask where the link is now, and break it.
//!
//! Each of them, and closing the last handle too, takes the kernel's one lock for interfaces (RTNL), which others may hold
//! for hundreds of milliseconds. Only [`Handle`]s leave the thread that attaches, so that another may ask and wait.

#![expect(unsafe_code, reason = "bpf(2) has no safe binding")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    sync::Arc,
};

use super::Mode;

const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_LINK_DETACH: libc::c_int = 34;
const BPF_XDP: u32 = 37;
const XDP_FLAGS_SKB_MODE: u32 = 1 << 1;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// The part of `union bpf_attr` for `BPF_LINK_CREATE`.
#[repr(C)]
struct LinkCreate {
    program: i32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// The part of `union bpf_attr` for `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoByFd {
    fd: i32,
    length: u32,
    info: u64,
}

/// The part of `union bpf_attr` for `BPF_LINK_DETACH`.
#[repr(C)]
struct LinkDetach {
    fd: u32,
}

/// The first bytes of `struct bpf_link_info`, for an XDP link.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    link_type: u32,
    id: u32,
    program: u32,
    padding: u32,
    ifindex: u32,
    rest: u32,
}

/// A program on a port. The kernel takes the program off when the last handle is dropped, or when the process ends in any
/// way.
#[derive(Debug)]
pub struct Link(OwnedFd);

/// One of several that hold the same link.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Link>);

impl Link {
    /// Puts `program` on `ifindex`. Never replaces another program.
    ///
    /// # Errors
    /// As the kernel says: EBUSY or EEXIST for another program, EOPNOTSUPP, EINVAL or ERANGE from a driver that
    /// does not take it.
    pub fn create(program: BorrowedFd<'_>, ifindex: u32, mode: Mode) -> io::Result<Self> {
        let flags = match mode {
            Mode::Native => XDP_FLAGS_DRV_MODE,
            Mode::Generic => XDP_FLAGS_SKB_MODE,
        };
        let attributes = LinkCreate { program: program.as_raw_fd(), ifindex, attach_type: BPF_XDP, flags };
        let fd = bpf(BPF_LINK_CREATE, &attributes)?;
        // SAFETY: the kernel has just opened this descriptor for us, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The port that it is on now; `None` when the port is gone or the link was detached.
    ///
    /// Waits for the kernel's lock for interfaces.
    pub fn ifindex(&self) -> Option<u32> {
        let mut info = LinkInfo::default();
        let attributes = InfoByFd {
            fd: self.0.as_raw_fd(),
            length: size_of::<LinkInfo>() as u32,
            info: (&raw mut info).expose_provenance() as u64,
        };
        bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes).ok()?;
        // The kernel wrote it behind the compiler's back.
        // SAFETY: a local of plain integers.
        let ifindex = unsafe { (&raw const info.ifindex).read_volatile() };
        (ifindex != 0).then_some(ifindex)
    }

    /// Takes the program off at once, whoever else has a handle.
    ///
    /// Waits for the kernel's lock for interfaces.
    fn detach(&self) {
        let attributes = LinkDetach { fd: self.0.as_raw_fd() as u32 };
        // Refused by a kernel before 5.9, or off already: closing it does the same.
        drop(bpf(BPF_LINK_DETACH, &attributes));
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
        self.0.ifindex() == Some(ifindex)
    }

    /// Takes the program off at once, whoever else has a handle.
    ///
    /// Waits for the kernel's lock for interfaces.
    pub fn detach(self) {
        // Alone, closing is enough.
        if Arc::strong_count(&self.0) > 1 {
            self.0.detach();
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<i32> {
    // SAFETY: `attributes` is valid for its size; the kernel takes what is missing of the union for zeros. Pointers
    // inside point to memory that outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}
