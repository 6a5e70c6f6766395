//! The files that say which process it is, where keepalived has them.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::options::Options;
use crate::config::plan::PlacePlan;

/// Of the daemon, unless the command line or the config says another.
pub const MAIN: &str = "/run/keepalived.pid";
/// Where they are.
const DIRECTORY: &str = "/run";
/// Where daemons have them of which there are several on a host; those in a network namespace below its name.
const SEVERAL: &str = "/run/keepalived";

/// Both of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PidFiles {
    main: PathBuf,
    vrrp: PathBuf,
}

impl PidFiles {
    /// Where they are to be: where the command line says, else by the namespace and the name of the daemon.
    pub fn new(options: &Options, place: &PlacePlan) -> Self {
        let directory = match options.namespace.as_ref().or(place.net_namespace.as_ref()) {
            Some(namespace) => Path::new(SEVERAL).join(namespace),
            None if place.instance.is_some() || place.use_pid_directory => PathBuf::from(SEVERAL),
            None => PathBuf::from(DIRECTORY),
        };
        let path = |given: &Option<PathBuf>, process: &str| {
            let usual = || match &place.instance {
                Some(name) => directory.join(format!("{process}_{name}.pid")),
                None => directory.join(format!("{process}.pid")),
            };
            given.clone().unwrap_or_else(usual)
        };
        // Its VRRP process is here the same one.
        Self { main: path(&options.pid, "keepalived"), vrrp: path(&options.vrrp_pid, "vrrp") }
    }

    /// The first of them.
    pub fn main(&self) -> &Path {
        &self.main
    }

    /// A daemon that one of them names and that runs. A number that some other process has by now counts for nothing: in
    /// a container that was started again the old number may well be that of a shell.
    pub fn running(&self) -> Option<u32> {
        [&self.main, &self.vrrp].into_iter().filter_map(|path| read(path)).find(|pid| is_daemon(*pid))
    }

    /// Writes this process into both.
    ///
    /// # Errors
    /// When one cannot be written; the other may be.
    pub fn write(&self) -> anyhow::Result<()> {
        let text = format!("{}\n", std::process::id());
        let write = |path: &Path| -> io::Result<()> {
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory)?;
            }
            fs::write(path, &text)
        };
        let results = [&self.main, &self.vrrp]
            .map(|path| write(path).with_context(|| format!("cannot write {}", path.display())));
        results.into_iter().collect()
    }

    /// Removes those that name this process.
    pub fn remove(&self) {
        for path in [&self.main, &self.vrrp] {
            if read(path) == Some(std::process::id())
                && let Err(error) = fs::remove_file(path)
            {
                tracing::warn!("cannot remove {}: {error}", path.display());
            }
        }
    }
}

fn read(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Whether it is keepalived, or this program under whatever name.
fn is_daemon(pid: u32) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    if pid == std::process::id() {
        return false;
    }
    let file = |path: &Path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    let ours = file(Path::new("/proc/self/exe"));
    let is_ours = ours.is_some() && file(&process.join("exe")) == ours;
    is_ours || fs::read_to_string(process.join("comm")).is_ok_and(|comm| comm.trim_end() == super::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> PidFiles {
        PidFiles { main: directory.join("new/keepalived.pid"), vrrp: directory.join("vrrp.pid") }
    }

    /// As keepalived 2.2.7 was seen to place them.
    #[test]
    fn they_are_where_keepalived_has_them() {
        let place = |instance: Option<&str>, namespace: Option<&str>, use_pid_directory| PlacePlan {
            instance: instance.map(str::to_owned),
            net_namespace: namespace.map(str::to_owned),
            use_pid_directory,
            ..PlacePlan::default()
        };
        for (place, main, vrrp) in [
            (place(None, None, false), MAIN, "/run/vrrp.pid"),
            (place(None, None, true), "/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid"),
            (
                place(Some("blue"), None, false),
                "/run/keepalived/keepalived_blue.pid",
                "/run/keepalived/vrrp_blue.pid",
            ),
            (
                place(None, Some("red"), false),
                "/run/keepalived/red/keepalived.pid",
                "/run/keepalived/red/vrrp.pid",
            ),
            (
                place(Some("blue"), Some("red"), true),
                "/run/keepalived/red/keepalived_blue.pid",
                "/run/keepalived/red/vrrp_blue.pid",
            ),
        ] {
            let files = PidFiles::new(&Options::default(), &place);
            assert_eq!((files.main(), files.vrrp.as_path()), (Path::new(main), Path::new(vrrp)));
        }
    }

    #[test]
    fn the_command_line_counts_more_than_the_config() {
        let options = Options {
            vrrp_pid: Some("/tmp/v.pid".into()),
            namespace: Some("red".to_owned()),
            ..Options::default()
        };
        let place = PlacePlan { net_namespace: Some("green".to_owned()), ..PlacePlan::default() };
        let files = PidFiles::new(&options, &place);
        assert_eq!(files.main(), Path::new("/run/keepalived/red/keepalived.pid"));
        assert_eq!(files.vrrp, Path::new("/tmp/v.pid"));
    }

    #[test]
    fn they_are_written_and_removed_again() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        files.write().unwrap();
        assert_eq!(fs::read_to_string(files.main()).unwrap(), format!("{}\n", std::process::id()));
        files.remove();
        assert!(!files.main.exists() && !files.vrrp.exists());
    }

    #[test]
    fn those_of_another_process_stay() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        fs::write(&files.vrrp, "1\n").unwrap();
        files.remove();
        assert!(files.vrrp.exists());
    }

    #[test]
    fn a_number_that_another_program_has_is_no_daemon() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        assert_eq!(files.running(), None);
        fs::write(&files.vrrp, "1\n").unwrap();
        assert_eq!(files.running(), None, "process 1 is neither keepalived nor this test");
    }
}
