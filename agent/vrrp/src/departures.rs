//! Each place where this machine does something else than the RFCs say, and why.
//!
//! Owns the list and the numbers that belong to it. Whoever finds a difference that is not here has found a bug.

use core::time::Duration;

use crate::Instant;

/// A difference from RFC 9568 §6.4 or RFC 3768 §6.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// There is a fourth state, Fault, for a router that cannot take part; RFC 9568 has only Shutdown and Startup.
    ///
    /// As keepalived. It is entered by the actions of a Shutdown and left by those of a Startup, so that peers see
    /// nothing but the RFC.
    Fault,
    /// A Backup may leave a lower Active alone for a while (`preempt_delay`); RFC 9568 has Preempt_Mode true or false.
    ///
    /// As keepalived: the delay starts with the first lower advert, ends early with a higher or equal one, and is
    /// followed by a whole Active_Down_Interval, in which lower adverts are discarded. The owner does not wait.
    PreemptDelay,
    /// An Active of version 2 answers a losing advert with one of its own; RFC 3768 §6.4.3 only discards it.
    ///
    /// As keepalived, and as RFC 9568 has it for version 3: the other one steps down at once, instead of within an
    /// interval.
    Version2Asserts,
    /// An Active may be told not to answer a losing advert (`asserts` false: `lower_prio_no_advert`); RFC 9568 §6.4.3
    /// always answers.
    ///
    /// As keepalived, and as RFC 3768 §6.4.3 has it. The contest is announced all the same: the other one hears us
    /// within an interval, but caches that followed it do not come back by themselves.
    AssertionIsOptional,
    /// An Active that loses against another one sends one more advert before it steps down, unless told not to
    /// (`concedes` false: `higher_prio_send_advert no`); the RFCs are silent.
    ///
    /// keepalived has it as an option that is off. Without it a healed split is noticed by the loser alone: the winner
    /// announces nothing, and caches that followed the loser stay wrong until they expire.
    Concession,
    /// The winner of a contest announces its addresses again; the RFCs have announcements only on becoming Active.
    ///
    /// As keepalived, but never twice in a second ([`CONTEST_SPACING`]): a loser that is deaf to us must not make us
    /// flood the link at the rate of its adverts. While a contest goes on it is announced when that second is over; once the
    /// loser has fallen silent, it is announced once more right then, since some (keepalived) give in without a word.
    ContestsAreAnnounced,
    /// Others' adverts are answered with at most two adverts an interval, the regular ones not counted; RFC 9568
    /// §6.4.3 answers each.
    ///
    /// An answer reaches everybody, so more of them say nothing new; and two routers that both believe to win (one
    /// address twice, an address rewritten on the way) would otherwise answer each other as fast as the link allows.
    AnswersAreSpaced,
    /// An Active that hears its own priority from its own address does nothing; RFC 9568 §6.4.3 would answer.
    ///
    /// That is our own advert, come back, or a twin. For neither is there an end to answering.
    EchoesAreIgnored,
    /// An owner of version 2 hears another owner, and the address decides; RFC 3768 §7.1 drops such adverts.
    ///
    /// As RFC 9568 §7.1 has it since erratum 8298. It is a slip in the config of one of them; dropped, there would be two
    /// Masters for ever.
    OwnersContend,
    /// An advert that arrived before the state was entered, or before one that counted already, changes nothing.
    ///
    /// The RFCs know no queue between the wire and the machine. A resignation must not be undone by an older advert
    /// that was read later.
    HistoryIsIgnored,
    /// A change of the effective priority, of the interval or of the address counts at once, in every state.
    ///
    /// RFC 9568 has constant parameters. Active_Down_Timer keeps the moment it was armed and takes its new length; an
    /// Active that was reloaded advertises at once, as keepalived does; one whose trackers changed says so with its
    /// next regular advert, since peers could not act on it any sooner.
    Changes,
    /// An Active that said nothing for so long that a Backup may have taken over does not advertise when it wakes; RFC
    /// 9568 §6.4.3 knows no timer that fires seconds late.
    ///
    /// A stopped process or a paused machine would else speak up as if nothing had happened, beside its successor, and
    /// with the higher priority it would win without ever having lost. Whoever is heard to have taken over meanwhile is
    /// obeyed, whatever its priority, and without a word: in everybody's eyes the office was lost already. Then Backup
    /// and its rules decide, Preempt_Mode among them. With nobody heard it listens for an interval and a half
    /// first, since another Active speaks once an interval; then it advertises, and announces its addresses as on
    /// becoming Active. Until then the addresses stay, nothing is answered, announced or resigned from by itself, and a
    /// resignation leaves it waiting. The owner does not wait: nobody may keep his addresses from him.
    /// keepalived demotes itself likewise.
    DoubtAfterSilence,
    /// A Backup that notices the end of Active_Down_Timer more than an interval late listens once more, for
    /// Active_Adver_Interval + Skew_Time; RFC 9568 §6.4.2 takes over at once.
    ///
    /// It stood still, and may have missed the Active Router as it missed its timer: a paused machine receives nothing.
    /// keepalived has it as an option (`timer_expired_backup`). Once only, so that a loop that is always late still takes
    /// over; and a deadline that a reload moved far into the past is treated alike, which costs no more than that.
    LateBackupsHesitate,
    /// Active_Down_Interval may have another number of intervals than three (`down_timer_adverts`). As keepalived.
    DownTimerAdverts,
}

impl Departure {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Fault,
        Self::PreemptDelay,
        Self::Version2Asserts,
        Self::AssertionIsOptional,
        Self::Concession,
        Self::ContestsAreAnnounced,
        Self::AnswersAreSpaced,
        Self::EchoesAreIgnored,
        Self::OwnersContend,
        Self::HistoryIsIgnored,
        Self::Changes,
        Self::DoubtAfterSilence,
        Self::LateBackupsHesitate,
        Self::DownTimerAdverts,
    ];
}

/// Shortest time between any announcement and one for a contest.
pub const CONTEST_SPACING: Duration = Duration::from_secs(1);

/// Whether `spacing` has passed since `last`.
pub(crate) fn spaced(last: Option<Instant>, spacing: Duration, now: Instant) -> bool {
    last.is_none_or(|last| last + spacing <= now)
}
