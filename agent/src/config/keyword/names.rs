//! keepalived's words that are not read yet.
//!
//! They are names only: enough to tell a word that is keepalived's from a slip of the pen, and to skip its block whole.
//! A word that is read moves to `words`; its entry here is then shadowed and goes.

use super::{
    Effect, Keyword, Kind, Tier,
    words::{EXTRA_ANNOUNCEMENTS, TWO_OWNERS},
};

/// Words that open a block at the root and stand nowhere else.
pub(super) const ROOT_BLOCKS: &[&str] = &[
    "global_defs",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "vrrp_script",
    "vrrp_instance",
    "vrrp_sync_group",
    "vrrp_track_process",
    "vrrp_track_file",
    "garp_group",
    "bfd_instance",
    "virtual_server",
    "virtual_server_group",
];

/// Block, words.
const WORDS: &[(&str, &str)] = &[
    (
        "",
        "track_group static_ipaddress static_routes static_rules bfd_instance SSL virtual_server_group \
         virtual_server",
    ),
    ("track_group", "group"),
    (
        "vrrp_instance",
        "use_vmac use_vmac_addr vmac_xmit_base use_ipvlan vrf track_file track_process track_bfd \
         no_virtual_ipaddress promote_secondaries linkbeat_use_polling virtual_routes virtual_rules debug \
         notify_deleted notify_master_rx_lower_pri smtp_alert notify_priority_changes \
         lvs_sync_daemon_interface timer_expired_backup thread_timer_expired garp_extra_if vmac_garp_intvl \
         owner_ignore_adverts kernel_rx_buf_size",
    ),
    ("vrrp_instance/auth_hmac", "key active_key time_window anti_replay mode"),
    (
        "bfd_instance",
        "source_ip neighbor_ip neighbour_ip min_rx min_tx idle_tx multiplier passive ttl hoplimit max_hops \
         multihop weight vrrp checker",
    ),
    ("SSL", "password ca certificate key"),
    (
        "virtual_server",
        "ip_family retry delay_before_retry warmup connect_timeout delay_loop inhibit_on_failure lb_algo \
         lvs_sched hashed ops flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback lb_kind lvs_method \
         persistence_engine persistence_timeout persistence_granularity protocol ha_suspend smtp_alert \
         virtualhost snmp_name alpha omega quorum_up quorum_down quorum hysteresis weight sorry_server \
         sorry_server_inhibit sorry_server_lvs_method real_server",
    ),
    (
        "virtual_server/real_server",
        "weight lvs_method uthreshold lthreshold inhibit_on_failure notify_up notify_down alpha retry \
         delay_before_retry warmup connect_timeout delay_loop smtp_alert virtualhost snmp_name MISC_CHECK \
         SMTP_CHECK TCP_CHECK HTTP_GET SSL_GET DNS_CHECK BFD_CHECK UDP_CHECK PING_CHECK FILE_CHECK",
    ),
    (
        "virtual_server/real_server/MISC_CHECK",
        "retry delay_before_retry warmup delay_loop alpha log_all_failures misc_path misc_timeout \
         misc_dynamic user",
    ),
    ("virtual_server/real_server/SMTP_CHECK", "helo_name host"),
    (
        "virtual_server/real_server/HTTP_GET",
        "nb_get_retry virtualhost http_protocol enable_sni sni_name fast_recovery tls_compliant url",
    ),
    (
        "virtual_server/real_server/SSL_GET",
        "nb_get_retry virtualhost http_protocol enable_sni sni_name fast_recovery tls_compliant url",
    ),
    (
        "virtual_server/real_server/HTTP_GET/url",
        "path digest status_code virtualhost regex regex_no_match regex_options regex_min_offset \
         regex_max_offset regex_stack tls_compliant",
    ),
    (
        "virtual_server/real_server/SSL_GET/url",
        "path digest status_code virtualhost regex regex_no_match regex_options regex_min_offset \
         regex_max_offset regex_stack tls_compliant",
    ),
    ("virtual_server/real_server/DNS_CHECK", "type name"),
    ("virtual_server/real_server/BFD_CHECK", "name alpha"),
    ("virtual_server/real_server/UDP_CHECK", "payload require_reply min_reply_length max_reply_length"),
    ("virtual_server/real_server/FILE_CHECK", "track_file weight"),
];

/// What every check of a real server takes.
const CHECK_WORDS: &str = "connect_ip connect_port bindto bind_port bind_if connect_timeout fwmark retry \
                           delay_before_retry warmup delay_loop alpha log_all_failures";

/// Blocks that take [`CHECK_WORDS`].
const CHECKS: &[&str] = &[
    "virtual_server/real_server/SMTP_CHECK",
    "virtual_server/real_server/SMTP_CHECK/host",
    "virtual_server/real_server/TCP_CHECK",
    "virtual_server/real_server/HTTP_GET",
    "virtual_server/real_server/SSL_GET",
    "virtual_server/real_server/DNS_CHECK",
    "virtual_server/real_server/UDP_CHECK",
    "virtual_server/real_server/PING_CHECK",
];

const OWN_MAC: &str = "addresses answer with the interface's own MAC; at a takeover gratuitous ARP tells the network the new one";
const OWN_INTERFACE: &str = "an interface of its own for the virtual MAC comes later; say `virtual_mac` to have that MAC on \
                             the interface itself, without which addresses answer with the interface's own";

/// Words whose absence changes more than it seems: block, word, what follows.
const CONSEQUENCES: &[(&str, &str, &str)] = &[
    ("", "virtual_server", "nothing is balanced; addresses move all the same"),
    ("", "static_ipaddress", "these addresses are not assigned"),
    ("", "static_routes", "these routes are not set"),
    ("vrrp_instance", "garp_extra_if", EXTRA_ANNOUNCEMENTS),
    ("vrrp_instance", "vmac_garp_intvl", EXTRA_ANNOUNCEMENTS),
    ("vrrp_instance", "owner_ignore_adverts", TWO_OWNERS),
    ("vrrp_instance", "use_vmac", OWN_INTERFACE),
    ("vrrp_instance", "use_ipvlan", OWN_MAC),
    ("vrrp_instance", "use_vmac_addr", OWN_INTERFACE),
    ("vrrp_instance", "vmac_xmit_base", "adverts are sent from the interface itself in any case"),
    (
        "vrrp_instance",
        "no_virtual_ipaddress",
        "an instance needs at least one address: adverts that name none are rejected (RFC 9568 5.2.5)",
    ),
    (
        "vrrp_instance",
        "promote_secondaries",
        "do it once on the host: `sysctl net.ipv4.conf.INTERFACE.promote_secondaries=1`",
    ),
    ("vrrp_instance", "virtual_routes", "these routes do not move with the addresses"),
    ("vrrp_instance", "virtual_rules", "these rules do not move with the addresses"),
    ("vrrp_instance", "track_file", "the priority does not depend on it"),
    ("vrrp_instance", "track_process", "the priority does not depend on it"),
    ("vrrp_instance", "track_bfd", "the priority does not depend on it"),
];

fn word(parent: &'static str, name: &'static str) -> Keyword {
    let consequence = CONSEQUENCES.iter().find(|(block, word, _)| (*block, *word) == (parent, name));
    Keyword {
        name,
        parent,
        kind: Kind::Anything,
        default: "",
        help: "keepalived's; not supported yet",
        example: "",
        tier: Tier::Rare,
        since: "",
        same_as: "",
        effect: Effect::NotYet(consequence.map_or("", |(_, _, consequence)| consequence)),
        repeats: false,
        term: None,
    }
}

/// Every word of keepalived's, also those that are read.
pub(super) fn keywords() -> impl Iterator<Item = Keyword> {
    let words =
        WORDS.iter().flat_map(|(parent, words)| words.split_whitespace().map(|name| word(parent, name)));
    let checks =
        CHECKS.iter().flat_map(|parent| CHECK_WORDS.split_whitespace().map(|name| word(parent, name)));
    words.chain(checks)
}
