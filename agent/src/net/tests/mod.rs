//! Tests against a real kernel, each in network namespaces of its own. Without root they are skipped by name.

mod acceptance;
mod addresses;
mod advert_socket;
mod advert_socket_ipv6;
mod frame_socket;
pub(crate) mod lab;
mod links;
mod listeners;
mod monitor;
mod nic_filter;
mod other_vrrp;
mod routes;
mod scheduling;
mod solicited;
