//! RFC 9568 §6.4.2, RFC 3768 §6.4.2: Backup. Owns Active_Down_Timer and what is known of the Active Router.
//!
//! The timer is not stored as a deadline but as what it was armed with: since when, and for what. So a priority or an
//! interval that changes while it runs moves it by exactly the difference.

use core::time::Duration;

use regent_common::{AdvertInterval, Priority};

use crate::{
    Action, Actions, Advert, Cause, Instant,
    local::Local,
    snapshot::{BackupSnapshot, PeerSnapshot},
};

/// Another router of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Peer {
    source: [u8; 16],
    priority: Priority,
}

/// What Active_Down_Timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Wait {
    /// Active_Down_Interval.
    Silence,
    /// Skew_Time: the Active Router has resigned.
    Succession,
}

/// The Backup state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Backup {
    /// The newest arrival that counted, or the beginning of the state: what arrived before that is history.
    newest: Instant,
    /// Active_Down_Timer runs since then.
    since: Instant,
    /// Active_Down_Timer runs for that.
    wait: Wait,
    /// It had run out long before we noticed, and we listen once more.
    hesitates: bool,
    /// The interval of the newest accepted advert; only version 3 looks at it.
    learned: Option<AdvertInterval>,
    /// The Active Router, while there is one.
    followed: Option<Peer>,
    /// When a lower Active was heard first since a higher one was heard: `preempt_delay` runs from here.
    lower_since: Option<Instant>,
    /// The newest lower advert that was discarded since the last accepted one.
    discarded: Option<Peer>,
}

impl Backup {
    /// Nobody is known to be Active. RFC 9568 §6.4.1: Active_Adver_Interval is our own interval.
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            newest: now,
            since: now,
            wait: Wait::Silence,
            hesitates: false,
            learned: None,
            followed: None,
            lower_since: None,
            discarded: None,
        }
    }

    /// Lost to the sender of `advert`: its interval counts (RFC 9568 §6.4.3), and the timer runs from its arrival.
    pub(crate) fn following(local: &Local, advert: &Advert) -> Self {
        let mut backup = Self::new(advert.arrived);
        backup.lower_since = (advert.priority < local.priority()).then_some(advert.arrived);
        backup.learned = Some(advert.interval);
        backup.followed = Some(Peer { source: advert.source, priority: advert.priority });
        backup
    }

    /// The Active Router, by its newest accepted advert.
    pub(crate) fn followed(&self) -> Option<([u8; 16], Priority)> {
        self.followed.map(|peer| (peer.source, peer.priority))
    }

    pub(crate) const fn learned(&self) -> Option<AdvertInterval> {
        self.learned
    }

    /// When Active_Down_Timer fires.
    pub(crate) fn deadline(&self, local: &Local) -> Instant {
        self.since
            + match (self.hesitates, self.wait) {
                (true, Wait::Silence | Wait::Succession) => {
                    local.active_interval(self.learned).duration() + local.skew_time(self.learned)
                }
                (false, Wait::Silence) => local.active_down_interval(self.learned),
                (false, Wait::Succession) => local.skew_time(self.learned),
            }
    }

    /// Active_Down_Timer has fired. Whether we take over now; see
    /// [`crate::departures::Departure::LateBackupsHesitate`].
    pub(crate) fn dares(&mut self, local: &Local, now: Instant) -> bool {
        let tolerated = local.active_interval(self.learned).duration();
        if self.hesitates || now <= self.deadline(local) + tolerated {
            return true;
        }
        self.since = now;
        self.hesitates = true;
        false
    }

    /// Why it fires.
    pub(crate) fn cause(&self) -> Cause {
        match (self.discarded, self.wait) {
            (Some(peer), Wait::Silence | Wait::Succession) => {
                Cause::LowerPriority { source: peer.source, priority: peer.priority }
            }
            (None, Wait::Silence) => Cause::DownTimer,
            (None, Wait::Succession) => Cause::Resigned,
        }
    }

    /// Silence up to `now` proves nothing.
    pub(crate) fn deaf(&mut self, now: Instant) {
        self.since = self.since.max(now);
        self.wait = Wait::Silence;
        self.hesitates = false;
    }

    pub(crate) fn snapshot(&self) -> BackupSnapshot {
        let Self { newest, since, wait, hesitates, learned, followed, lower_since, discarded } = self;
        let peer = |peer: &Peer| PeerSnapshot { source: peer.source, priority: peer.priority };
        BackupSnapshot {
            newest: *newest,
            since: *since,
            resigned: match wait {
                Wait::Silence => false,
                Wait::Succession => true,
            },
            hesitates: *hesitates,
            learned: *learned,
            followed: followed.as_ref().map(peer),
            lower_since: *lower_since,
            discarded: discarded.as_ref().map(peer),
        }
    }

    pub(crate) fn resume(snapshot: &BackupSnapshot) -> Self {
        let BackupSnapshot { newest, since, resigned, hesitates, learned, followed, lower_since, discarded } =
            snapshot;
        let peer = |peer: &PeerSnapshot| Peer { source: peer.source, priority: peer.priority };
        Self {
            newest: *newest,
            since: *since,
            wait: if *resigned { Wait::Succession } else { Wait::Silence },
            hesitates: *hesitates,
            learned: *learned,
            followed: followed.as_ref().map(peer),
            lower_since: *lower_since,
            discarded: discarded.as_ref().map(peer),
        }
    }

    /// See [`crate::Router::set_back`].
    pub(crate) fn set_back(&mut self, by: Duration) {
        for time in [&mut self.newest, &mut self.since].into_iter().chain(&mut self.lower_since) {
            *time = *time - by;
        }
    }

    /// RFC 9568 §6.4.2, "If an ADVERTISEMENT is received".
    pub(crate) fn hear(&mut self, local: &Local, advert: &Advert) -> Actions {
        if advert.arrived < self.newest {
            return Actions::new();
        }
        match advert.priority {
            Priority::Resigning => self.resigned(advert),
            Priority::Backup(_) | Priority::Owner if self.obeys(local, advert) => self.follow(local, advert),
            Priority::Backup(_) | Priority::Owner => {
                // "Discard the ADVERTISEMENT": it is as if it had not come, and the timer runs on.
                self.discarded = Some(Peer { source: advert.source, priority: advert.priority });
                Actions::new()
            }
        }
    }

    /// "If Preempt_Mode is False, or if the Priority in the ADVERTISEMENT is greater than or equal to the local
    /// Priority"; and while `preempt_delay` runs. The address does not matter here.
    fn obeys(&self, local: &Local, advert: &Advert) -> bool {
        advert.priority >= local.priority()
            || match local.patience() {
                None => true,
                Some(patience) => advert.arrived < self.lower_since.unwrap_or(advert.arrived) + patience,
            }
    }

    fn follow(&mut self, local: &Local, advert: &Advert) -> Actions {
        self.lower_since = if advert.priority < local.priority() {
            Some(self.lower_since.unwrap_or(advert.arrived))
        } else {
            None
        };
        self.learned = Some(advert.interval);
        self.arm(advert, Wait::Silence);
        let peer = Peer { source: advert.source, priority: advert.priority };
        let known = self.followed.replace(peer);
        changed_source(known, Some(peer))
    }

    /// Priority 0: "Set the Active_Down_Timer to Skew_Time", whoever sent it.
    fn resigned(&mut self, advert: &Advert) -> Actions {
        self.arm(advert, Wait::Succession);
        let known = self.followed;
        self.followed = known.filter(|peer| peer.source != advert.source);
        changed_source(known, self.followed)
    }

    fn arm(&mut self, advert: &Advert, wait: Wait) {
        self.newest = advert.arrived;
        self.since = self.since.max(advert.arrived);
        self.wait = wait;
        self.hesitates = false;
        self.discarded = None;
    }
}

fn changed_source(before: Option<Peer>, after: Option<Peer>) -> Actions {
    let (before, after) = (before.map(|peer| peer.source), after.map(|peer| peer.source));
    let mut actions = Actions::new();
    if before != after {
        actions.push(Action::ActiveSource(after));
    }
    actions
}
