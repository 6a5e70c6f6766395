//! Finds keepalived processes on this host that share our network namespace.
//!
//! Two daemons that hold one VRID on one host is a mistake that looks like a broken network. Here only the processes are
//! found; whose VRIDs they hold stands in their configuration, which is read elsewhere. Processes come and go and hide
//! while we look: whatever cannot be read is passed over.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

/// What keepalived reads without `-f`.
const DEFAULT_CONFIGURATION: &str = "/etc/keepalived/keepalived.conf";
const NAME: &str = "keepalived";

/// A keepalived process. One daemon has two or three: parent, VRRP child, checker child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherVrrp {
    /// Its process id.
    pub pid: u32,
    /// The process that started it.
    pub parent: u32,
    /// Its configuration file, as it names it.
    pub configuration: PathBuf,
    /// Its root directory, as seen from here: [`Self::configuration_here`] is below it.
    pub root: PathBuf,
    /// Its working directory, as seen from here.
    pub directory: PathBuf,
}

impl OtherVrrp {
    /// The configuration file by a path that can be opened from here, also when the process lives in a container.
    pub fn configuration_here(&self) -> PathBuf {
        match self.configuration.strip_prefix("/") {
            Ok(below_root) => self.root.join(below_root),
            Err(_relative) => self.directory.join(&self.configuration),
        }
    }
}

/// Every keepalived in our network namespace, ourselves excluded, by process id. Takes some milliseconds on a host with
/// thousands of processes: not for the VRRP thread.
pub fn other_vrrp_speakers() -> Vec<OtherVrrp> {
    let proc = Path::new("/proc");
    // The calling thread's: tests and `ip netns exec` may have moved it.
    let Ok(ours) = fs::read_link(proc.join("thread-self/ns/net")) else {
        return Vec::new();
    };
    let mut found: Vec<OtherVrrp> = fs::read_dir(proc)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
        .filter_map(|pid: u32| speaker(&proc.join(pid.to_string()), pid, &ours))
        .collect();
    found.sort_unstable_by_key(|other| other.pid);
    found
}

/// The process behind `/proc/PID`, when it is a keepalived in the network namespace `namespace`.
fn speaker(process: &Path, pid: u32, namespace: &Path) -> Option<OtherVrrp> {
    // The name may have been changed (`vrrp_process_name`), the program not; its link needs more rights to be read.
    let comm = fs::read(process.join("comm")).ok()?;
    let named = comm.trim_ascii_end() == NAME.as_bytes();
    let program = || fs::read_link(process.join("exe")).is_ok_and(|path| is_keepalived(&path));
    if !named && !program() {
        return None;
    }
    if fs::read_link(process.join("ns/net")).ok()? != namespace {
        return None;
    }
    // The agent goes by that name too, and an agent keeps away from agents by its claims.
    let file = |path: &Path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    if file(&process.join("exe")).is_some_and(|program| file(Path::new("/proc/self/exe")) == Some(program)) {
        return None;
    }
    let command_line = fs::read(process.join("cmdline")).ok()?;
    let arguments: Vec<&OsStr> = command_line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(OsStr::from_bytes)
        .collect();
    // A process that is only starting has its name already and its arguments not yet.
    let (_program, arguments) = arguments.split_first()?;
    Some(OtherVrrp {
        pid,
        parent: parent(process).unwrap_or(0),
        configuration: configuration(arguments),
        root: process.join("root"),
        directory: process.join("cwd"),
    })
}

/// The program was replaced by an upgrade when ` (deleted)` follows.
fn is_keepalived(program: &Path) -> bool {
    program
        .file_name()
        .and_then(OsStr::to_str)
        .is_some_and(|name| name.strip_suffix(" (deleted)").unwrap_or(name) == NAME)
}

/// From `PPid:` of the status file.
fn parent(process: &Path) -> Option<u32> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// What `-f FILE`, `-fFILE`, `--use-file FILE` or `--use-file=FILE` names, also behind bundled letters (`-Pf FILE`); the
/// last one counts.
fn configuration(arguments: &[&OsStr]) -> PathBuf {
    let mut file: Option<OsString> = None;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        if bytes == b"--" {
            break;
        }
        if let Some(value) = bytes.strip_prefix(b"--use-file=") {
            file = Some(OsStr::from_bytes(value).to_owned());
        } else if bytes == b"--use-file" {
            file = words.next().map(|value| (*value).to_owned());
        } else if let Some(value) = file_behind_letters(bytes) {
            file = if value.is_empty() {
                words.next().map(|value| (*value).to_owned())
            } else {
                Some(OsStr::from_bytes(value).to_owned())
            };
        }
    }
    file.map_or_else(|| PathBuf::from(DEFAULT_CONFIGURATION), PathBuf::from)
}

/// What follows the `f` in a word of short options; `None` when there is none, or when a letter before it takes the
/// rest of the word as its own value.
fn file_behind_letters(word: &[u8]) -> Option<&[u8]> {
    const WITH_VALUE: &[u8] = b"SuprcbAsiMt";
    let letters = word.strip_prefix(b"-").filter(|rest| !rest.starts_with(b"-"))?;
    let end = letters.iter().position(|letter| *letter == b'f' || WITH_VALUE.contains(letter))?;
    let (letter, rest) = letters.get(end..)?.split_first()?;
    (*letter == b'f').then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> String {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        configuration(&arguments).display().to_string()
    }

    #[test]
    fn without_an_option_the_default_file_is_read() {
        assert_eq!(read(&[]), DEFAULT_CONFIGURATION);
        assert_eq!(read(&["--dont-fork", "-nlD", "-p", "f"]), DEFAULT_CONFIGURATION);
    }

    #[test]
    fn each_form_of_the_option_names_the_file() {
        for arguments in [
            &["-f", "/a.conf"][..],
            &["-f/a.conf"],
            &["-nf", "/a.conf"],
            &["-nDf/a.conf"],
            &["--use-file", "/a.conf"],
            &["--use-file=/a.conf"],
            &["-p", "/pid", "-f", "/a.conf", "-D"],
            &["-f", "/b.conf", "-f", "/a.conf"],
        ] {
            assert_eq!(read(arguments), "/a.conf", "{arguments:?}");
        }
    }

    #[test]
    fn an_f_in_the_value_of_another_option_is_none() {
        assert_eq!(read(&["-p/run/f.pid"]), DEFAULT_CONFIGURATION);
        assert_eq!(read(&["--log-facility=7"]), DEFAULT_CONFIGURATION);
        assert_eq!(read(&["--", "-f", "/a.conf"]), DEFAULT_CONFIGURATION);
    }

    #[test]
    fn a_file_is_found_below_the_root_of_its_process() {
        let mut other = OtherVrrp {
            pid: 9,
            parent: 1,
            configuration: PathBuf::from("/etc/k.conf"),
            root: PathBuf::from("/proc/9/root"),
            directory: PathBuf::from("/proc/9/cwd"),
        };
        assert_eq!(other.configuration_here(), PathBuf::from("/proc/9/root/etc/k.conf"));
        other.configuration = PathBuf::from("k.conf");
        assert_eq!(other.configuration_here(), PathBuf::from("/proc/9/cwd/k.conf"));
    }

    #[test]
    fn a_program_that_was_upgraded_while_it_runs_is_still_keepalived() {
        assert!(is_keepalived(Path::new("/usr/sbin/keepalived")));
        assert!(is_keepalived(Path::new("/usr/sbin/keepalived (deleted)")));
        assert!(!is_keepalived(Path::new("/usr/bin/keepalived-exporter")));
    }

    #[test]
    fn a_process_that_is_gone_is_passed_over() {
        assert_eq!(speaker(Path::new("/proc/0"), 0, Path::new("net:[1]")), None);
    }
}
