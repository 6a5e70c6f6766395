//! Words of the root that say where the agent works.

use super::{Globals, Reader, reader::Entry};
use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword::RootTerm,
    plan::IpvsNamespace,
};

/// One of these words. Others are not read here.
pub(super) fn line(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>, globals: &mut Globals) {
    globals.said.insert(entry.keyword.name, entry.head);
    let place = &mut globals.kept.place;
    match entry.term {
        RootTerm::NetNamespace => place.net_namespace = file_name(reader, entry),
        RootTerm::IpvsNamespace => {
            let named = entry.value().map(|word| IpvsNamespace::Named(word.value.clone()));
            place.ipvs_namespace = Some(named.unwrap_or(IpvsNamespace::Default));
        }
        RootTerm::NamespaceWithIpsets => place.namespace_with_ipsets = true,
        RootTerm::InstanceName => place.instance = file_name(reader, entry),
        RootTerm::UsePidDirectory => place.use_pid_directory = true,
        RootTerm::LinkbeatPolling => globals.kept.linkbeat.all = true,
        RootTerm::ChildWaitTime => {
            let seconds = reader.number(entry, "5 seconds are meant");
            place.child_wait_seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
        }
        RootTerm::GlobalDefs
        | RootTerm::Script
        | RootTerm::Instance
        | RootTerm::GarpGroup
        | RootTerm::SyncGroup
        | RootTerm::TrackFile
        | RootTerm::TrackProcess
        | RootTerm::VirtualServer
        | RootTerm::VirtualServerGroup
        | RootTerm::Bfd
        | RootTerm::Ssl
        | RootTerm::StaticAddresses
        | RootTerm::StaticRoutes
        | RootTerm::StaticRules
        | RootTerm::TrackGroup
        | RootTerm::LinkbeatInterfaces
        | RootTerm::InterfaceDelays => {}
    }
}

/// A name that is one of a file as well, and must not lead to another directory.
fn file_name(reader: &mut Reader<'_>, entry: &Entry<'_, RootTerm>) -> Option<String> {
    let name = reader.filled(entry)?;
    if !name.contains('/') && name != "." && name != ".." {
        return Some(name);
    }
    let place = entry.value().map_or(entry.head, |word| word.span);
    reader.report(
        Diagnostic::error(
            code::NAME_UNUSABLE,
            format!("`{name}` cannot be a name after `{}`", entry.keyword.name),
        )
        .primary(place, "expected a name without slashes")
        .help("it is left out"),
    );
    None
}
