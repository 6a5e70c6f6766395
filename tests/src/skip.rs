//! Whether the lab can work here, and if not, why: a test that cannot run says so by name.

use crate::{agent, keepalived, namespace};

/// Whether we are root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Why nothing of the lab can run here.
pub fn lab_reason() -> Option<String> {
    if !is_root() {
        return Some("not root: network namespaces need CAP_SYS_ADMIN".to_owned());
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

/// Why scenarios with keepalived cannot run here.
pub fn keepalived_reason() -> Option<String> {
    keepalived::program().is_none().then(|| "keepalived is not installed: apt install keepalived".to_owned())
}

/// Why scenarios of the XDP rungs cannot run here.
///
/// Asked of the agent itself: whether the object is in the binary only the binary knows.
pub fn object_reason() -> Option<String> {
    const HINT: &str = "the agent was built without the XDP object: cargo xtask build-ebpf";
    let answer = agent::verb(&["version", "-o", "json"]).ok()?;
    let version: serde_json::Value = serde_json::from_slice(&answer.stdout).ok()?;
    (version["xdp_object"] == false).then(|| HINT.to_owned())
}
