//! `-s NAME`: the network namespace that `ip netns add NAME` has made.

use std::{fs::File, path::Path};

use anyhow::Context;
use nix::sched::{CloneFlags, setns};

/// Where `ip` keeps them.
const DIRECTORY: &str = "/run/netns";

/// Enters it. To be called while there is one thread.
///
/// # Errors
/// There is none of that name, or it may not be entered.
pub fn enter(name: &str) -> anyhow::Result<()> {
    let path = Path::new(DIRECTORY).join(name);
    anyhow::ensure!(
        !name.is_empty() && path.parent() == Some(Path::new(DIRECTORY)),
        "--namespace {name}: a name without slashes is expected"
    );
    let file = File::open(&path).with_context(|| {
        format!("--namespace {name}: cannot open {}; make it with: ip netns add {name}", path.display())
    })?;
    setns(file, CloneFlags::CLONE_NEWNET).with_context(|| format!("--namespace {name}: cannot enter it"))
}
