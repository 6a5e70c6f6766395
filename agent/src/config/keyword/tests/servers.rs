//! Surroundings for the words of virtual servers, BFD sessions and SSL.

use crate::config;

/// The blocks at the root whose words are these.
const ROOTS: &[&str] = &["virtual_server", "virtual_server_group", "bfd_instance", "SSL"];

/// A config in which one line stands in its block, with what that block cannot be without.
pub(super) fn around(parent: &str, example: &str) -> Option<String> {
    let word = example.split_whitespace().next().unwrap_or_default();
    if word == "track_bfd" && parent == "vrrp_instance" {
        let session = "bfd_instance uplink { neighbor_ip 192.0.2.254 }";
        let needs = "interface eth0\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.9 }";
        return Some(format!("{session}\nvrrp_instance VI {{\n{needs}\n{example}\n}}\n"));
    }
    let root = parent.split('/').next().filter(|root| !root.is_empty()).unwrap_or(word);
    if !ROOTS.contains(&root) {
        return None;
    }
    // HTTP_GET shares its words with SSL_GET, and those about TLS say nothing there.
    let about_tls = word == "tls_compliant" || word.contains("sni");
    let parent = if about_tls { parent.replace("HTTP_GET", "SSL_GET") } else { parent.to_owned() };
    let beside = |companion: &str| {
        if companion.split_whitespace().next() == Some(word) { String::new() } else { companion.to_owned() }
    };
    let mut text = match parent.as_str() {
        "" | "SSL" => example.to_owned(),
        "bfd_instance" if word == "neighbour_ip" => example.to_owned(),
        "bfd_instance" => format!("{}\n{example}", beside("neighbor_ip 192.0.2.254")),
        "virtual_server" => {
            let scheduler = match word {
                "lvs_sched" => "",
                "sh-port" | "sh-fallback" => "lb_algo sh",
                "mh-port" | "mh-fallback" => "lb_algo mh",
                _ => "lb_algo rr",
            };
            let method = if word == "lvs_method" { "" } else { "lb_kind NAT" };
            let protocol = if word == "ops" { "protocol UDP" } else { "protocol TCP" };
            let needs = match word {
                "persistence_engine" => "persistence_timeout",
                "sorry_server_inhibit" | "sorry_server_lvs_method" => "sorry_server 192.0.2.30 80",
                _ => "",
            };
            let real = if word == "ip_family" {
                "real_server 2001:db8::20 80 { }"
            } else {
                "real_server 192.0.2.21 80 { }"
            };
            let lines = [scheduler, method, protocol, needs, real].map(beside).join("\n");
            format!("{lines}\n{example}")
        }
        "virtual_server/real_server" => {
            let needs = if word == "lthreshold" { "uthreshold 1000" } else { "" };
            format!("{needs}\n{example}")
        }
        url if url.ends_with("/url") => {
            let needs = if word.starts_with("regex_") { "regex x" } else { "" };
            format!("{}\n{needs}\n{example}", beside("path /"))
        }
        http if http.ends_with("_GET") => {
            let name = if word == "enable_sni" { "virtualhost www" } else { "" };
            let sni = if word == "sni_name" { "enable_sni" } else { "" };
            format!("{}\n{name}\n{sni}\n{example}", beside("url { path / }"))
        }
        "virtual_server/real_server/MISC_CHECK" => format!("{}\n{example}", beside("misc_path /bin/true")),
        "virtual_server/real_server/UDP_CHECK" if word.ends_with("_reply_length") => {
            format!("require_reply\n{example}")
        }
        "virtual_server/real_server/BFD_CHECK" => format!("{}\n{example}", beside("name gateway")),
        "virtual_server/real_server/FILE_CHECK" => format!("{}\n{example}", beside("track_file load")),
        _ => example.to_owned(),
    };
    if word == "certificate" || word == "key" {
        text = "certificate /c\nkey /k".to_owned();
    }
    // From the inside out: a check in its real server, that in its virtual server.
    let mut blocks: Vec<&str> = parent.split('/').filter(|block| !block.is_empty()).collect();
    while let Some(block) = blocks.pop() {
        text = match block {
            "virtual_server" if text.contains("lb_algo") || text.contains("lvs_sched") => {
                let service = if text.contains("ip_family") { "fwmark 7" } else { "192.0.2.1 80" };
                let text = if text.contains("ip_family") { text.replace("protocol TCP", "") } else { text };
                format!("virtual_server {service} {{\n{text}\n}}")
            }
            "virtual_server" => {
                format!("virtual_server 192.0.2.1 80 {{\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n{text}\n}}")
            }
            "real_server" => format!("real_server 192.0.2.20 80 {{\n{text}\n}}"),
            "url" => format!("url {{\n{text}\n}}"),
            "bfd_instance" => format!("bfd_instance session {{\n{text}\n}}"),
            block => format!("{block} {{\n{text}\n}}"),
        };
    }
    let group =
        "virtual_server group web {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.20 80 { }\n}";
    let beside = match word {
        "virtual_server_group" => group,
        "bfd_instance" => "",
        // What checks name.
        _ => "bfd_instance gateway { neighbor_ip 192.0.2.253 }\ntrack_file load { file /run/load }",
    };
    Some(format!("{text}\n{beside}\n"))
}

#[test]
fn the_head_of_a_block_says_once_that_nothing_acts_yet() {
    for entry in
        super::keywords().iter().filter(|entry| ROOTS.contains(&entry.parent.split('/').next().unwrap()))
    {
        let text = around(entry.parent, entry.example).unwrap();
        let loaded = config::parse("c", &text);
        // One diagnostic may name several blocks of which the same is said.
        let said = loaded.diagnostics.iter().filter(|diagnostic| diagnostic.code == "RG0202");
        let said: usize = said.map(|diagnostic| diagnostic.labels.len()).sum();
        // Beside the block itself, what it names.
        let others =
            ["bfd_instance gateway", "track_file"].iter().filter(|other| text.contains(**other)).count();
        assert_eq!(said, 1 + others, "{text}\n{}", loaded.render(false));
    }
}
