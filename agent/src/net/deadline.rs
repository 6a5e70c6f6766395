//! One deadline on a timerfd.
//!
//! tokio's own timer rounds up to a millisecond and is late by one more; an absolute CLOCK_MONOTONIC timerfd is late by
//! some tens of microseconds and never early. The loop keeps one of these, set to its earliest deadline.

use std::io;

use super::{failure::attempted, readiness::Readiness};
use regent_vrrp::Instant;
use rustix::{
    io::Errno,
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};

/// Fires once at an [`Instant`] of [`super::clock::now`].
#[derive(Debug)]
pub struct DeadlineTimer {
    timer: Readiness,
    armed: Option<Instant>,
}

impl DeadlineTimer {
    /// A timer that is not set. Must be called inside a tokio runtime with I/O enabled.
    ///
    /// # Errors
    /// When the kernel has no timer left, or the runtime's poller takes no more descriptors.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(|error| {
            attempted(error.into(), "create a timer (timerfd)", "raise the limit of open files")
        })?;
        Ok(Self { timer: Readiness::own(timer)?, armed: None })
    }

    /// Sets, moves or (`None`) stops the timer. A deadline that passed already fires at once. Costs no system call when
    /// nothing changes.
    ///
    /// # Errors
    /// None that a kernel is known to give; the timer is as before then.
    pub fn set(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if deadline == self.armed {
            return Ok(());
        }
        let value = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: deadline.map_or(Timespec { tv_sec: 0, tv_nsec: 0 }, absolute),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
        self.armed = deadline;
        Ok(())
    }

    /// Waits until the deadline has passed; for ever when none is set. The timer is unset then. May be dropped while it
    /// waits: the deadline stays set and the next call sees it.
    ///
    /// # Errors
    /// Only when the runtime is shutting down.
    pub async fn expired(&mut self) -> io::Result<()> {
        let mut expirations = [0; 8];
        loop {
            match rustix::io::read(&self.timer, &mut expirations) {
                Ok(_) => {
                    self.armed = None;
                    return Ok(());
                }
                // Not yet; or the deadline was moved after it fired, and the readiness is a stale one.
                Err(Errno::AGAIN) => self.timer.wait().await?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Zero would stop the timer, so the beginning of time is its first nanosecond.
fn absolute(deadline: Instant) -> Timespec {
    let nanoseconds = deadline.nanoseconds().max(1);
    Timespec {
        tv_sec: i64::try_from(nanoseconds / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (nanoseconds % 1_000_000_000) as _,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::clock;

    const SOON: Duration = Duration::from_millis(20);

    /// Generous: the machine that runs the tests may be busy.
    const LATE: Duration = Duration::from_millis(500);

    async fn fired(timer: &mut DeadlineTimer) -> bool {
        tokio::time::timeout(LATE, timer.expired()).await.is_ok_and(|result| result.is_ok())
    }

    #[tokio::test]
    async fn a_deadline_fires_soon_after_and_never_before_its_time() {
        let mut timer = DeadlineTimer::new().unwrap();
        for _ in 0..20 {
            let deadline = clock::now() + Duration::from_millis(3);
            timer.set(Some(deadline)).unwrap();
            timer.expired().await.unwrap();
            let late = clock::now().since(deadline);
            assert!(clock::now() >= deadline, "early");
            assert!(late < LATE, "late by {late:?}");
        }
    }

    #[tokio::test]
    async fn a_deadline_in_the_past_fires_at_once_and_so_does_the_beginning_of_time() {
        let mut timer = DeadlineTimer::new().unwrap();
        for past in [Instant::from_nanoseconds(0), Instant::from_nanoseconds(1), clock::now()] {
            timer.set(Some(past)).unwrap();
            assert!(fired(&mut timer).await, "{past:?}");
        }
    }

    #[tokio::test]
    async fn a_deadline_that_was_taken_back_does_not_fire() {
        let mut timer = DeadlineTimer::new().unwrap();
        timer.set(Some(clock::now() + SOON)).unwrap();
        timer.set(None).unwrap();
        assert!(tokio::time::timeout(4 * SOON, timer.expired()).await.is_err());
    }

    #[tokio::test]
    async fn a_deadline_that_was_moved_after_it_fired_fires_at_its_new_time_only() {
        let mut timer = DeadlineTimer::new().unwrap();
        timer.set(Some(Instant::from_nanoseconds(1))).unwrap();
        std::thread::sleep(SOON);
        let later = clock::now() + 2 * SOON;
        timer.set(Some(later)).unwrap();
        timer.expired().await.unwrap();
        assert!(clock::now() >= later);
    }

    #[tokio::test]
    async fn waiting_may_be_given_up_and_taken_up_again() {
        let mut timer = DeadlineTimer::new().unwrap();
        timer.set(Some(clock::now() + 2 * SOON)).unwrap();
        assert!(tokio::time::timeout(SOON / 4, timer.expired()).await.is_err());
        assert!(fired(&mut timer).await);
        // Once only.
        assert!(tokio::time::timeout(SOON, timer.expired()).await.is_err());
    }

    #[tokio::test]
    async fn the_same_deadline_may_be_set_again_after_it_fired() {
        let mut timer = DeadlineTimer::new().unwrap();
        for _ in 0..2 {
            timer.set(Some(Instant::from_nanoseconds(7))).unwrap();
            assert!(fired(&mut timer).await);
        }
    }
}
