//! What the service manager is told (sd_notify(3)): which process the service is now.
//!
//! Without a word from us it would take the end of the old process for the end of the service.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

/// Where the service manager listens, if there is one.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// Tells it the state (`READY=1` and the like), if this process belongs to a service that wants to know.
pub fn tell_service_manager(state: &str) {
    let Some(socket) = env::var_os(VARIABLE) else { return };
    if let Err(error) = tell(&socket, state) {
        tracing::warn!("cannot tell the service manager ({VARIABLE}={}): {error}", socket.display());
    }
}

fn tell(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_is_told_by_path_and_by_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("regent-test-{}", std::process::id());
        let abstractly = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (socket, named) in [(by_path, path.into_os_string()), (abstractly, format!("@{name}").into())] {
            tell(&named, "READY=1\nMAINPID=7").unwrap();
            let mut buffer = [0; 64];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1\nMAINPID=7");
        }
        assert!(tell(OsStr::new("/nowhere/at/all"), "READY=1").is_err());
    }
}
