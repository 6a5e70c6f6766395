//! Programs and directories with every kind of permission bits, made on the spot.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A program with these permission bits in a directory with those.
fn made(directory_bits: u32, bits: u32) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("program");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(directory_bits)).unwrap();
    (directory, path)
}

fn own() -> (u32, u32) {
    (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw())
}

#[test]
fn users_and_groups_are_known_by_name_and_number() {
    let root = Account::Known { user: 0, group: 0 };
    assert_eq!(account("root", None).unwrap(), root);
    assert_eq!(account("0", Some("0")).unwrap(), root);
    assert_eq!(account("root", Some("77")).unwrap(), Account::Known { user: 0, group: 77 });
    assert_eq!(account("no such user", None).unwrap(), Account::NoUser);
    assert_eq!(account("root", Some("no such group")).unwrap(), Account::NoGroup);
}

#[test]
fn a_program_must_be_an_executable_file() {
    let (user, group) = own();
    let (directory, path) = made(0o755, 0o755);
    assert!(matches!(program(&path, user, group).unwrap(), Standing::Fit(_)));
    assert_eq!(program(&path.join("below"), user, group).unwrap(), Standing::Missing);
    assert_eq!(program(&path.with_extension("none"), user, group).unwrap(), Standing::Missing);
    assert_eq!(program(Path::new("no-such-program-anywhere"), user, group).unwrap(), Standing::Missing);
    assert!(matches!(program(Path::new("sh"), user, group).unwrap(), Standing::Fit(_)));
    assert_eq!(program(directory.path(), user, group).unwrap(), Standing::Unfit("it is a directory"));
    let (_directory, path) = made(0o755, 0o644);
    let unfit = Standing::Unfit("it is not executable: chmod +x makes it so");
    assert_eq!(program(&path, user, group).unwrap(), unfit);
}

#[test]
fn the_user_that_runs_it_must_reach_it() {
    let stranger = (own().0 + 1_000_000, own().1 + 1_000_000);
    let (_directory, path) = made(0o755, 0o750);
    assert_eq!(
        program(&path, stranger.0, stranger.1).unwrap(),
        Standing::Unfit("its user may not execute it")
    );
    assert!(matches!(program(&path, stranger.0, own().1).unwrap(), Standing::Fit(_)));
    let (_directory, path) = made(0o700, 0o755);
    let closed = Standing::Unfit("its user may not enter a directory of its path");
    assert_eq!(program(&path, stranger.0, stranger.1).unwrap(), closed);
}

#[test]
fn whoever_may_change_a_part_of_the_path_is_named() {
    let (user, group) = own();
    let changeable = |path: &Path| match program(path, user, group).unwrap() {
        Standing::Fit(parts) => parts,
        other @ (Standing::Missing | Standing::Unfit(_)) => panic!("{other:?}"),
    };
    let how_of = |path: &Path, part: &Path| {
        let parts = changeable(path);
        parts.into_iter().find(|(known, _)| known == part).map(|(_, how)| how)
    };
    let others =
        if user == 0 { "can be written by everybody".to_owned() } else { format!("belongs to user {user}") };
    let (directory, path) = made(0o777, 0o755);
    let directory_path = directory.path().canonicalize().unwrap();
    assert_eq!(how_of(&path, &directory_path), Some(others.clone()));
    // In a sticky directory nobody replaces the files of others, as in /tmp above it.
    if user == 0 {
        let (_directory, path) = made(0o1777, 0o755);
        assert_eq!(changeable(&path), []);
    }
    // What a link leads to counts, and where the link stands.
    let (target_directory, target) = made(0o755, 0o777);
    let link = directory_path.join("link");
    symlink(&target, &link).unwrap();
    assert_eq!(how_of(&link, &target), Some(others.clone()));
    assert_eq!(how_of(&link, &directory_path), Some(others));
    drop(target_directory);
}
