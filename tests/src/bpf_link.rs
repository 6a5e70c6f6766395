//! Takes a process's BPF links away from under it, as an operator's `bpftool link detach` would.
#![expect(unsafe_code, reason = "bpf(2) has no safe wrapper without a whole loader")]

use std::{
    fs,
    mem::size_of,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;

/// Commands of bpf(2), from linux/bpf.h.
const LINK_GET_FD_BY_ID: libc::c_int = 30;
const LINK_DETACH: libc::c_int = 34;

/// As much of `union bpf_attr` as both commands read: the identifier or the descriptor, and zeros.
#[repr(C, align(8))]
struct Attributes {
    first: u32,
    rest: [u32; 15],
}

/// Identifiers of the XDP links that a process holds, from what the kernel says of its descriptors.
///
/// # Errors
/// When the process is gone.
pub fn xdp_links(pid: u32) -> Result<Vec<u32>> {
    let directory = format!("/proc/{pid}/fdinfo");
    let entries = fs::read_dir(&directory).with_context(|| format!("read {directory}"))?;
    let mut links = Vec::new();
    for entry in entries {
        // A descriptor may be closed meanwhile.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        let value = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        if value("link_type") == Some("xdp")
            && let Some(link) = value("link_id").and_then(|text| text.parse().ok())
        {
            links.push(link);
        }
    }
    Ok(links)
}

/// Detaches every XDP link that the process holds; its descriptors stay open and lead nowhere.
///
/// # Errors
/// When it holds none, or the kernel refuses.
pub fn detach_xdp(pid: u32) -> Result<()> {
    let links = xdp_links(pid)?;
    if links.is_empty() {
        bail!("process {pid} holds no XDP link");
    }
    for link in links {
        let descriptor = bpf(LINK_GET_FD_BY_ID, link).with_context(|| format!("open BPF link {link}"))?;
        // SAFETY: the kernel has just given us this descriptor and nobody else has it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let number = u32::try_from(descriptor.as_raw_fd()).context("descriptor")?;
        bpf(LINK_DETACH, number).with_context(|| format!("detach BPF link {link}"))?;
    }
    Ok(())
}

fn bpf(command: libc::c_int, first: u32) -> Result<i32> {
    let attributes = Attributes { first, rest: [0; 15] };
    // SAFETY: `attributes` lives through the call and its true size is passed; the kernel only reads it.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attributes, size_of::<Attributes>()) };
    Ok(i32::try_from(Errno::result(result)?)?)
}
