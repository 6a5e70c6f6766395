//! Groups on the wire that are not configured here, as the socket carrier and observe mode hear them: the user side's
//! twin of the STRANGERS map, bounded like it.

use std::collections::HashMap;

use regent_common::{
    Reason,
    advert::Heard,
    check::Preamble,
    map::{GroupKey, REASON_SLOTS, STRANGER_CAPACITY, Stranger, StrangerKey},
};
use regent_vrrp::Instant;

/// A bounded table of sources, the least recently heard out first.
#[derive(Debug, Default)]
pub struct Strangers {
    table: HashMap<StrangerKey, Stranger>,
}

impl Strangers {
    /// Notes one packet and its verdict.
    pub fn note(
        &mut self,
        ifindex: u32,
        preamble: &Preamble,
        verdict: Result<Heard, Reason>,
        arrived: Instant,
    ) {
        let key = StrangerKey {
            group: GroupKey::new(ifindex, 0, preamble.family as u8, preamble.vrid()),
            source: preamble.source,
        };
        if !self.table.contains_key(&key) && self.table.len() >= STRANGER_CAPACITY as usize {
            self.forget_oldest();
        }
        let arrived = arrived.nanoseconds();
        let stranger = self.table.entry(key).or_insert_with(|| unheard(arrived));
        stranger.last = arrived;
        stranger.version = preamble.version();
        stranger.priority = preamble.priority();
        match verdict {
            Ok(heard) => {
                stranger.interval = heard.interval;
                stranger.count = heard.count;
                let interval = heard.interval().map_or(0, |interval| interval.nanoseconds());
                stranger.arrivals.note(arrived, interval, heard.priority == 0);
            }
            Err(reason) => {
                if let Some(counter) = stranger.rejected.get_mut(reason as usize) {
                    *counter = counter.saturating_add(1);
                }
            }
        }
    }

    /// All that were heard, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&StrangerKey, &Stranger)> {
        self.table.iter()
    }

    fn forget_oldest(&mut self) {
        let oldest = self.table.iter().min_by_key(|(_, stranger)| stranger.last).map(|(key, _)| *key);
        if let Some(oldest) = oldest {
            self.table.remove(&oldest);
        }
    }
}

fn unheard(first: u64) -> Stranger {
    Stranger {
        first,
        last: first,
        arrivals: Default::default(),
        interval: 0,
        version: 0,
        priority: 0,
        count: 0,
        padding: [0; 3],
        rejected: [0; REASON_SLOTS],
    }
}
