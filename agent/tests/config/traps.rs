//! The traps of keepalived's configuration: where a file does something else than one thinks, and is told so in the log or
//! nowhere. Each has a golden, in which it is said.

/// What keepalived does, the golden in which a file has it, and what is said of it there.
const TRAPS: &[(&str, &str, &str)] = &[
    (
        "a comment starts anywhere, also within a password",
        "traps",
        "RG0005]: the value of `auth_pass` ends where",
    ),
    ("a line of more than 1,023 bytes is dropped", "long_line", "RG0007]: a line of 1113 bytes"),
    ("the block of an unknown word ends the block around it", "slips", "RG0201]: unknown word `unheard_of`"),
    (
        "a word without its value ends the process, also on reload",
        "slips",
        "RG0204]: `advert_int` lacks its value",
    ),
    ("a `=` is read as the value", "quiet_traps", "RG0205]: no `=` stands between `preempt_delay`"),
    ("a comma becomes part of a name", "quiet_traps", "RG0308]: `eth0,` is taken whole"),
    (
        "a template that was never filled in is read as it is",
        "quiet_traps",
        "RG0010]: a template was not filled in",
    ),
    ("a brace too many closes the block around it", "stray_brace", "RG0003]: a `}` closes nothing"),
    ("what a missing brace swallows is lost", "missing_brace", "RG0002]: a block of `vrrp_instance first`"),
    ("of a password eight bytes are sent", "traps", "RG0306]: `auth_pass` is longer than eight bytes"),
    ("an empty password turns authentication off", "traps", "RG0413]: `auth_type PASS` lacks a password"),
    ("version 3 has no authentication", "traps", "RG0413]: version 3 has no authentication"),
    ("vrrp_strict turns authentication off", "strict", "no authentication, as in keepalived"),
    (
        "an old checksum is accepted unless told otherwise",
        "unicast",
        "RG0426]: adverts with the old checksum",
    ),
    (
        "one VRID twice on an interface is two routers of one group",
        "left_out",
        "RG0403]: VRID 1 is held twice on `eth0`",
    ),
    ("version 2 over IPv6 is in no RFC", "traps", "RG0421]: instance `six` speaks version 2"),
    (
        "`state MASTER` without a priority owns its addresses",
        "traps",
        "RG0411]: `state MASTER` without priority",
    ),
    ("`state MASTER` takes `nopreempt` back", "traps", "RG0411]: `nopreempt` does not go with"),
    ("`state MASTER` takes `preempt_delay` back", "traps", "RG0411]: `preempt_delay` does not go with"),
    ("a state that does not exist is BACKUP", "traps", "RG0303]: `state` takes MASTER or BACKUP"),
    ("`state BACKUP` behind `state MASTER` does not count", "remaining", "RG0208]: `state` is said twice"),
    (
        "`nopreempt` takes `preempt_delay` back",
        "traps",
        "RG0412]: `preempt_delay` does not go with `nopreempt`",
    ),
    ("priority 255 takes `nopreempt` back", "traps", "RG0412]: `nopreempt` does not go with priority 255"),
    ("priority 255 is never held back", "quiet_traps", "RG0412]: `preempt_delay` does not hold"),
    ("priority 255 changes by no weight", "traps", "RG0410]: `eth1` cannot change priority 255"),
    ("priorities end at 254", "quiet_traps", "RG0430]: the weights of `ends` change nothing"),
    (
        "members of a sync group have no weights",
        "sync_groups_wrong",
        "RG0444]: weights on members of sync group",
    ),
    ("a tracked script that does not exist is forgotten", "left_out", "RG0408]: tracked script `chek_it`"),
    (
        "a script that cannot be run is forgotten",
        "left_out",
        "RG0408]: tracked script `broken` cannot be run",
    ),
    ("a number in a file may mean FAULT", "tracked", "RG0452]: by the weight of `steep`"),
    ("a script may take longer than its interval", "tracked", "RG0449]: script `slow`"),
    ("version 2 counts whole seconds", "traps", "RG0309]: `advert_int 1.5` does not fit version 2"),
    ("version 3 ends at 40.95 s", "traps", "RG0309]: `advert_int 41` does not fit version 3"),
    ("an address of the other family is ignored", "traps", "RG0405]: `2001:db8::1` is not an IPv4 address"),
    ("an address twice counts once", "traps", "RG0404]: `192.0.2.1` is named twice"),
    ("one address in two instances is on two hosts", "left_out", "RG0404]: `192.0.2.1` is an address of two"),
    ("an address whose label does not fit is removed", "slips", "RG0307]: `eth0:much_too_long_for_it`"),
    (
        "adverts of IPv6 that begin with no link-local address are told of in strict mode alone",
        "traps",
        "RG0419]: `2001:db8::6` is the first address",
    ),
    (
        "an instance of version 2 without addresses runs",
        "startup",
        "RG0407]: instance `later` has no virtual",
    ),
    (
        "vrrp_strict makes addresses unreachable",
        "strict",
        "addresses take packets all the same, unlike in keepalived",
    ),
    ("names outside of `group` are no members", "quiet_traps", "RG0443]: sync group `loose` has names"),
    ("a member of two groups is in the first", "sync_groups_wrong", "RG0443]: instance `B` is in two"),
    ("globals behind an instance are lost by a reload", "quiet_traps", "RG0466]: `vrrp_garp_master_repeat`"),
    (
        "a virtual server without a protocol is UDP",
        "virtual_server_rules",
        "RG0480]: a virtual server does not say",
    ),
    ("a router may be its own peer", "unicast", "RG0422]: `pair` names itself as a peer"),
    (
        "`unicast_peer` without its block is multicast",
        "quiet_traps",
        "RG0206]: `unicast_peer` lacks its block",
    ),
];

#[test]
fn each_trap_has_a_golden_in_which_it_is_said() {
    for (trap, golden, said) in TRAPS {
        let path = format!("tests/config/{golden}.expected");
        let expected = std::fs::read_to_string(&path).unwrap();
        assert!(expected.contains(said), "{trap}: {path} does not say `{said}`");
    }
}
