//! Rules about taking over and giving way: priority, preemption, contests, and who may use the addresses.

use std::time::Duration;

use regent_common::{BackupPriority, LocalPriority, Version};
use regent_vrrp::Preemption;

use super::{
    Checker,
    model::{Instance, Spanned, State},
    strict::Strict,
};
use crate::config::diagnostic::{Diagnostic, code};

impl Checker<'_> {
    pub(super) fn priority(&mut self, instance: &Instance) -> LocalPriority {
        match (&instance.priority, &instance.state) {
            (Some(priority), _) => priority.value,
            (None, Some(Spanned { value: State::Master, span })) => {
                self.report(
                    Diagnostic::warning(
                        code::STATE_MASTER,
                        "`state MASTER` without priority means priority 255",
                    )
                    .primary(*span, "this instance counts as the owner of its addresses")
                    .help("say `priority N` if it is not"),
                );
                LocalPriority::Owner
            }
            (None, Some(_) | None) => LocalPriority::Backup(BackupPriority::DEFAULT),
        }
    }

    pub(super) fn preemption(
        &mut self,
        instance: &Instance,
        priority: LocalPriority,
        strict: Option<Strict>,
    ) -> Preemption {
        let master = instance.state.as_ref().filter(|state| state.value == State::Master);
        let mut never = instance.no_preempt;
        let mut delay = instance.preempt_delay.clone();
        if let Some(master) = master {
            let words = [
                never.take().map(|span| ("nopreempt", span)),
                delay.take().map(|said| ("preempt_delay", said.span)),
            ];
            for (word, span) in words.into_iter().flatten() {
                self.report(
                    Diagnostic::warning(
                        code::STATE_MASTER,
                        format!("`{word}` does not go with `state MASTER`"),
                    )
                    .primary(span, "has no effect")
                    .secondary(master.span, "because of this")
                    .help("say `state BACKUP` on all routers of the group"),
                );
            }
        }
        if let Some(span) = never.filter(|_| priority == LocalPriority::Owner) {
            // RFC 9568 §6.1: the owner preempts independently of Preempt_Mode.
            never = None;
            self.report(
                Diagnostic::warning(code::PREEMPTION, "`nopreempt` does not go with priority 255")
                    .primary(span, "has no effect: the owner of the addresses always takes over"),
            );
        }
        if let Some(said) = delay.as_ref().filter(|_| priority == LocalPriority::Owner) {
            // RFC 9568 §6.4.1: the owner is Active from its start on.
            self.report(
                Diagnostic::note(code::PREEMPTION, "`preempt_delay` does not hold priority 255 back")
                    .primary(said.span, "the owner of the addresses is master as soon as it starts")
                    .help("give a lower priority if it is to wait"),
            );
        }
        if let (Some(nopreempt), Some(said)) = (never, &delay) {
            self.report(
                Diagnostic::warning(code::PREEMPTION, "`preempt_delay` does not go with `nopreempt`")
                    .primary(said.span, "has no effect")
                    .secondary(nopreempt, "because of this"),
            );
        }
        if let (Some(strict), Some(master)) = (strict, master)
            && priority != LocalPriority::Owner
        {
            // RFC 9568 §6.4.1: nobody but the owner begins as Active. It changes nothing: the others never do.
            self.strictness.loses(strict, master.span, "only priority 255 starts as master");
        }
        if let (Some(strict), Some(said)) = (strict, &delay)
            && never.is_none()
        {
            // RFC 9568 §6.1 has Preempt_Mode and no delay; keepalived's strict mode drops it as well.
            self.strictness.loses(strict, said.span, "no delay before preemption");
            delay = None;
        }
        match never {
            Some(_) => Preemption::Never,
            None => Preemption::After(delay.map_or(Duration::ZERO, |delay| delay.value)),
        }
    }

    /// Whether an Active answers a losing advert with one of its own.
    ///
    /// Strictly, RFC 3768 §6.4.3 only discards it, and RFC 9568 §6.4.3 answers. keepalived's strict mode answers in
    /// neither version, as RFC 5798 had it.
    pub(super) fn asserts(&self, instance: &Instance, version: Version, strict: Option<Strict>) -> bool {
        match (strict, version) {
            (Some(_), Version::V2) => false,
            (Some(_), Version::V3) | (None, _) => {
                instance.contest.asserts.or(self.model.globals.contest.asserts).unwrap_or(true)
            }
        }
    }

    /// Whether an Active that loses sends one more advert. Not said in keepalived means no: see
    /// [`crate::departures::Departure::LosersSpeakOnce`].
    pub(super) fn concedes(&self, instance: &Instance) -> bool {
        instance.contest.concedes.or(self.model.globals.contest.concedes).unwrap_or(true)
    }

    /// Accept_Mode (RFC 9568 §6.1), which is about those who do not own the addresses.
    pub(super) fn accepts(&mut self, instance: &Instance, priority: LocalPriority) -> bool {
        let Some(refused) = instance.accepts.as_ref().filter(|said| !said.value) else { return true };
        if priority == LocalPriority::Owner {
            self.report(
                Diagnostic::warning(code::OWNER_ACCEPTS, "`no_accept` does not go with priority 255")
                    .primary(refused.span, "has no effect: the owner of the addresses takes packets to them"),
            );
            return true;
        }
        false
    }
}
