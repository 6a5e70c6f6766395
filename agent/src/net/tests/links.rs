//! Links on the tcx hooks, and which BPF file systems last.

use std::{
    os::fd::{AsFd, OwnedFd},
    process::Command,
};

use lab::{bpf_program, bpffs::Bpffs};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

use super::{
    frame_socket::{announcements, heard_of, listener_on},
    lab::{Pair, alone, joined, link},
};
use crate::net::{
    frame_socket::FrameSocket,
    xdp::{DEFAULT_BPFFS, Handle, Hook, Link, Mode, Pins, Place},
};

/// No program after this one is asked.
const PASS: i32 = 0;
const DROP: i32 = 2;
const NEXT: i32 = -1;
const FRAMES: u8 = 3;

fn program(action: i32) -> OwnedFd {
    bpf_program::tc(action).unwrap()
}

fn on(hook: Hook, program: &OwnedFd) -> Link {
    Link::create(program.as_fd(), link("port0").index, hook).unwrap()
}

/// Whether frames that leave here arrive there.
fn leave(pair: &Pair) -> bool {
    let listener = pair.there(|| listener_on("port1"));
    FrameSocket::open().unwrap().send(link("port0").index, &announcements(FRAMES)).ok();
    all_or_none(heard_of(&listener, FRAMES.into()).len())
}

/// Whether frames that leave there arrive here.
fn enter(pair: &Pair) -> bool {
    let listener = listener_on("port0");
    pair.there(|| {
        FrameSocket::open().unwrap().send(link("port1").index, &announcements(FRAMES)).unwrap();
    });
    all_or_none(heard_of(&listener, FRAMES.into()).len())
}

#[track_caller]
fn all_or_none(heard: usize) -> bool {
    assert!([0, usize::from(FRAMES)].contains(&heard), "{heard} frames");
    heard > 0
}

#[test]
fn a_program_on_a_tcx_hook_sees_its_direction_alone() {
    joined(|pair| {
        let drop_all = program(DROP);
        let egress = on(Hook::Egress, &drop_all);
        assert_eq!((leave(pair), enter(pair)), (false, true));
        egress.detach();
        let _ingress = on(Hook::Ingress, &drop_all);
        assert_eq!((leave(pair), enter(pair)), (true, false));
    });
}

#[test]
fn a_tcx_link_comes_before_programs_of_others_and_leaves_them_where_they_are() {
    joined(|pair| {
        // It ends the chain: whoever stands behind it is asked nothing.
        let theirs = on(Hook::Egress, &program(PASS));
        let ours = on(Hook::Egress, &program(DROP));
        assert!(!leave(pair));
        ours.detach();
        assert!(leave(pair) && theirs.attachment().unwrap().ifindex.is_some());
        // What is none of our business goes on to theirs.
        let stricter = on(Hook::Ingress, &program(DROP));
        let _ours = on(Hook::Ingress, &program(NEXT));
        assert!(!enter(pair));
        stricter.detach();
        assert!(enter(pair));
    });
}

#[test]
fn an_update_puts_another_program_in_the_place_of_the_first() {
    joined(|pair| {
        let (first, second) = (program(NEXT), program(DROP));
        let link = on(Hook::Egress, &first);
        let before = link.attachment().unwrap();
        assert!(leave(pair));
        link.update(second.as_fd()).unwrap();
        assert!(!leave(pair));
        let after = link.attachment().unwrap();
        assert!(after.program != before.program && after.link == before.link, "{before:?} {after:?}");
        assert_eq!(after.place, Place::Egress);
        // A program for XDP has no place there, and the one that has stays.
        assert!(link.update(bpf_program::xdp(2).unwrap().as_fd()).is_err());
        assert!(!leave(pair));
    });
}

#[test]
fn a_pinned_link_outlives_its_descriptors_until_it_is_detached() {
    joined(|pair| {
        let bpffs = Bpffs::mount().unwrap();
        let path = bpffs.path().join("egress");
        let link = on(Hook::Egress, &program(DROP));
        link.pin(&path).unwrap();
        assert!(link.pin(&path).is_err(), "the name is taken");
        drop(link);
        assert!(!leave(pair));
        let handle = Handle::new(Link::from_pin(&path).unwrap());
        assert!(handle.is_on(super::lab::link("port0").index));
        handle.detach();
        assert!(leave(pair));
        // The pin holds a link that leads nowhere.
        let rest = Link::from_pin(&path).unwrap().attachment().unwrap();
        assert_eq!(rest.ifindex, None);
    });
}

#[test]
fn a_link_knows_its_kind_of_hook() {
    joined(|_pair| {
        let index = link("port0").index;
        for hook in Hook::ALL {
            let program = match hook {
                Hook::Xdp(Mode::Native | Mode::Generic) => bpf_program::xdp(2).unwrap(),
                Hook::Ingress | Hook::Egress => program(NEXT),
            };
            let link = Link::create(program.as_fd(), index, hook).unwrap();
            let attachment = link.attachment().unwrap();
            assert_eq!((attachment.place, attachment.ifindex), (hook.place(), Some(index)), "{hook}");
            assert_eq!(Hook::from_word(hook.word()), Some(hook));
            link.detach();
            assert_eq!(link.attachment().unwrap().ifindex, None, "{hook}");
        }
    });
}

#[test]
fn a_bpf_file_system_of_this_mount_namespace_alone_does_not_last() {
    alone(|| {
        let run_dir = tempfile::tempdir().unwrap();
        let lasting = Bpffs::mount().unwrap();
        // As `ip netns exec` does it for each command; the thread is moved, not its parent process.
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        let own = Bpffs::mount().unwrap();
        let refused = Pins::open(own.path(), run_dir.path()).unwrap_err().to_string();
        assert!(refused.contains("this mount namespace alone"), "{refused}");
        // One that the parent process sees as well is as good here as there.
        drop(Pins::open(lasting.path(), run_dir.path()).unwrap());
    });
}

#[test]
fn none_is_mounted_where_it_would_not_last() {
    alone(|| {
        let run_dir = tempfile::tempdir().unwrap();
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>).unwrap();
        let refused = Pins::open(DEFAULT_BPFFS.as_ref(), run_dir.path()).unwrap_err().to_string();
        assert!(refused.contains("would end with it"), "{refused}");
    });
}

/// Set for a process that is alone in a mount and a PID namespace.
const APART: &str = "REGENT_TEST_APART";

#[test]
fn at_the_usual_place_one_is_mounted_where_it_lasts() {
    if std::env::var_os(APART).is_none() {
        return alone(|| {
            let name = "net::tests::links::at_the_usual_place_one_is_mounted_where_it_lasts";
            // The first process of a PID namespace has nobody above it; the mount goes with its mount namespace.
            let output = Command::new("unshare")
                .args(["--mount", "--pid", "--fork", "--mount-proc"])
                .arg(std::env::current_exe().unwrap())
                .args(["--exact", name, "--nocapture"])
                .env(APART, "1")
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        });
    }
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>).unwrap();
    let run_dir = tempfile::tempdir().unwrap();
    let pins = Pins::open(DEFAULT_BPFFS.as_ref(), run_dir.path()).unwrap();
    assert!(pins.directory().starts_with(DEFAULT_BPFFS));
    assert_eq!(statfs(DEFAULT_BPFFS).unwrap().filesystem_type(), BPF_FS_MAGIC);
    pins.remove().unwrap();
}
