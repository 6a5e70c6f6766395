//! What a config says for the agent as a whole, beyond what instances inherit.
//!
//! Most of it does not act yet: it is typed and checked here, so that whoever makes it act finds it.

use std::fmt;

use serde::Serialize;

use super::{
    DbusPlan, DefaultsPlan, ExtraAnnouncements, FifosPlan, FilesPlan, FirewallPlan, IpvsPlan, LinkbeatPlan,
    MailPlan, PlacePlan, ProcessesPlan, ProgramsPlan, ReloadPlan, SnmpPlan, VmacPlan,
};

/// `global_defs` and the words of the root.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct GlobalPlan {
    /// Where the agent works and what its files are called.
    pub place: PlacePlan,
    /// Programs that it runs.
    pub programs: ProgramsPlan,
    /// Mail.
    pub mail: MailPlan,
    /// Pipes that events are written to.
    pub fifos: FifosPlan,
    /// Processes and their resources.
    pub processes: ProcessesPlan,
    /// The packet filter.
    pub firewall: FirewallPlan,
    /// Balancing.
    pub ipvs: IpvsPlan,
    /// SNMP.
    pub snmp: SnmpPlan,
    /// D-Bus.
    pub dbus: DbusPlan,
    /// Reloads.
    pub reload: ReloadPlan,
    /// Files that are read or written.
    pub files: FilesPlan,
    /// Interfaces that `use_vmac` makes.
    pub vmac: VmacPlan,
    /// How links are watched.
    pub linkbeat: LinkbeatPlan,
    /// What instances take from it.
    #[serde(skip_serializing_if = "DefaultsPlan::is_empty")]
    pub defaults: DefaultsPlan,
    /// `vrrp_garp_extra_if`.
    pub extra_announcements: Option<ExtraAnnouncements>,
    /// `vrrp_owner_ignore_adverts`.
    pub owner_ignores_adverts: bool,
    /// `log_unknown_vrids`.
    pub logs_unknown_groups: bool,
    /// `disable_local_igmp`.
    pub disables_local_igmp: bool,
}

/// Parts of which nothing is said are left out: most of them, in most configs.
impl fmt::Debug for GlobalPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("GlobalPlan");
        macro_rules! parts {
            ($($name:ident)*) => {{
                let Self { $($name),* } = self;
                let default = Self::default();
                $(if *$name != default.$name {
                    shown.field(stringify!($name), $name);
                })*
            }};
        }
        parts!(
            place programs mail fifos processes firewall ipvs snmp dbus reload files vmac linkbeat defaults extra_announcements
            owner_ignores_adverts logs_unknown_groups disables_local_igmp
        );
        shown.finish_non_exhaustive()
    }
}
