//! The calls of bpf(2) about links and pins, which aya does not make as we need them made.
//!
//! aya's own attach falls back to netlink when the kernel refuses a link: that would replace another program and would
//! outlive this process. Nothing here falls back to anything. Which of the calls wait for the kernel's lock for interfaces
//! says [`super::link`].

#![expect(unsafe_code, reason = "bpf(2) has no safe binding")]

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

const BPF_OBJ_PIN: libc::c_int = 6;
const BPF_OBJ_GET: libc::c_int = 7;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_LINK_UPDATE: libc::c_int = 29;
const BPF_LINK_DETACH: libc::c_int = 34;

/// The part of `union bpf_attr` for `BPF_LINK_CREATE`, as far as XDP and tcx need it.
#[repr(C)]
struct LinkCreate {
    program: i32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// The part of `union bpf_attr` for `BPF_LINK_UPDATE`.
#[repr(C)]
struct LinkUpdate {
    link: i32,
    program: i32,
    flags: u32,
    old_program: i32,
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
    fd: i32,
}

/// The part of `union bpf_attr` for `BPF_OBJ_PIN` and `BPF_OBJ_GET`.
#[repr(C)]
struct Object {
    path: u64,
    fd: i32,
    flags: u32,
}

/// The first bytes of `struct bpf_link_info`, for XDP and tcx links.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LinkInfo {
    /// `enum bpf_link_type`.
    pub(super) link_type: u32,
    /// Names the link among all of the host.
    pub(super) id: u32,
    /// Names the program among all of the host.
    pub(super) program: u32,
    padding: u32,
    /// 0: on no port any more.
    pub(super) ifindex: u32,
    /// tcx: `enum bpf_attach_type`.
    pub(super) attach_type: u32,
}

/// Puts a program on a port, and hands over the link that keeps it there.
pub(super) fn create_link(
    program: BorrowedFd<'_>,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
) -> io::Result<OwnedFd> {
    let attributes = LinkCreate { program: program.as_raw_fd(), ifindex, attach_type, flags };
    bpf(BPF_LINK_CREATE, &attributes).map(opened)
}

/// Puts another program in the place of the one that the link holds: each packet meets one of the two.
pub(super) fn update_link(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let attributes =
        LinkUpdate { link: link.as_raw_fd(), program: program.as_raw_fd(), flags: 0, old_program: 0 };
    bpf(BPF_LINK_UPDATE, &attributes).map(drop)
}

/// Takes the program off its port, whoever else holds the link.
pub(super) fn detach_link(link: BorrowedFd<'_>) -> io::Result<()> {
    bpf(BPF_LINK_DETACH, &LinkDetach { fd: link.as_raw_fd() }).map(drop)
}

/// What the kernel says of a link.
pub(super) fn link_info(link: BorrowedFd<'_>) -> io::Result<LinkInfo> {
    let mut info = LinkInfo::default();
    let attributes = InfoByFd {
        fd: link.as_raw_fd(),
        length: size_of::<LinkInfo>() as u32,
        info: (&raw mut info).expose_provenance() as u64,
    };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes)?;
    // The kernel wrote it behind the compiler's back.
    // SAFETY: a local of plain integers.
    Ok(unsafe { (&raw const info).read_volatile() })
}

/// Gives a link or a map a name in a BPF file system, where none of that name may be.
pub(super) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let attributes =
        Object { path: path.as_ptr().expose_provenance() as u64, fd: object.as_raw_fd(), flags: 0 };
    bpf(BPF_OBJ_PIN, &attributes).map(drop)
}

/// Opens what has that name in a BPF file system.
pub(super) fn open_pin(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let attributes = Object { path: path.as_ptr().expose_provenance() as u64, fd: 0, flags: 0 };
    bpf(BPF_OBJ_GET, &attributes).map(opened)
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from)
}

/// Owns what one of the calls above has opened.
fn opened(fd: i32) -> OwnedFd {
    // SAFETY: the kernel has just opened this descriptor for us, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<i32> {
    // SAFETY: `attributes` is valid for its size; the kernel takes what is missing of the union for zeros. Pointers
    // inside point to memory that outlives the call.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}
