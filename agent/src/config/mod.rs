//! keepalived.conf: text → plan. Needs no root, no interface and no network.

pub mod plan;
