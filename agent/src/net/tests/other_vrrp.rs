//! `net::other_vrrp` against real processes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::lab::{command, joined, wait_until};
use crate::net::other_vrrp::{OtherVrrp, other_vrrp_speakers};

/// A process that is called keepalived and does nothing until its input ends.
struct Impostor(Child);

impl Impostor {
    fn start(program: &Path, words: &[&str]) -> Self {
        Self(Command::new(program).args(words).stdin(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// A program of that name. Written by another process: one that another test is about to start could hold a copy of our
/// descriptor, and a file that is open for writing does not run.
fn impostor(directory: &Path) -> PathBuf {
    let (text, program) = (directory.join("text"), directory.join("keepalived"));
    fs::write(&text, "#!/bin/sh\nread line\n").unwrap();
    command("install", &format!("-m 755 {} {}", text.display(), program.display()));
    program
}

#[test]
fn a_keepalived_in_our_namespace_is_found_with_its_file_and_one_in_another_is_not() {
    joined(|pair| {
        let directory = tempfile::tempdir().unwrap();
        let program = impostor(directory.path());
        assert_eq!(other_vrrp_speakers(), []);

        let near = Impostor::start(&program, &["-n", "-f", "/etc/near.conf"]);
        let plain = Impostor::start(&program, &["--dont-fork"]);
        let far = pair.there(|| Impostor::start(&program, &["-f", "/etc/far.conf"]));
        wait_until("both are found", || other_vrrp_speakers().len() == 2);

        let found = other_vrrp_speakers();
        let of =
            |child: &Impostor| -> Option<&OtherVrrp> { found.iter().find(|other| other.pid == child.0.id()) };
        assert_eq!(of(&near).unwrap().configuration, Path::new("/etc/near.conf"));
        assert_eq!(of(&near).unwrap().parent, std::process::id());
        assert_eq!(of(&plain).unwrap().configuration, Path::new("/etc/keepalived/keepalived.conf"));
        assert_eq!(of(&far), None);
        assert_eq!(pair.there(other_vrrp_speakers)[0].pid, far.0.id());
        drop((near, plain, far));
        assert_eq!(other_vrrp_speakers(), []);
    });
}

#[test]
fn a_configuration_is_readable_through_the_root_of_its_process() {
    joined(|_| {
        let directory = tempfile::tempdir().unwrap();
        let program = impostor(directory.path());
        let file = directory.path().join("k.conf");
        fs::write(&file, "! a configuration\n").unwrap();
        let _running = Impostor::start(&program, &["-f", file.to_str().unwrap()]);
        wait_until("it is found", || !other_vrrp_speakers().is_empty());
        let here = other_vrrp_speakers()[0].configuration_here();
        assert_eq!(fs::read_to_string(here).unwrap(), "! a configuration\n");
    });
}
