//! The words of `global_defs`: those about instances here, the others by what they are about.

mod files;
mod firewall;
mod ipvs;
mod mail;
mod notify;
mod process;
mod remote;
mod run;

use super::{
    DOWN_ADVERTS, GATE, REPEAT, SECONDS, VERSION, in_block,
    instance::{EXTRA, EXTRA_ANNOUNCEMENTS, TWO_OWNERS},
    word,
};
use crate::config::keyword::{Keyword, Kind, Word};

pub(in crate::config) use files::{FilesTerm, ReloadTerm};
pub(in crate::config) use firewall::FirewallTerm;
pub(in crate::config) use ipvs::IpvsTerm;
pub(in crate::config) use mail::MailTerm;
pub(in crate::config) use notify::{FifoOf, FifoTerm};
pub(in crate::config) use process::{BufferOf, Part, ProcessTerm};
pub(in crate::config) use remote::{DbusTerm, SnmpTerm};
pub(in crate::config) use run::RunTerm;

/// In `global_defs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum GlobalTerm {
    RouterId,
    Version,
    ChecksumAsV2,
    DownTimerAdverts,
    GarpDelay,
    GarpRepeat,
    GarpRefresh,
    GarpRefreshRepeat,
    GarpLowerDelay,
    GarpLowerRepeat,
    DefaultInterface,
    StartupDelay,
    DelayAfterBoot,
    MulticastGroup4,
    MulticastGroup6,
    GarpInterval,
    GnaInterval,
    MinimalGarp,
    LowerNoAdvert,
    HigherSendAdvert,
    CheckUnicastSource,
    SkipCheckAddresses,
    Strict,
    DynamicInterfaces,
    Gate,
    Responder,
    VirtualMac,
    Xdp,
    ExtraAnnouncements,
    OwnerIgnoresAdverts,
    LogUnknownGroups,
    DisableLocalIgmp,
    VmacPrefix,
    VmacAddressPrefix,
    Mail(MailTerm),
    Fifo(FifoOf, FifoTerm),
    PriorityChanges,
    StatesOnReload,
    Run(RunTerm),
    Process(Part, ProcessTerm),
    ProcessNames,
    MaxAutoPriority,
    MinAutoPriorityDelay,
    BufferSize(BufferOf),
    BufferForce(BufferOf),
    ReceivePolicy,
    ReceiveMultiplier,
    Firewall(FirewallTerm),
    Ipvs(IpvsTerm),
    Snmp(SnmpTerm),
    Dbus(DbusTerm),
    Reload(ReloadTerm),
    Files(FilesTerm),
}

/// All of them.
pub(super) fn keywords() -> impl Iterator<Item = Keyword> {
    [
        WORDS,
        mail::WORDS,
        notify::WORDS,
        run::WORDS,
        process::WORDS,
        process::BUFFERS,
        firewall::WORDS,
        ipvs::WORDS,
        remote::WORDS,
        files::WORDS,
    ]
    .into_iter()
    .flat_map(|words| in_block("global_defs", words))
}

const WORDS: &[Word<GlobalTerm>] = &[
    word("router_id", Kind::Text, "this host's name in messages", "router_id lb1", GlobalTerm::RouterId).default("the host's name").everyday(),
    word("vrrp_version", VERSION, "version of IPv4 instances that do not say theirs", "vrrp_version 3", GlobalTerm::Version).default("2").everyday(),
    word("v3_checksum_as_v2", Kind::Switch, "version 3 over IPv4 is sent with the checksum of RFC 9568, without pseudo-header", "v3_checksum_as_v2", GlobalTerm::ChecksumAsV2).default("off").since("2.3"),
    word("vrrp_down_timer_adverts", DOWN_ADVERTS, "adverts that must be missing until the master counts as gone", "vrrp_down_timer_adverts 3", GlobalTerm::DownTimerAdverts).default("3").rare(),
    word("vrrp_garp_master_delay", SECONDS, "second batch of announcements, this long after becoming master; 0: none", "vrrp_garp_master_delay 5", GlobalTerm::GarpDelay).default("5").everyday(),
    word("vrrp_garp_master_repeat", REPEAT, "announcements of each address in a batch", "vrrp_garp_master_repeat 5", GlobalTerm::GarpRepeat).default("5").everyday(),
    word("vrrp_garp_master_refresh", SECONDS, "addresses are announced again this often while master; 0: never", "vrrp_garp_master_refresh 60", GlobalTerm::GarpRefresh).default("0"),
    word("vrrp_garp_master_refresh_repeat", REPEAT, "announcements of each address in a refresh", "vrrp_garp_master_refresh_repeat 2", GlobalTerm::GarpRefreshRepeat).default("1"),
    word("vrrp_garp_lower_prio_delay", SECONDS, "second batch after a master heard a lower priority; 0: none", "vrrp_garp_lower_prio_delay 5", GlobalTerm::GarpLowerDelay).default("vrrp_garp_master_delay"),
    word("vrrp_garp_lower_prio_repeat", REPEAT, "announcements of each address after a master heard a lower priority", "vrrp_garp_lower_prio_repeat 5", GlobalTerm::GarpLowerRepeat).default("vrrp_garp_master_repeat"),
    word("default_interface", Kind::Interface, "interface of instances that do not say theirs", "default_interface eth0", GlobalTerm::DefaultInterface),
    word("vrrp_startup_delay", SECONDS, "every instance waits this long after the start", "vrrp_startup_delay 5.5", GlobalTerm::StartupDelay).default("0"),
    word("vrrp_delay_after_boot", SECONDS, "every instance waits until the host has been up this long", "vrrp_delay_after_boot 30", GlobalTerm::DelayAfterBoot).default("0").since("2.3"),
    word("vrrp_mcast_group4", Kind::Address, "where adverts of IPv4 instances go", "vrrp_mcast_group4 224.0.0.18", GlobalTerm::MulticastGroup4).default("224.0.0.18"),
    word("vrrp_mcast_group6", Kind::Address, "where adverts of IPv6 instances go", "vrrp_mcast_group6 ff02::12", GlobalTerm::MulticastGroup6).default("ff02::12"),
    word("vrrp_garp_interval", SECONDS, "shortest time between two gratuitous ARPs on an interface", "vrrp_garp_interval 0.001", GlobalTerm::GarpInterval).default("0").everyday(),
    word("vrrp_gna_interval", SECONDS, "shortest time between two unsolicited neighbour advertisements on an interface", "vrrp_gna_interval 0.001", GlobalTerm::GnaInterval).default("0").everyday(),
    word("vrrp_min_garp", Kind::Switch, "one announcement of each address on becoming master and no second batch, unless said otherwise", "vrrp_min_garp", GlobalTerm::MinimalGarp).default("off"),
    word("vrrp_lower_prio_no_advert", Kind::Switch, "a master does not answer an advert of lower priority", "vrrp_lower_prio_no_advert", GlobalTerm::LowerNoAdvert).default("off"),
    word("vrrp_higher_prio_send_advert", Kind::Switch, "a master that loses sends one more advert, so that the winner announces its addresses again", "vrrp_higher_prio_send_advert", GlobalTerm::HigherSendAdvert).default("on, unlike in keepalived"),
    word("vrrp_check_unicast_src", Kind::Switch, "unicast adverts of others than the peers are rejected", "vrrp_check_unicast_src", GlobalTerm::CheckUnicastSource).default("off"),
    word("vrrp_skip_check_adv_addr", Kind::Switch, "accepted: no advert is ever rejected for its addresses, they are only counted", "vrrp_skip_check_adv_addr", GlobalTerm::SkipCheckAddresses).default("on, unlike in keepalived").everyday(),
    word("vrrp_strict", Kind::Switch, "instances follow the RFCs closely; addresses stay reachable, unlike in keepalived", "vrrp_strict", GlobalTerm::Strict).default("off").everyday(),
    word("dynamic_interfaces", Kind::Maybe(&["allow_if_changes"]), "accepted: interfaces may always come, go and change", "dynamic_interfaces", GlobalTerm::DynamicInterfaces).default("allow_if_changes"),
    word("gate", GATE, "instances that do not say theirs: a master that attempts no advert for so many intervals falls silent", "gate 3", GlobalTerm::Gate).default("3, and no more than down_timer_adverts").own(),
    word("responder", Kind::Switch, "XDP answers ARP and neighbour solicitations for the addresses of a master; off: the kernel does", "responder on", GlobalTerm::Responder).default("on").own(),
    word("virtual_mac", Kind::Switch, "instances speak from the MAC of their VRID, without an interface of its own", "virtual_mac", GlobalTerm::VirtualMac).default("off").own(),
    word("xdp", Kind::Choice(&["auto", "native", "generic", "off"]), "where adverts come from: native XDP, else generic XDP, else a socket; --xdp goes before it", "xdp auto", GlobalTerm::Xdp).default("auto").own(),
    word("vrrp_garp_extra_if", EXTRA, "addresses on other interfaces than their instance's are announced again this often", "vrrp_garp_extra_if all 100", GlobalTerm::ExtraAnnouncements).rare().not_yet(EXTRA_ANNOUNCEMENTS),
    word("vrrp_vmac_garp_intvl", EXTRA, "the old name of `vrrp_garp_extra_if`", "vrrp_vmac_garp_intvl 100", GlobalTerm::ExtraAnnouncements).rare().same_as("vrrp_garp_extra_if").not_yet(EXTRA_ANNOUNCEMENTS),
    word("vrrp_owner_ignore_adverts", Kind::Switch, "an owner (priority 255) stays master whoever else says to own the addresses", "vrrp_owner_ignore_adverts", GlobalTerm::OwnerIgnoresAdverts).default("off").rare().since("2.3").not_yet(TWO_OWNERS),
    word("log_unknown_vrids", Kind::Flag, "adverts of groups that are not configured on their interface are logged", "log_unknown_vrids", GlobalTerm::LogUnknownGroups).without_effect("such groups are always counted, and `agent status` shows them"),
    word("disable_local_igmp", Kind::Flag, "the host reports no membership of groups in 224.0.0.0/24", "disable_local_igmp", GlobalTerm::DisableLocalIgmp).rare().not_yet("do it once on the host: `sysctl net.ipv4.igmp_link_local_mcast_reports=0`"),
    word("vmac_prefix", Kind::Text, "names of the interfaces that `use_vmac` makes begin so", "vmac_prefix vrrp", GlobalTerm::VmacPrefix).default("vrrp").rare().not_yet("`use_vmac` makes no interface yet"),
    word("vmac_addr_prefix", Kind::Text, "names of the interfaces that `use_vmac` makes for single addresses begin so", "vmac_addr_prefix vrrp", GlobalTerm::VmacAddressPrefix).default("vmac_prefix").rare().not_yet("`use_vmac` makes no interface yet"),
];
