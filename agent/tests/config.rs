//! Configs of our own through the whole pipeline: what plan they make, and what is said about them.

use regent_agent::config;

#[test]
fn the_classic_pair_is_read_without_a_word() {
    let loaded = config::parse(
        "lb1.conf",
        "vrrp_instance VI_1 {\n state MASTER\n interface ens33\n virtual_router_id 50\n priority 150\n advert_int 1\n \
         authentication {\n auth_type PASS\n auth_pass 1111\n }\n virtual_ipaddress {\n 10.0.0.3\n }\n}\n",
    );
    assert_eq!(loaded.lines().collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(loaded.plan.instances.len(), 1);
}
