//! What a daemon that stands in for keepalived does beside an agent's own work: it dumps on keepalived's signals.
//!
//! The texts are made and written here, on the control runtime: the VRRP thread copies what they are made from, as for a
//! status. Exporters read a file some milliseconds after the signal, so nothing is waited for that is not needed.

use std::{
    collections::BTreeMap,
    fmt, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot, watch},
};

use super::{dump, status::Picture};
use crate::{
    config::plan::Plan,
    net::inventory::{self, Inventory},
    observe::dump::{self as texts, Dump, Stats},
};

/// Pictures that may be asked for at a time.
pub const DEPTH: usize = 4;

/// How the daemon stands in for keepalived.
#[derive(Debug)]
pub struct Front {
    /// The network namespace of `-s`.
    pub namespace: Option<String>,
    /// `-d`: the data are logged once it has started.
    pub dumps_at_start: bool,
    /// Whom to tell that it has started.
    pub ready: Ready,
}

/// Is called once the daemon has started.
pub struct Ready(pub Box<dyn FnOnce() + Send>);

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ready")
    }
}

/// What is dumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `keepalived.data`.
    Data,
    /// `keepalived.stats`.
    Stats,
    /// The same, and the counts begin anew.
    StatsAndClear,
    /// `keepalived.json`.
    Json,
}

impl Wanted {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Data, Self::Stats, Self::StatsAndClear, Self::Json];

    /// The number of its signal, as `--signum` prints it.
    pub fn signal(self) -> i32 {
        match self {
            Self::Data => libc::SIGUSR1,
            Self::Stats => libc::SIGUSR2,
            Self::StatsAndClear => libc::SIGRTMAX() - 1,
            Self::Json => libc::SIGRTMIN() + 2,
        }
    }

    const fn kind(self) -> dump::Kind {
        match self {
            Self::Data => dump::Kind::Data,
            Self::Stats | Self::StatsAndClear => dump::Kind::Stats,
            Self::Json => dump::Kind::Json,
        }
    }

    const fn said(self) -> &'static str {
        match self {
            Self::Data => "Printing VRRP data",
            Self::Stats => "Printing VRRP stats",
            Self::StatsAndClear => "Printing and clearing VRRP stats",
            Self::Json => "Printing VRRP as json",
        }
    }
}

/// The signals that ask for dumps. Until they are taken they would end the process.
#[derive(Debug)]
pub struct DumpSignals {
    data: Signal,
    stats: Signal,
    stats_and_clear: Signal,
    json: Signal,
}

impl DumpSignals {
    /// Takes them.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn new() -> io::Result<Self> {
        let taken = |wanted: Wanted| signal(SignalKind::from_raw(wanted.signal()));
        Ok(Self {
            data: taken(Wanted::Data)?,
            stats: taken(Wanted::Stats)?,
            stats_and_clear: taken(Wanted::StatsAndClear)?,
            json: taken(Wanted::Json)?,
        })
    }

    /// The next one; `None` when there will be none. Cancel-safe.
    async fn next(&mut self) -> Option<Wanted> {
        tokio::select! {
            it = self.data.recv() => it.map(|()| Wanted::Data),
            it = self.stats.recv() => it.map(|()| Wanted::Stats),
            it = self.stats_and_clear.recv() => it.map(|()| Wanted::StatsAndClear),
            it = self.json.recv() => it.map(|()| Wanted::Json),
        }
    }
}

/// Makes and writes dumps.
#[derive(Debug)]
pub struct Dumper {
    /// Where the state is asked for.
    pub pictures: mpsc::Sender<oneshot::Sender<Picture>>,
    /// The plan as it is now, for what holds for all instances.
    pub plan: watch::Receiver<Arc<Plan>>,
    /// The network namespace of `-s`.
    pub namespace: Option<String>,
    /// What was counted when the counts were last cleared, by instance.
    pub cleared: BTreeMap<String, Stats>,
}

impl Dumper {
    /// Dumps whenever it is asked to, until aborted.
    pub async fn run(mut self, mut signals: DumpSignals, at_start: bool) {
        if at_start && let Some(text) = self.text(Wanted::Data).await {
            text.lines().for_each(|line| tracing::info!("{line}"));
        }
        while let Some(wanted) = signals.next().await {
            tracing::info!("{} for process({}) on signal", wanted.said(), std::process::id());
            self.write(wanted).await;
        }
    }

    async fn write(&mut self, wanted: Wanted) {
        let Some(text) = self.text(wanted).await else { return };
        let variable = std::env::var_os("TMPDIR").map(PathBuf::from);
        let path = dump::file(variable.as_deref(), &self.plan.borrow().globals, wanted.kind());
        if let Err(error) = replace(&path, &text) {
            tracing::warn!("cannot write {}: {error}", path.display());
        }
    }

    async fn text(&mut self, wanted: Wanted) -> Option<String> {
        let dump = self.dump(wanted).await?;
        let text = match wanted {
            Wanted::Data => texts::data(&dump).map_err(|error| error.to_string()),
            Wanted::Stats | Wanted::StatsAndClear => texts::stats(&dump).map_err(|error| error.to_string()),
            Wanted::Json => texts::json(&dump).map_err(|error| error.to_string()),
        };
        text.inspect_err(|error| tracing::warn!("cannot make a dump ({}): {error}", wanted.said())).ok()
    }

    async fn dump(&mut self, wanted: Wanted) -> Option<Dump> {
        // Only the data name interfaces.
        let inventory = match wanted {
            Wanted::Data => inventory::inventory().await.unwrap_or_else(|error| {
                tracing::warn!("{error}");
                Inventory::default()
            }),
            Wanted::Stats | Wanted::StatsAndClear | Wanted::Json => Inventory::default(),
        };
        let (answer, picture) = oneshot::channel();
        self.pictures.send(answer).await.ok()?;
        let picture = picture.await.ok()?;
        let plan = Arc::clone(&self.plan.borrow());
        let mut dump = dump::dump(picture, &plan, self.namespace.clone(), &inventory);
        for instance in &mut dump.instances {
            let counted = instance.stats;
            if let Some(before) = self.cleared.get(&instance.status.name) {
                instance.stats = counted.since(before);
            }
            if wanted == Wanted::StatsAndClear {
                self.cleared.insert(instance.status.name.clone(), counted);
            }
        }
        Some(dump)
    }
}

/// Whole or not at all, for this user alone, and never through a link that somebody laid there.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(".keepalived.").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_numbers_are_those_of_keepalived() {
        assert_eq!(Wanted::ALL.map(Wanted::signal), [10, 12, 63, 36]);
    }

    #[test]
    fn a_dump_replaces_the_one_before_and_is_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("keepalived.data"), directory.path().join("other"));
        std::fs::write(&other, "untouched").unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        replace(&path, "one").unwrap();
        replace(&path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "untouched");
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
