//! Whether the lab can work here, and if not, why: a test that cannot run says so by name.

use std::path::PathBuf;

use crate::{agent, bpf_probe, frr, keepalived, namespace};

/// Whether we are root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Why nothing of the lab can run here.
pub fn lab_reason() -> Option<String> {
    if !is_root() {
        return Some("not root: network namespaces need CAP_SYS_ADMIN".to_owned());
    }
    // Captures and the agent's sockets have filters, so without them there is no lab.
    if let Some(reason) = bpf_probe::reason() {
        return Some(reason);
    }
    let name = format!("rg-{}-0-probe", std::process::id());
    match namespace::Namespace::make(name, namespace::Lifetime::of_owner()) {
        Ok(_) => None,
        Err(error) => Some(format!("no network namespaces here: {error:#}")),
    }
}

/// Why scenarios of the agent cannot run here.
pub fn agent_reason() -> Option<String> {
    agent::program().err().map(|error| format!("{error:#}"))
}

/// Why scenarios in which the agent dies half way cannot run here.
pub fn mortal_agent_reason() -> Option<String> {
    agent::mortal_program().err().map(|error| format!("{error:#}"))
}

/// Why scenarios with keepalived cannot run here.
pub fn keepalived_reason() -> Option<String> {
    keepalived::program().is_none().then(|| "keepalived is not installed: apt install keepalived".to_owned())
}

/// Why scenarios with FRR cannot run here.
pub fn frr_reason() -> Option<String> {
    frr::directory().is_none().then(|| "FRR is not installed: apt install frr".to_owned())
}

/// Why scenarios that lose frames on purpose cannot run here.
pub fn nft_reason() -> Option<String> {
    let found = ["/usr/sbin/nft", "/sbin/nft"].iter().any(|path| PathBuf::from(path).exists());
    (!found).then(|| "nft is not installed: apt install nftables".to_owned())
}

/// Why scenarios of the XDP rungs cannot run here: the object is embedded when the agent is built, if it is there.
pub fn object_reason() -> Option<String> {
    const REMEDY: &str = "build it by `cargo xtask build-ebpf`";
    let modified = |path: PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    let Some(object) = modified(agent::workspace().join("target/bpf/regent.bpf.o")) else {
        return Some(format!("the XDP object is not built: {REMEDY}"));
    };
    let built = modified(agent::program().ok()?)?;
    (built < object).then(|| format!("the agent is older than the XDP object: {REMEDY}"))
}
