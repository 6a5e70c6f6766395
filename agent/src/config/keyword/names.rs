//! keepalived's words that are not read yet.
//!
//! They are names only: enough to tell a word that is keepalived's from a slip of the pen, and to skip its block whole.
//! A word that is read moves to `words`; its entry here is then shadowed and goes.

use super::{Effect, Keyword, Kind, Tier};

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
        "linkbeat_use_polling net_namespace net_namespace_ipvs namespace_with_ipsets use_pid_dir instance \
         child_wait_time vrrp_sync_group \
         linkbeat_interfaces vrrp_track_process interface_up_down_delays track_file vrrp_track_file",
    ),
    (
        "global_defs",
        "process_names process_name vrrp_process_name checker_process_name lvs_process_name bfd_process_name \
         use_symlink_paths set_supplementary_groups notification_email_from smtp_server smtp_helo_name \
         smtp_connect_timeout notification_email smtp_alert startup_script startup_script_timeout \
         shutdown_script shutdown_script_timeout max_auto_priority min_auto_priority_delay smtp_alert_vrrp \
         smtp_alert_checker checker_log_all_failures no_email_faults disable_local_igmp lvs_timeouts \
         lvs_flush lvs_flush_on_stop lvs_flush_onstop lvs_sync_daemon vrrp_garp_extra_if vrrp_vmac_garp_intvl \
         vrrp_iptables vrrp_ipsets nftables nftables_priority nftables_ifindex vrrp_priority vrrp_no_swap \
         vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rttime vrrp_rlimit_rtime nftables_ipvs \
         nftables_ipvs_priority nftables_ipvs_start_fwmark nftables_counters notify_fifo notify_fifo_script \
         vrrp_notify_fifo vrrp_notify_fifo_script vrrp_notify_priority_changes \
         fifo_write_vrrp_states_on_reload lvs_notify_fifo lvs_notify_fifo_script checker_priority \
         checker_no_swap checker_rt_priority checker_cpu_affinity checker_rlimit_rttime checker_rlimit_rtime \
         bfd_priority bfd_no_swap bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rttime bfd_rlimit_rtime \
         snmp_socket enable_traps enable_snmp_vrrp enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2 \
         enable_snmp_rfcv3 enable_snmp_checker snmp_vs_stats_update_interval snmp_rs_stats_update_interval \
         enable_dbus dbus_service_name dbus_no_interface_name enable_script_security \
         vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs \
         vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs process_monitor_rcv_bufs_force \
         lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs \
         lvs_netlink_monitor_rcv_bufs_force rs_init_notifies no_checker_emails vrrp_rx_bufs_policy \
         vrrp_rx_bufs_multiplier log_unknown_vrids vrrp_owner_ignore_adverts vmac_prefix vmac_addr_prefix \
         umask random_seed reload_check_config reload_time_file reload_repeat reload_file include_check \
         config_save_dir tmp_config_directory data_use_instance json_version iproute_usr_dir iproute_etc_dir \
         state_dump_file stats_dump_file json_dump_file",
    ),
    (
        "vrrp_sync_group",
        "group track_interface track_script track_file track_process track_bfd notify_backup notify_master \
         notify_fault notify_stop notify smtp_alert global_tracking sync_group_tracking_weight \
         notify_priority_changes",
    ),
    (
        "vrrp_track_process",
        "process param_match weight quorum quorum_max delay terminate_delay fork_delay full_command",
    ),
    ("track_file", "file weight init_file"),
    ("vrrp_track_file", "file weight init_file"),
];

const EXTRA_ANNOUNCEMENTS: &str =
    "garp_master_refresh announces all addresses again and again, each on its own interface";
const TWO_OWNERS: &str = "an owner (priority 255) gives way to another owner with a higher address";

/// Words whose absence changes more than it seems: block, word, what follows.
const CONSEQUENCES: &[(&str, &str, &str)] = &[
    ("", "vrrp_sync_group", "its instances change state each by itself"),
    ("", "net_namespace", "start the agent inside that namespace instead"),
    ("global_defs", "enable_script_security", "scripts run as their user says"),
    ("global_defs", "vrrp_garp_extra_if", EXTRA_ANNOUNCEMENTS),
    ("global_defs", "vrrp_vmac_garp_intvl", EXTRA_ANNOUNCEMENTS),
    ("global_defs", "vrrp_owner_ignore_adverts", TWO_OWNERS),
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
        repeats: false,
        effect: Effect::NotYet(consequence.map_or("", |(_, _, consequence)| consequence)),
        term: None,
    }
}

/// Every word of keepalived's, also those that are read.
pub(super) fn keywords() -> impl Iterator<Item = Keyword> {
    WORDS.iter().flat_map(|(parent, words)| words.split_whitespace().map(|name| word(parent, name)))
}
