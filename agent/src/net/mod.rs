//! The wire: where adverts come from and go to.

pub mod xdp;
