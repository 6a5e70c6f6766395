//! Another config for a running agent: read and compared away from the VRRP thread, applied by it in slices.
//!
//! A transaction. Whatever is wrong with the new config (`reading`) leaves everything as it was, and is said; what can
//! fail beside it (claims of groups, the journal) is done before the VRRP thread hears of anything (`course`). From then on
//! nothing can fail that a start could not go on without.
//!
//! On the VRRP thread (`applying`, `placing`) an instance that does not change is not touched: its next advert leaves when it would have
//! left. The others are changed one after the other, for a little while in each turn, so that no advert waits for a reload
//! however long its list is. What goes leaves in the end (`tidying`), as the kernel lets go of it.

mod applying;
mod course;
mod household;
mod placing;
mod preparing;
mod reading;
mod tidying;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use regent_vrrp::Instant;
use tokio::sync::oneshot;

use crate::config::plan::{InstancePlan, Pace, PaceGroup, diff::Fate};

pub use course::Course;
pub use household::Household;
pub use preparing::Source;
pub use reading::{Read, limited_to, read_apart};

/// Addresses handled between two looks at the clock.
const STEP: usize = 32;
/// Ports that are being opened at one time.
const OPENED_AT_ONCE: usize = 256;
/// How long the end of a reload waits until what goes is gone.
const PATIENCE: Duration = Duration::from_secs(3);

/// The order to be another plan.
#[derive(Debug)]
pub struct Change {
    /// What becomes of the instances of the plan until now.
    pub instances: Vec<Fate>,
    /// Which of those are not in the new plan.
    pub removed: Vec<usize>,
    /// `vrrp_garp_interval`, `vrrp_gna_interval`.
    pub pace: Pace,
    /// `garp_group`.
    pub pace_groups: Vec<PaceGroup>,
    /// `router_id`.
    pub router_id: Option<String>,
    /// Why addresses that are to be refused are not.
    pub unrefused: Option<String>,
    /// Where to say that it is done.
    pub answer: oneshot::Sender<Applied>,
}

/// It is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// From the order to the last change.
    pub took: Duration,
    /// Nothing is left of what went.
    pub is_settled: bool,
}

/// A change under way, on the VRRP thread.
#[derive(Debug)]
pub struct Application {
    tasks: VecDeque<Task>,
    /// Ports on which something changes.
    ports: BTreeSet<usize>,
    /// Ports that are being opened: what needs them comes after.
    opening: BTreeSet<u64>,
    /// See [`Change::unrefused`].
    unrefused: Option<String>,
    answer: oneshot::Sender<Applied>,
    begun: Instant,
    /// When the last task was done.
    done: Option<Instant>,
}

impl Application {
    /// Whether the next task waits for nothing that is being opened.
    fn can_go_on(&self) -> bool {
        let opens_next = matches!(self.tasks.front(), Some(Task::Open(_)));
        self.opening.is_empty() || opens_next && self.opening.len() < OPENED_AT_ONCE
    }
}

/// What is done in one go, or bit by bit.
#[derive(Debug)]
enum Task {
    /// Opens a port that is new, or a way of it.
    Open(usize),
    /// Gives an instance its addresses, some at a time.
    Gather(Gathering),
    /// Makes an instance what its plan says.
    Become(Gathering),
    /// An instance gives up: it is not in the plan any more.
    Resign(usize),
    /// Lets go of addresses that an instance had, some at a time.
    LetGo { instance: usize, positions: Vec<usize> },
    /// Tells the kernel of the addresses of an instance again, some at a time; and then everybody, if they have another MAC.
    Publish { instance: usize, next: usize, announces: bool },
    /// A new instance takes part.
    Start(usize),
    /// Ports have what their instances need, and nothing else.
    Ports,
    /// A port that nothing is on any more is none of ours.
    Retire(usize),
}

/// The addresses of an instance as its new plan lists them, as far as they are in their places.
#[derive(Debug)]
struct Gathering {
    at: usize,
    plan: Arc<InstancePlan>,
    /// It takes part in nothing yet.
    is_new: bool,
    /// The list is another one, or means something else.
    relists: bool,
    positions: Vec<usize>,
    /// Those that were not the instance's.
    new: Vec<usize>,
}
