//! Programs of one instruction, as somebody else's tool would put on a port.
#![expect(unsafe_code, reason = "bpf(2) has no safe wrapper without a whole loader")]

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

/// BPF_PROG_LOAD, from linux/bpf.h.
const PROG_LOAD: libc::c_int = 5;
const SCHED_CLS: u32 = 3;
const XDP: u32 = 6;

/// The first bytes of `union bpf_attr` for BPF_PROG_LOAD.
#[repr(C)]
struct Load {
    kind: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
}

/// A program for XDP that ends with this action for every packet.
///
/// # Errors
/// When the kernel refuses.
pub fn xdp(action: u32) -> io::Result<OwnedFd> {
    load(XDP, action)
}

/// A program for tcx that ends with this action for every packet: 0 lets it go past all other programs, 2 drops it,
/// -1 leaves it to the next program.
///
/// # Errors
/// When the kernel refuses.
pub fn tc(action: i32) -> io::Result<OwnedFd> {
    load(SCHED_CLS, action.cast_unsigned())
}

fn load(kind: u32, action: u32) -> io::Result<OwnedFd> {
    // r0 = action; exit
    let code = [0xb7 | u64::from(action) << 32, 0x95];
    let attributes = Load {
        kind,
        instructions: 2,
        code: code.as_ptr().expose_provenance() as u64,
        license: c"GPL".as_ptr().expose_provenance() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
    };
    // SAFETY: `attributes` and what it points to live through the call, which only reads them.
    let result = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const attributes, size_of::<Load>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(result as i32) })
}
