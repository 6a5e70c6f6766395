//! `virtual_server_group`: names, and what virtual servers need to know of the entries.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
};

use regent_common::Family;

use crate::config::{
    check::addresses::family,
    diagnostic::{Diagnostic, Diagnostics, code},
    keyword,
    model::{Model, Required, ServerGroup, Spanned},
    plan::{GroupEntry, ServerGroupPlan, ServicePlan, VirtualServerPlan},
    source::Span,
};

/// Looking for a slip compares with no more names than these.
const MAX_COMPARED: usize = 500;

/// The groups that virtual servers can name.
#[derive(Default)]
pub(super) struct Groups {
    /// In the order of the config.
    list: Vec<Group>,
    by_name: BTreeMap<String, usize>,
    /// Every block, also one that cannot be used.
    blocks: BTreeMap<String, Span>,
}

/// A group.
pub(super) struct Group {
    name: String,
    /// Not empty.
    pub entries: Vec<Spanned<GroupEntry>>,
    /// Of its addresses, and of its fwmarks that say theirs; the first one's first.
    pub families: Vec<Family>,
    /// Of its addresses.
    pub ports: BTreeSet<Option<NonZeroU16>>,
    pub has_addresses: bool,
    pub has_marks: bool,
}

impl Group {
    fn of(group: &ServerGroup) -> Self {
        let mut read = Self {
            name: group.name.value.clone(),
            entries: group.entries.clone(),
            families: Vec::new(),
            ports: BTreeSet::new(),
            has_addresses: false,
            has_marks: false,
        };
        for entry in &group.entries {
            let family = match entry.value {
                GroupEntry::Addresses { first, port, .. } => {
                    read.has_addresses = true;
                    read.ports.insert(port);
                    Some(family(first))
                }
                GroupEntry::Fwmark { family, .. } => {
                    read.has_marks = true;
                    family
                }
            };
            if let Some(family) = family.filter(|family| !read.families.contains(family)) {
                read.families.push(family);
            }
        }
        read
    }

    /// The port of all its entries; `None` when they have several or it has fwmarks.
    pub(super) fn only_port(&self) -> Option<NonZeroU16> {
        let mut ports = self.ports.iter();
        match (ports.next(), ports.next()) {
            (Some(port), None) if !self.has_marks => *port,
            _ => None,
        }
    }
}

impl Groups {
    /// Checks all `virtual_server_group` blocks.
    pub(super) fn of(model: &Model, diagnostics: &mut Diagnostics) -> Self {
        let mut groups = Self::default();
        for group in &model.server_groups {
            let name = &group.name;
            if let Some(first) = groups.blocks.get(&name.value).copied() {
                let message = format!("two groups of virtual servers are named `{}`", name.value);
                diagnostics.push(
                    Diagnostic::error(code::DUPLICATE_NAME, message)
                        .primary(name.span, "this one is ignored")
                        .secondary(first, "named here first"),
                );
                continue;
            }
            groups.blocks.insert(name.value.clone(), name.span);
            if group.damaged {
                // Diagnosed where it stands, and who names it is told so.
                continue;
            }
            if group.entries.is_empty() {
                diagnostics.push(
                    Diagnostic::error(code::SERVER_GROUP, format!("group `{}` has no entries", name.value))
                        .primary(name.span, "virtual servers that name it are left out"),
                );
                continue;
            }
            groups.by_name.insert(name.value.clone(), groups.list.len());
            groups.list.push(Group::of(group));
        }
        groups
    }

    /// The group of that name; one that cannot be used is diagnosed at `place`.
    pub(super) fn find(&self, name: &str, place: Span, diagnostics: &mut Diagnostics) -> Option<&Group> {
        let group = self.by_name.get(name).and_then(|index| self.list.get(*index));
        if group.is_some() {
            return group;
        }
        let block = self.blocks.get(name).copied();
        let (what, remark) = match block {
            Some(_) => ("cannot be used", "its block is at fault"),
            None => ("does not exist", "no `virtual_server_group` has this name"),
        };
        let nearest = if block.is_none() && !diagnostics.is_full() {
            keyword::quoted_nearest(name, self.blocks.keys().take(MAX_COMPARED).map(String::as_str))
        } else {
            String::new()
        };
        let mut diagnostic = Diagnostic::error(code::SERVER_GROUP, format!("group `{name}` {what}"))
            .primary(place, remark)
            .help(nearest)
            .help("this virtual server is left out");
        if let Some(block) = block {
            diagnostic = diagnostic.secondary(block, "this block");
        }
        diagnostics.push(diagnostic);
        None
    }

    /// Those that a virtual server names.
    pub(super) fn named_by(&self, servers: &[VirtualServerPlan]) -> Vec<ServerGroupPlan> {
        let named: BTreeSet<&str> = servers.iter().filter_map(|server| group_name(&server.service)).collect();
        self.list
            .iter()
            .filter(|group| named.contains(group.name.as_str()))
            .map(|group| ServerGroupPlan {
                name: group.name.clone(),
                entries: group.entries.iter().map(|entry| entry.value).collect(),
            })
            .collect()
    }

    /// A note for each group that nothing in the config names.
    pub(super) fn report_unused(&self, model: &Model, diagnostics: &mut Diagnostics) {
        let named: BTreeSet<&str> = model
            .virtual_servers
            .iter()
            .filter_map(|server| match &server.service {
                Required::Good(service) => group_name(&service.value),
                Required::Absent | Required::Bad => None,
            })
            .collect();
        for (name, block) in self.blocks.iter().filter(|(name, _)| !named.contains(name.as_str())) {
            diagnostics.push(
                Diagnostic::note(code::SERVER_GROUP, format!("no virtual server names group `{name}`"))
                    .primary(*block, "it serves nothing"),
            );
        }
    }
}

fn group_name(service: &ServicePlan) -> Option<&str> {
    match service {
        ServicePlan::Group(name) => Some(name),
        ServicePlan::Endpoint(_) | ServicePlan::Fwmark(_) => None,
    }
}
