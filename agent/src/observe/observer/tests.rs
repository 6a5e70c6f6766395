//! What is logged, what is left out, what is kept.

use std::{
    cell::Cell,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use regent_common::{Family, Vrid};
use regent_vrrp::{Cause, Instant, StateName, Transition};
use tracing_subscriber::fmt::MakeWriter;

use super::{Clocks, Observer};
use crate::observe::{
    events::{EventKind, Events},
    observation::{Carrier, Change, Observation, Silence},
};

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// Monotonic time is what the test says; Unix time is a million seconds ahead of it.
const CLOCKS: Clocks = Clocks {
    monotonic: || Instant::from_nanoseconds(NOW.get()),
    unix_ms: || 1_000_000_000 + NOW.get() / 1_000_000,
};

const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Captured {
    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Runs `work` with an observer and returns what was logged as text, without times.
fn logged(work: impl FnOnce(&mut Observer)) -> (Vec<String>, Events) {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(captured.clone())
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .finish();
    let events = Events::default();
    tracing::subscriber::with_default(subscriber, || work(&mut Observer::new(CLOCKS, events.clone())));
    (captured.lines(), events)
}

fn takeover(at: u64) -> Observation {
    Observation::Transition(Change {
        instance: "VI_1".into(),
        vrid: Vrid::new(50).unwrap(),
        family: Family::Ipv4,
        at: Instant::from_nanoseconds(at),
        transition: Transition { from: StateName::Backup, to: StateName::Active, cause: Cause::DownTimer },
        priority: 100,
        late: 41_000,
        silence: Some(Silence {
            source: "10.0.0.1".parse().unwrap(),
            lasted: Duration::from_micros(3_609_375),
        }),
        detail: None,
    })
}

fn trouble(text: &str) -> Observation {
    Observation::Trouble { subject: "VI_1".into(), text: text.to_owned() }
}

#[test]
fn a_transition_is_one_line_with_fields() {
    NOW.set(10 * SECOND);
    let (lines, events) = logged(|observer| observer.observe(&takeover(9 * SECOND)));
    assert_eq!(
        lines,
        [
            " INFO (VI_1) Entering MASTER STATE: nothing heard of 10.0.0.1 for 3.609 s instance=\"VI_1\" vrid=50 \
             from=\"BACKUP\" to=\"MASTER\" cause=\"down_timer\" effective_priority=100"
        ]
    );
    let event = events.after(0).remove(0);
    assert_eq!(event.kind, EventKind::Transition);
    assert_eq!(event.unix_ms, 1_000_009_000, "the time of the transition, not of the observer");
    let transition = event.transition.unwrap();
    assert_eq!(
        (transition.to.as_str(), transition.cause.as_str(), transition.late_ns),
        ("MASTER", "down_timer", 41_000)
    );
}

#[test]
fn a_transition_is_never_left_out() {
    let (lines, _) = logged(|observer| (0..5).for_each(|_| observer.observe(&takeover(0))));
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_repeated_trouble_is_said_once_a_minute_with_its_count() {
    NOW.set(0);
    let (lines, events) = logged(|observer| {
        for second in 0..=60 {
            NOW.set(second * SECOND);
            observer.observe(&trouble("wrong password from 10.0.0.9"));
        }
        observer.observe(&trouble("another sentence"));
    });
    assert_eq!(
        lines,
        [
            " WARN (VI_1) wrong password from 10.0.0.9 subject=\"VI_1\" repeated=0",
            " WARN (VI_1) wrong password from 10.0.0.9 (and 59 times more since) subject=\"VI_1\" repeated=59",
            " WARN (VI_1) another sentence subject=\"VI_1\" repeated=0",
        ]
    );
    assert_eq!(events.after(0).len(), 3);
}

#[test]
fn what_is_remembered_of_troubles_is_bounded() {
    NOW.set(0);
    let (_, _) = logged(|observer| {
        for number in 0..1000 {
            NOW.set(number * SECOND);
            observer.observe(&trouble(&format!("trouble {number}")));
        }
        assert_eq!(observer.said.len(), 256);
    });
}

#[test]
fn sixty_sentences_in_a_minute_are_enough_but_a_transition_is_said_all_the_same() {
    NOW.set(0);
    let (lines, _) = logged(|observer| {
        for number in 0..1000 {
            observer.observe(&trouble(&format!("10.0.{}.{} sends nonsense", number / 256, number % 256)));
        }
        observer.observe(&takeover(0));
        NOW.set(60 * SECOND);
        observer.observe(&trouble("later"));
    });
    assert_eq!(lines.len(), 63);
    assert!(lines[60].contains("Entering MASTER STATE"));
    assert_eq!(lines[61], " WARN 940 other messages were left out: more than 60 in a minute left_out=940");
    assert!(lines[62].contains("(VI_1) later"));
}

#[test]
fn a_carrier_says_why_it_is_not_a_better_one() {
    let (lines, events) = logged(|observer| {
        observer.observe(&Observation::Carrier {
            port: "ens33".into(),
            carrier: Carrier::Socket,
            why: "no permission to load the program (CAP_BPF)".to_owned(),
        });
    });
    assert_eq!(
        lines,
        [" INFO (ens33) adverts come through the raw socket: no permission to load the program (CAP_BPF) \
          port=\"ens33\" carrier=\"socket\""]
    );
    assert_eq!(events.after(0)[0].kind, EventKind::Carrier);
}

#[tokio::test]
async fn the_observer_ends_with_its_channel_and_shows_each_observation_to_the_runtime() {
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    sender.send(trouble("a")).await.unwrap();
    sender.send(takeover(0)).await.unwrap();
    drop(sender);
    let mut seen = 0;
    Observer::new(CLOCKS, Events::default()).run(receiver, |_| seen += 1).await;
    assert_eq!(seen, 2);
}
