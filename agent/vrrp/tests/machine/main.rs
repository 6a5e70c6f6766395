//! The machine against the RFCs, sentence by sentence: whole action lists and exact deadlines.
//!
//! Files are named after RFC sections or after what keepalived adds to them; `../../RFC9568.md` says which test keeps
//! which rule, and `ledger` holds it to that.
#![allow(clippy::expect_used, reason = "a scene that cannot be set up is a broken test")]

mod announcements;
mod changes;
mod doubt;
mod effective;
mod fault;
mod hesitation;
mod late;
mod ledger;
mod preempt_delay;
mod properties;
mod rfc3768_6_1;
mod rfc3768_6_4;
mod rfc9568_6_1;
mod rfc9568_6_4_1;
mod rfc9568_6_4_2;
mod rfc9568_6_4_3;
mod scene;
mod succession;
