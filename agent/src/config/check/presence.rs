//! Rules about how an instance is seen on its network.

use super::{Checker, model::Instance};
use crate::config::{
    diagnostic::{Diagnostic, code},
    plan::Gate,
};

impl Checker<'_> {
    /// What the instance says, else what `global_defs` says, else the default: see [`Gate::patience`].
    pub(super) fn gate(&mut self, instance: &Instance, down_timer_adverts: u8) -> Gate {
        let Some(said) = instance.presence.gate.as_ref().or(self.model.globals.presence.gate.as_ref()) else {
            return Gate::default();
        };
        let (gate, span, name) = (said.value, said.span, &instance.name.value);
        let Gate::Intervals(intervals) = gate else { return gate };
        if intervals.get() > down_timer_adverts {
            self.report(
                Diagnostic::warning(
                    code::GATE,
                    format!("the gate of instance `{name}` would shut after its backups have taken over"),
                )
                .primary(span, format!("counts as {down_timer_adverts}"))
                .help(format!(
                    "backups take over when {down_timer_adverts} adverts are missing (`down_timer_adverts`)"
                )),
            );
        } else if intervals.get() == 1 && down_timer_adverts > 1 {
            self.report(
                Diagnostic::warning(
                    code::GATE,
                    format!("the gate of instance `{name}` shuts whenever one advert is late"),
                )
                .primary(span, "shut from 1/256 of an interval after its time until it is sent")
                .help(format!("say `gate 2` or more: backups wait for {down_timer_adverts} adverts")),
            );
        }
        gate
    }
}
