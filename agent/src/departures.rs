//! Each place where the agent does something else than keepalived with the same config on the same network, and why: where
//! keepalived harms its users.
//!
//! Owns the list. Whoever finds a difference in what acts, and not here, has found a bug. Words that have no effect yet
//! say so themselves, and are no departures; where the election differs from the RFCs is in `regent_vrrp::departures`.
//! "keepalived" is 2.2.7, run with the same words, unless a version is named.

/// A difference from what keepalived does with the same config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// `vrrp_strict` and `strict_mode` do not imply `no_accept`; keepalived drops every packet to the addresses.
    ///
    /// The word is in the sample config, so that most who have it never chose it, and wonder why an address that was
    /// just assigned cannot be pinged. The warning of strict mode says how to have it.
    StrictStaysReachable,
    /// Strict mode leaves announcements after a contest and the last advert of a loser alone, and answers a lower
    /// priority in version 3; keepalived takes all of that back.
    ///
    /// RFC 9568 §6.4.3 answers. Without the others caches that followed the loser stay wrong until they expire.
    StrictAnnounces,
    /// `higher_prio_send_advert` is on unless said otherwise.
    ///
    /// For the same reason; see `regent_vrrp::departures::Departure::Concession`.
    LosersSpeakOnce,
    /// The first link-local address is sent first, wherever the config names it; keepalived sends the config's order.
    ///
    /// RFC 9568 §5.2.9 demands it, and some routers reject what is otherwise. Peers compare the list as a set.
    LinkLocalFirst,
    /// A VRID is one group of its interface and family; keepalived has several where unicast peers do not overlap, or
    /// multicast groups differ.
    ///
    /// Counters, claims and the kernel's maps are kept by VRID. Adverts of two such groups could be told apart by their
    /// addresses alone, which are easily changed on one router and forgotten on another.
    OneVridPerInterface,
    /// An instance with a unicast peer that cannot be used does not run; keepalived skips the peer, or rejects all that
    /// it sends, and runs.
    ///
    /// That peer hears nothing, or is not heard: both are master.
    PeersAreComplete,
    /// A router's own address among its peers is ignored; keepalived sends adverts to itself and complains of each.
    ///
    /// One config with all routers in `unicast_peer` then serves on each of them.
    NoOwnPeer,
    /// Of `mcast_src_ip` and `unicast_src_ip` the one counts that fits the way of the adverts; in keepalived the last.
    ///
    /// It is what the names say. Both words together are diagnosed, unless they agree.
    SourceByWay,
    /// The first virtual address says the family of an instance; in keepalived whatever comes first in the block and
    /// has one, after which it ignores the virtual addresses and ends for want of any.
    ///
    /// The odd one out is then the peer or the source, and that is said.
    AddressesSayTheFamily,
    /// An instance without virtual addresses does not run; keepalived runs it in version 2, and 2.4 in version 3 with
    /// `no_virtual_ipaddress`.
    ///
    /// RFC 9568 §5.2.5 has adverts that name no address ignored, and receivers here do so in both versions: two such
    /// routers would both be master.
    NoAddressNoInstance,
    /// Version 2 over IPv6 sends no password; keepalived sends the type of one without the password itself.
    ///
    /// One with the same words crashes when it hears such an advert.
    NoPasswordOverIpv6,
    /// An instance whose tracked script does not exist, or cannot be run, does not run; keepalived forgets the script.
    ///
    /// It would become master whatever the script was to guard.
    ScriptsGuard,
    /// After a healed split the winner announces its addresses at once; keepalived's announces nothing.
    ///
    /// There the loser steps down on the winner's advert without a word, so that nothing tells the winner that caches
    /// followed the loser. Here the loser's last advert does ([`Self::LosersSpeakOnce`]), and so does that of a loser of
    /// another make which speaks once more.
    WinnersAnnounce,
    /// A virtual address that somebody removes is put back, counted and said; keepalived leaves its office, and is elected
    /// again while nobody serves.
    ///
    /// Network managers do that at every reload of theirs.
    RemovedAddressesReturn,
    /// A master whose host stood still for longer than its peers wait obeys who took over, or else listens before it
    /// speaks; keepalived sends its advert first, unless it knows of a peer whose time has passed.
    ///
    /// Two masters for an interval are two masters. With `nopreempt` the office stays where it went.
    FrozenMastersAsk,
    /// An advert with interval 0, with no address, with a bad checksum (also under `v3_checksum_as_v2`) or with another
    /// broken rule counts, and does nothing else; keepalived changes its state for the first, accepts others by version
    /// or by word.
    ///
    /// One such packet from anybody on the network would end an election.
    BadAdvertsDoNothing,
    /// What a killed agent left on an interface is removed by the next start, by its journal; keepalived removes whatever
    /// looks like its own.
    ///
    /// An address that an administrator put there stays, and is said.
    OnlyOwnLeftovers,
    /// Silence while the link is down or the carrier was lost is no reason to take over; keepalived may become master on
    /// a dead interface.
    SilenceNeedsEars,
    /// A block after an unknown word is skipped whole; keepalived reads its lines as those of the block around it, and
    /// takes its brace for that block's.
    ///
    /// One slip of the pen would otherwise cost the rest of an instance.
    BlocksStayWhole,
    /// An instance of which a line or a brace is missing does not run; keepalived runs what it has read.
    ///
    /// A router that takes no part does less harm than one that takes part with half its settings.
    NoHalfInstances,
    /// A word without its value is skipped with an error; keepalived ends, also when it reloads.
    LinesFailAlone,
    /// A command that is not quoted is run with all its words; keepalived runs the first, and takes the others of a
    /// `notify` for a user and a group.
    ///
    /// Only words that can be no user are taken so. The warning asks for quotes, so that both run the same.
    CommandsAreWhole,
    /// An instance with an address of an earlier one does not run; keepalived assigns it in both.
    ///
    /// The one that leaves would take it from the one that stays.
    AddressesHaveOneInstance,
    /// An instance without `interface` takes `default_interface`, with a warning; keepalived takes that for static
    /// addresses alone, and refuses the instance.
    DefaultInterface,
    /// An interface that does not exist is no error of the config, with or without `dynamic_interfaces`.
    ///
    /// Its instance is in FAULT until it does. A config can be checked on another host than its own.
    InterfacesMayBeMissing,
    /// Adverts are not rejected for the addresses that they name, whatever `skip_check_adv_addr` says; keepalived up to
    /// 2.3.2 does, and two masters follow while a list is changed on one router after the other.
    ///
    /// RFC 9568 §7.1 only logs. They are counted and shown.
    AddressListsNeverReject,
    /// How many addresses fit an advert is reckoned by an MTU of 1500; keepalived asks the interface.
    ///
    /// The config then means the same on every router of the group, and off-box.
    EthernetsMtu,
    /// A host whose master died or stopped is silent for the addresses, although they are still on it; with keepalived it
    /// answers for ever, and two hosts do.
    ///
    /// Caches then stay with, or go back to, a host that nobody leads. `gate off` has it as keepalived does.
    DeadMastersAreSilent,
    /// ARP requests and Neighbor Solicitations for the addresses are answered by the XDP program, where its answers were
    /// seen to arrive, and from the moment of the takeover; with keepalived by the kernel, once it has each address.
    ///
    /// `responder off` has it as keepalived does.
    TheProgramAnswers,
    /// Many addresses are delivered by local routes until the kernel has assigned them; keepalived waits for each.
    ///
    /// The kernel takes over a second for ten thousand.
    RoutesGoAhead,
    /// `check_unicast_src no` switches the check off; in keepalived it is on whatever follows the word.
    SwitchesSayNo,
    /// A reload of a config with an error changes nothing, and is said; keepalived runs what it can read of it, or ends.
    ///
    /// Nobody is there to see it when a config is rolled out to a hundred hosts.
    ReloadsAreWhole,
    /// A reload to a config without instances is refused; keepalived gives up everything.
    ///
    /// An empty file is a slip more often than a wish, and whoever wishes it can stop the agent.
    EmptyConfigsAreRefused,
    /// A reload sends nothing for an instance that did not change, and the rhythm of its adverts goes on; keepalived's
    /// master sends one at once for every reload.
    UnchangedInstancesRest,
    /// Only addresses that are new are announced on a reload; keepalived announces every address of their instance.
    OnlyNewIsAnnounced,
    /// An address moves from one instance to another in one reload, and never leaves the host while both are master;
    /// keepalived needs two reloads, with the address gone in between.
    AddressesMoveInOneReload,
    /// Global defaults count on a reload as on a start, wherever they stand; keepalived's instances lose those that
    /// come after them.
    DefaultsOutlastReloads,
    /// A script that did not change runs on through a reload, with its verdict; keepalived ends what runs, and begins
    /// anew.
    ///
    /// One that did change keeps its old verdict until the new one is known, so that no master gives up for nothing.
    ScriptsOutlastReloads,
    /// Programs that name no user run as the agent does; keepalived runs them as `keepalived_script` on a host that has
    /// that user.
    ///
    /// What a script may do would change when somebody adds or removes a user. `script_user` says it for all.
    ProgramsRunAsTheAgent,
}

impl Departure {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::StrictStaysReachable,
        Self::StrictAnnounces,
        Self::LosersSpeakOnce,
        Self::LinkLocalFirst,
        Self::OneVridPerInterface,
        Self::PeersAreComplete,
        Self::NoOwnPeer,
        Self::SourceByWay,
        Self::AddressesSayTheFamily,
        Self::NoAddressNoInstance,
        Self::NoPasswordOverIpv6,
        Self::ScriptsGuard,
        Self::WinnersAnnounce,
        Self::RemovedAddressesReturn,
        Self::FrozenMastersAsk,
        Self::BadAdvertsDoNothing,
        Self::OnlyOwnLeftovers,
        Self::SilenceNeedsEars,
        Self::BlocksStayWhole,
        Self::NoHalfInstances,
        Self::LinesFailAlone,
        Self::CommandsAreWhole,
        Self::AddressesHaveOneInstance,
        Self::DefaultInterface,
        Self::InterfacesMayBeMissing,
        Self::AddressListsNeverReject,
        Self::EthernetsMtu,
        Self::DeadMastersAreSilent,
        Self::TheProgramAnswers,
        Self::RoutesGoAhead,
        Self::SwitchesSayNo,
        Self::ReloadsAreWhole,
        Self::EmptyConfigsAreRefused,
        Self::UnchangedInstancesRest,
        Self::OnlyNewIsAnnounced,
        Self::AddressesMoveInOneReload,
        Self::DefaultsOutlastReloads,
        Self::ScriptsOutlastReloads,
        Self::ProgramsRunAsTheAgent,
    ];

    /// The test or scenario that shows it.
    pub const fn shown_by(self) -> &'static str {
        match self {
            Self::StrictStaysReachable => "addresses_stay_reachable_and_that_is_said",
            Self::StrictAnnounces => "a_loser_still_speaks_once_and_the_winner_still_announces",
            Self::LosersSpeakOnce => "contests_are_settled_aloud_unless_told_otherwise",
            Self::LinkLocalFirst => {
                "the_first_link_local_address_moves_to_the_front_and_the_others_keep_their_order"
            }
            Self::OneVridPerInterface => "a_vrid_is_one_group_of_its_interface_whoever_its_peers_are",
            Self::PeersAreComplete => "a_peer_that_cannot_be_used_keeps_the_instance_from_running",
            Self::NoOwnPeer => "a_router_is_not_its_own_peer",
            Self::SourceByWay => "a_unicast_source_is_tracked_and_a_multicast_source_only_when_told",
            Self::AddressesSayTheFamily => "the_first_virtual_address_says_the_family_wherever_it_stands",
            Self::NoAddressNoInstance => "an_instance_without_addresses_runs_in_neither_version",
            Self::NoPasswordOverIpv6 => "version_2_over_ipv6_must_be_said_in_the_instance",
            Self::ScriptsGuard => "a_tracked_script_that_does_not_exist_keeps_the_instance_from_running",
            Self::WinnersAnnounce => "the_winner_of_a_healed_split_announces_at_once",
            Self::RemovedAddressesReturn => "our_address_is_deleted_by_hand",
            Self::FrozenMastersAsk => "we_freeze_for_ten_intervals_as_master",
            Self::BadAdvertsDoNothing => "no_rejected_packet_rings_or_touches_a_slot",
            Self::OnlyOwnLeftovers => "a_start_after_a_crash_removes_what_was_ours_and_nothing_else",
            Self::SilenceNeedsEars => "a_backups_interface_down_and_up_costs_no_false_takeover",
            Self::BlocksStayWhole => "an_unknown_word_with_a_block_is_skipped_whole",
            Self::NoHalfInstances => "braces_that_do_not_balance_cost_one_instance_and_one_error",
            Self::LinesFailAlone => "slips_are_underlined_and_the_agent_runs",
            Self::CommandsAreWhole => "a_command_is_taken_apart_without_a_shell",
            Self::AddressesHaveOneInstance => "instances_that_cannot_be_run_are_left_out_by_name",
            Self::DefaultInterface => "every_word_that_acts_reaches_the_plan_whatever_the_order_of_blocks",
            Self::InterfacesMayBeMissing | Self::AddressListsNeverReject => {
                "words_for_what_is_always_so_are_accepted_without_a_word"
            }
            Self::EthernetsMtu => "more_addresses_than_fit_an_advert_are_assigned_all_the_same",
            Self::DeadMastersAreSilent => "falls_silent",
            Self::TheProgramAnswers => "the_program_answers",
            Self::RoutesGoAhead => "routes_are_exact",
            Self::SwitchesSayNo => "a_switch_that_says_no_is_off",
            Self::ReloadsAreWhole | Self::EmptyConfigsAreRefused => {
                "a_config_with_errors_leaves_everything_running_and_is_said"
            }
            Self::UnchangedInstancesRest => "fifty_in_a_row_leave_no_gap_between_adverts",
            Self::OnlyNewIsAnnounced | Self::AddressesMoveInOneReload => {
                "addresses_come_go_and_move_and_only_what_is_new_is_announced"
            }
            Self::DefaultsOutlastReloads => "defaults_that_stand_below_the_instances_outlast_a_reload",
            Self::ScriptsOutlastReloads => "a_changed_script_is_run_in_place_of_the_old_one",
            Self::ProgramsRunAsTheAgent => "programs_without_a_user_run_as_the_agent",
        }
    }
}
