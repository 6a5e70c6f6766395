//! Words about pipes that events are written to.

use crate::config::{
    keyword::{FifoOf, FifoTerm, GlobalTerm},
    model::{Reader, command, reader::Entry},
    plan::FifosPlan,
};

pub(super) fn fifo(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    of: FifoOf,
    term: FifoTerm,
    fifos: &mut FifosPlan,
) {
    let fifo = match of {
        FifoOf::All => &mut fifos.all,
        FifoOf::Vrrp => &mut fifos.vrrp,
        FifoOf::Ipvs => &mut fifos.ipvs,
    };
    match term {
        FifoTerm::Pipe => {
            fifo.path = reader.path(entry);
            fifo.owner = reader.owner(entry.values().get(1..).unwrap_or_default());
        }
        FifoTerm::Script => fifo.script = command::notify(reader, entry),
    }
}
