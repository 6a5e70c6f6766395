//! The gates of the instances: when the data plane speaks for their addresses, and when it is mute.
//!
//! Owns every change of them. The order around them is the machine's and [`super::carry`]'s: on becoming Active the
//! advert goes first, then the gate opens, then addresses are asked for; on giving up the gate is shut before anything
//! else, and hands are taken off when the last address is gone.
//!
//! The stamp of each advert keeps a gate open. It is written before the advert is sent, with the time that the turn was
//! decided at, so that a thread that was stopped in between opens nothing.

use regent_common::map::mode;
use regent_vrrp::StateName;

use super::engine::Engine;
use crate::{
    crash::{self, Point},
    net::clock,
};

impl Engine {
    /// An instance is about to become Active. Its first advert goes before the gate opens, and from the virtual router's MAC
    /// too (RFC 9568 §7.3): the switch is to know the way before anybody is answered.
    pub(super) fn prepare_gate(&mut self, at: usize) {
        let instance = &self.instances[at];
        let flags = instance.gate_flags();
        if let Some(program) = self.program.as_ref().filter(|_| flags != 0) {
            program.gates().prepare(instance.row, instance.plan.patience(), flags);
        }
    }

    /// The programs speak for an instance from now on.
    pub(super) fn open_gate(&mut self, at: usize) {
        self.muted.remove(&at);
        let instance = &self.instances[at];
        if let Some(program) = self.program.as_ref() {
            program.gates().answer(instance.row, instance.plan.patience(), instance.gate_flags());
        }
    }

    /// Opens the gate of an Active again that another daemon's advert had opened for itself while this one stood still: it
    /// is Active still, so that daemon is gone or has lost.
    pub(super) fn keep_gate_open(&mut self, at: usize) {
        let instance = &self.instances[at];
        if instance.state() != StateName::Active || instance.router.is_in_doubt(self.now) {
            return;
        }
        let gate = self.program.as_ref().and_then(|program| program.gates().read(instance.row));
        if gate.is_some_and(|gate| gate.mode != mode::ANSWER) {
            self.open_gate(at);
        }
    }

    /// The programs are silent for an instance from now on, and keep the host silent.
    pub(super) fn mute(&mut self, at: usize) {
        let Some(program) = self.program.as_ref() else { return };
        program.gates().mute(self.instances[at].row);
        self.muted.insert(at);
        crash::point(Point::Muted);
    }

    /// Takes hands off those instances whose addresses are gone.
    pub(super) fn release_gates(&mut self) {
        let Some(program) = self.program.as_ref() else { return };
        let (addressing, instances) = (&self.addressing, &self.instances);
        self.muted.retain(|at| {
            let held = addressing.is_held(*at);
            if !held {
                program.gates().release(instances[*at].row);
                crash::point(Point::Released);
            }
            held
        });
    }

    /// An advert of an instance is about to be sent; `false` when the thread was stopped since this turn's sample of the
    /// time, for so long that others may have taken over: nothing may be said that was decided before.
    pub(super) fn attempt(&mut self, at: usize) -> bool {
        let instance = &self.instances[at];
        if instance.state() == StateName::Active {
            let patience = instance.earliest_takeover();
            if clock::now().since(self.now) > patience {
                self.more = true;
                return false;
            }
        }
        if let Some(program) = self.program.as_ref() {
            program.gates().attempt(instance.row, self.now.nanoseconds());
        }
        true
    }
}
