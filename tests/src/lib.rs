//! The lab: hosts in network namespaces on one switch, the daemons under test, and a capture to see what they did.
//!
//! A scenario makes a [`lab::Lab`], adds hosts ([`node::Node`]), starts daemons on them ([`agent`], [`keepalived`], [`frr`]),
//! cuts cables and asks the wire ([`capture::Capture`]) what happened and when. All of it is removed on drop. Nothing
//! is believed that a daemon says of itself if the wire can be asked; expected times come from [`timer`], which is
//! worked out apart from the agent.

pub mod agent;
pub mod answers;
pub mod beat;
pub mod bpf_link;
pub mod bpf_probe;
pub mod bpf_program;
pub mod bpffs;
pub mod burst;
pub mod cable;
pub mod cache_watch;
pub mod capture;
pub mod client;
pub mod clock;
pub mod ear;
pub mod fixtures;
pub mod flood;
pub mod frame;
pub mod frames;
pub mod frr;
pub mod group;
pub mod icmp;
pub mod inject;
pub mod keepalived;
pub mod lab;
pub mod namespace;
pub mod neighbor;
pub mod node;
pub mod offload;
pub mod packet_socket;
pub mod prober;
pub mod process;
pub mod punctual;
pub mod question;
pub mod skip;
pub mod speaker;
pub mod switch;
pub mod timer;
pub mod usage;
pub mod voice;
