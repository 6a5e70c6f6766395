//! A lab owns its switch and its directory; its hosts own their namespaces. Everything goes on drop, also after a
//! panic, and what a killed run left goes at the start of the next.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, Result};

use crate::{
    namespace::{self, Lifetime, Namespace},
    node::{Cable, Node},
    switch::Switch,
};

/// Prefix of the names of everything that goes by itself.
const PREFIX: &str = "rg";
/// Prefix of the names of what a person asked to keep.
const KEPT_PREFIX: &str = "rg-kept";

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A switch and a directory, to which hosts are added.
#[derive(Debug)]
pub struct Lab {
    name: String,
    directory: PathBuf,
    switch: Arc<Switch>,
    lifetime: Lifetime,
    mtu: u16,
    ipv6: bool,
}

impl Lab {
    /// An empty lab that goes on drop.
    ///
    /// # Errors
    /// Without the right to make namespaces.
    pub fn new() -> Result<Self> {
        Self::make(PREFIX, Lifetime::of_owner())
    }

    /// An empty lab that goes on drop too, unless [`Self::keep`] is called before: then [`remove_kept`] removes it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn lasting() -> Result<Self> {
        Self::make(KEPT_PREFIX, Lifetime::lasting())
    }

    /// From now on nothing of a lasting lab goes on drop: not its namespaces, not its daemons, not its files.
    pub fn keep(&self) {
        self.lifetime.keep();
    }

    fn make(prefix: &str, lifetime: Lifetime) -> Result<Self> {
        let name = format!("{prefix}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(&name);
        fs::create_dir(&directory).with_context(|| format!("make {}", directory.display()))?;
        let made = Namespace::make(format!("{name}-switch"), lifetime.clone()).and_then(Switch::make);
        match made {
            Ok(switch) => {
                Ok(Self { name, directory, switch: Arc::new(switch), lifetime, mtu: 1500, ipv6: false })
            }
            Err(error) => {
                fs::remove_dir_all(&directory).ok();
                Err(error.context("make a switch in a network namespace"))
            }
        }
    }

    /// The MTU of the cables laid from now on.
    pub const fn set_mtu(&mut self, mtu: u16) {
        self.mtu = mtu;
    }

    /// Hosts added from now on have IPv6 beside IPv4. Without it no neighbour discovery is in the captures.
    pub const fn enable_ipv6(&mut self) {
        self.ipv6 = true;
    }

    /// Prefix of the names of its namespaces.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The switch.
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// Adds host number `number`, 1..=254: 10.0.0.NUMBER/24 on `ens33`, and 2001:db8::NUMBER/64 (in hexadecimal) with IPv6.
    ///
    /// # Errors
    /// When the role or the number is taken.
    pub fn host(&self, role: &str, number: u8) -> Result<Node> {
        let namespace = Namespace::make(format!("{}-{role}", self.name), self.lifetime.clone())?;
        if self.ipv6 {
            namespace.enable_ipv6()?;
        }
        let directory = self.directory.join(role);
        let cable = Cable { mtu: self.mtu, ipv6: self.ipv6 };
        Node::make(role, number, namespace, Arc::clone(&self.switch), directory, cable)
            .with_context(|| format!("make host {role}"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.lifetime.is_kept() {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            eprintln!("lab: remove {}: {error}", self.directory.display());
        }
    }
}

/// Removes what labs of dead processes left: namespaces with all that runs in them, and directories. A kept lab is not
/// touched.
///
/// # Errors
/// When something cannot be removed.
pub fn sweep_stale() -> Result<()> {
    sweep(|name| {
        let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-');
        let (pid, number) = (parts.next()?, parts.next()?);
        number.parse::<u32>().ok()?;
        let pid = pid.parse::<u32>().ok()?;
        (!Path::new("/proc").join(pid.to_string()).exists()).then_some(())
    })
}

/// Removes every kept lab.
///
/// # Errors
/// When something cannot be removed.
pub fn remove_kept() -> Result<()> {
    sweep(|name| name.strip_prefix(KEPT_PREFIX)?.starts_with('-').then_some(()))
}

fn sweep(is_due: impl Fn(&str) -> Option<()>) -> Result<()> {
    for name in names(Path::new(namespace::DIRECTORY))?.iter().filter(|name| is_due(name).is_some()) {
        namespace::remove(name)?;
    }
    let directory = std::env::temp_dir();
    for name in names(&directory)?.iter().filter(|name| is_due(name).is_some()) {
        let path = directory.join(name);
        fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("read {}", directory.display())),
    };
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}
