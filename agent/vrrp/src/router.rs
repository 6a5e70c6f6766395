//! RFC 9568 §6.4, RFC 3768 §6.4: the state machine. One `match` of state and event decides; the states know the rest.
//!
//! Owns the transitions and the order of the actions that carry them out. Total: any event may come in any state, and
//! one that means nothing there does nothing.

use core::{mem, time::Duration};

use regent_common::{AdvertInterval, LocalPriority, Priority};

use crate::{
    Action, Actions, Advert, Cause, Event, FaultCause, Instant, Parameters, StateName, Transition,
    active::{Active, Verdict},
    backup::Backup,
    local::Local,
    snapshot::{Memory, Snapshot},
    state::State,
};

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Router {
    local: Local,
    state: State,
}

impl Router {
    /// A router in Initialize.
    pub const fn new(parameters: Parameters) -> Self {
        Self { local: Local::new(parameters), state: State::Initialize { shut_down: false } }
    }

    /// The router that `snapshot` was taken of: it does at any time exactly what that one would have done. `parameters`
    /// are those that it had; others are told afterwards, by [`Event::Reload`].
    pub fn resume(parameters: Parameters, snapshot: &Snapshot) -> Self {
        let mut local = Local::new(parameters);
        local.set_effective(snapshot.effective);
        let state = match &snapshot.memory {
            Memory::Active(active) => State::Active(Active::resume(active)),
            Memory::Backup(backup) => State::Backup(Backup::resume(backup)),
            Memory::Fault(cause) => State::Fault(*cause),
        };
        Self { local, state }
    }

    /// All that it remembers beside its parameters; `None` in Initialize, where that is nothing.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let memory = match &self.state {
            State::Initialize { .. } => return None,
            State::Backup(backup) => Memory::Backup(backup.snapshot()),
            State::Active(active) => Memory::Active(active.snapshot()),
            State::Fault(cause) => Memory::Fault(*cause),
        };
        Some(Snapshot { effective: self.local.effective(), memory })
    }

    /// Handles one event. `now` never runs backwards.
    #[must_use = "actions are to be carried out, in order"]
    pub fn handle(&mut self, now: Instant, event: Event) -> Actions {
        match (&mut self.state, event) {
            // §6.4.1 Initialize.
            (State::Initialize { .. }, Event::Startup) => {
                self.start(now, Cause::Startup, Cause::StartupAsOwner)
            }
            (State::Initialize { shut_down: false }, Event::Fault(cause)) => self.give_up_for(cause),
            (State::Initialize { shut_down: true }, Event::Fault(_))
            | (
                State::Initialize { .. },
                Event::Shutdown
                | Event::Advert(_)
                | Event::Deadline
                | Event::FaultCleared
                | Event::Deaf
                | Event::AddressesChanged
                | Event::AdvertChanged,
            ) => Actions::new(),

            // §6.4.2 Backup.
            (State::Backup(backup), Event::Deadline) => {
                if backup.deadline(&self.local) > now || !backup.dares(&self.local, now) {
                    return Actions::new();
                }
                let cause = backup.cause();
                self.become_active(now, cause)
            }
            (State::Backup(backup), Event::Advert(advert)) => backup.hear(&self.local, &arrival(now, advert)),
            (State::Backup(backup), Event::Deaf) => {
                backup.deaf(now);
                Actions::new()
            }
            (State::Backup(_), Event::Shutdown) => self.shut_down(),
            (State::Backup(_), Event::Fault(cause)) => self.give_up_for(cause),
            (
                State::Backup(_),
                Event::Startup | Event::FaultCleared | Event::AddressesChanged | Event::AdvertChanged,
            ) => Actions::new(),

            // §6.4.3 Active.
            (State::Active(active), Event::Deadline) => active.fire(&self.local, now),
            (State::Active(active), Event::Advert(advert)) => {
                let advert = arrival(now, advert);
                match active.hear(&self.local, now, &advert) {
                    Verdict::Stays(actions) => actions,
                    Verdict::Yields(cause) => self.yield_to(&advert, cause),
                    Verdict::Overslept(cause) => self.was_succeeded(now, &advert, cause),
                }
            }
            (State::Active(active), Event::AddressesChanged) => active.addresses_changed(&self.local, now),
            (State::Active(active), Event::AdvertChanged) => active.restate(&self.local, now),
            (State::Active(_), Event::Shutdown) => self.shut_down(),
            (State::Active(_), Event::Fault(cause)) => self.give_up_for(cause),
            (State::Active(_), Event::Startup | Event::FaultCleared | Event::Deaf) => Actions::new(),

            // Fault: what is heard here is ignored.
            (State::Fault(_), Event::FaultCleared) => {
                self.start(now, Cause::FaultCleared, Cause::FaultCleared)
            }
            (State::Fault(cause), Event::Fault(other)) => {
                *cause = other;
                Actions::new()
            }
            (State::Fault(_), Event::Shutdown) => self.shut_down(),
            (
                State::Fault(_),
                Event::Startup
                | Event::Advert(_)
                | Event::Deadline
                | Event::Deaf
                | Event::AddressesChanged
                | Event::AdvertChanged,
            ) => Actions::new(),

            // Every state: what this router is.
            (
                State::Initialize { .. } | State::Backup(_) | State::Active(_) | State::Fault(_),
                Event::Priority(priority),
            ) => {
                self.local.set_effective(priority);
                Actions::new()
            }
            (
                State::Initialize { .. } | State::Backup(_) | State::Active(_) | State::Fault(_),
                Event::Source(source),
            ) => self.reload(now, Parameters { source, ..*self.local.parameters() }),
            (
                State::Initialize { .. } | State::Backup(_) | State::Active(_) | State::Fault(_),
                Event::Reload(parameters),
            ) => self.reload(now, parameters),
        }
    }

    /// When to call with [`Event::Deadline`]. May lie in the past: then at once.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Backup(backup) => Some(backup.deadline(&self.local)),
            State::Active(active) => Some(active.deadline()),
            State::Initialize { .. } | State::Fault(_) => None,
        }
    }

    /// The state.
    pub const fn state(&self) -> StateName {
        self.state.name()
    }

    /// Why it cannot take part, in Fault.
    pub const fn fault(&self) -> Option<FaultCause> {
        match &self.state {
            State::Fault(cause) => Some(*cause),
            State::Initialize { .. } | State::Backup(_) | State::Active(_) => None,
        }
    }

    /// The parameters, as last reloaded and with the current source.
    pub const fn parameters(&self) -> &Parameters {
        self.local.parameters()
    }

    /// The priority after trackers: what is advertised and compared.
    pub const fn effective_priority(&self) -> LocalPriority {
        self.local.effective()
    }

    /// The Active Router as far as known: in Active this one, in Backup the sender of the newest accepted advert.
    pub fn active(&self) -> Option<([u8; 16], Priority)> {
        match &self.state {
            State::Backup(backup) => backup.followed(),
            State::Active(_) => Some((self.local.parameters().source, self.local.priority())),
            State::Initialize { .. } | State::Fault(_) => None,
        }
    }

    /// Whether this router is Active but has said nothing for so long that others may have taken over: it listens before
    /// it speaks again (see [`crate::departures::Departure::DoubtAfterSilence`]). Nobody else should speak for it either.
    pub fn is_in_doubt(&self, now: Instant) -> bool {
        match &self.state {
            State::Active(active) => active.is_in_doubt(&self.local, now),
            State::Initialize { .. } | State::Backup(_) | State::Fault(_) => false,
        }
    }

    /// The same router, had all that it remembers happened that much earlier: it does at any time what this one does so
    /// much later. What would lie before the beginning of time lies at it, which is the same as long as that is further
    /// back than any timer runs.
    ///
    /// For those who compare routers whatever the time, or whose clocks differ.
    #[must_use = "the router itself stays as it is"]
    pub fn set_back(&self, by: Duration) -> Self {
        let mut earlier = self.clone();
        match &mut earlier.state {
            State::Backup(backup) => backup.set_back(by),
            State::Active(active) => active.set_back(by),
            State::Initialize { .. } | State::Fault(_) => {}
        }
        earlier
    }

    /// Active_Adver_Interval: learned in Backup (version 3), our own otherwise.
    pub fn active_interval(&self) -> AdvertInterval {
        self.local.active_interval(self.learned())
    }

    /// Skew_Time, as of now.
    pub fn skew_time(&self) -> Duration {
        self.local.skew_time(self.learned())
    }

    /// Active_Down_Interval, as of now.
    pub fn active_down_interval(&self) -> Duration {
        self.local.active_down_interval(self.learned())
    }

    fn learned(&self) -> Option<AdvertInterval> {
        match &self.state {
            State::Backup(backup) => backup.learned(),
            State::Initialize { .. } | State::Active(_) | State::Fault(_) => None,
        }
    }

    /// §6.4.1, Startup: the owner is Active at once, everybody else listens first.
    fn start(&mut self, now: Instant, cause: Cause, as_owner: Cause) -> Actions {
        if self.local.is_owner() {
            return self.become_active(now, as_owner);
        }
        let mut actions = Actions::new();
        actions.push(self.transition(StateName::Backup, cause));
        self.state = State::Backup(Backup::new(now));
        actions
    }

    fn become_active(&mut self, now: Instant, cause: Cause) -> Actions {
        let (active, actions) = Active::begin(&self.local, now, self.transition(StateName::Active, cause));
        self.state = State::Active(active);
        actions
    }

    /// §6.4.3: another Active wins. Our last advert tells it that there were two of us (see
    /// [`crate::departures::Departure::Concession`]); nobody is told to take over, so no priority 0.
    fn yield_to(&mut self, winner: &Advert, cause: Cause) -> Actions {
        let mut actions = Actions::new();
        if self.local.parameters().concedes {
            actions.push(Action::SendAdvert(self.local.priority()));
        }
        self.step_down(&mut actions, winner, cause);
        self.state = State::Backup(Backup::following(&self.local, winner));
        actions
    }

    /// Another router has been Active for a while without our noticing. It has no need of a word from us, and we begin as
    /// anybody who hears of it for the first time: what we heard so far proves nothing.
    fn was_succeeded(&mut self, now: Instant, successor: &Advert, cause: Cause) -> Actions {
        let mut actions = Actions::new();
        self.step_down(&mut actions, successor, cause);
        let mut backup = Backup::following(&self.local, successor);
        backup.deaf(now);
        self.state = State::Backup(backup);
        actions
    }

    fn step_down(&self, actions: &mut Actions, active: &Advert, cause: Cause) {
        actions.push(self.transition(StateName::Backup, cause));
        actions.push(Action::CancelAnnouncements);
        actions.push(Action::RemoveAddresses);
        actions.push(Action::ActiveSource(Some(active.source)));
    }

    fn shut_down(&mut self) -> Actions {
        self.give_up(State::Initialize { shut_down: true }, Cause::Shutdown)
    }

    fn give_up_for(&mut self, cause: FaultCause) -> Actions {
        self.give_up(State::Fault(cause), Cause::Fault(cause))
    }

    /// §6.4.2 and §6.4.3, Shutdown, and the way into Fault. An Active says priority 0 whatever the reason: where it
    /// cannot be sent it does no harm.
    fn give_up(&mut self, to: State, cause: Cause) -> Actions {
        let mut actions = Actions::new();
        actions.push(self.transition(to.name(), cause));
        match mem::replace(&mut self.state, to) {
            State::Active(_) => {
                actions.push(Action::CancelAnnouncements);
                actions.push(Action::SendAdvert(Priority::Resigning));
                actions.push(Action::RemoveAddresses);
            }
            State::Backup(backup) if backup.followed().is_some() => actions.push(Action::ActiveSource(None)),
            State::Backup(_) | State::Initialize { .. } | State::Fault(_) => {}
        }
        actions
    }

    fn reload(&mut self, now: Instant, parameters: Parameters) -> Actions {
        if parameters == *self.local.parameters() {
            return Actions::new();
        }
        let old = self.local.reload(parameters);
        match &mut self.state {
            State::Active(active) => active.reloaded(&self.local, &old, now),
            // Its timer is computed from the parameters.
            State::Backup(_) | State::Initialize { .. } | State::Fault(_) => Actions::new(),
        }
    }

    const fn transition(&self, to: StateName, cause: Cause) -> Action {
        Action::Transition(Transition { from: self.state.name(), to, cause })
    }
}

/// Nothing arrives later than now, whatever two clocks say.
fn arrival(now: Instant, advert: Advert) -> Advert {
    Advert { arrived: advert.arrived.min(now), ..advert }
}
