//! The thread that changes addresses, and the local routes that go ahead of them, so that the VRRP thread does not.
//!
//! The kernel carries a request out inside the sending call, under its one lock for interfaces (RTNL). Other namespaces
//! that come and go hold that lock for tens or hundreds of milliseconds; what waits for it here are addresses, never an
//! advert. Routes go first: those of every instance that became Active, before the addresses of any. Otherwise requests are
//! carried out in their order, and each is answered once. What is to be requested is decided in `addressing` and `covering`;
//! nothing is tried again here. What the kernel has of the routes is `laying`'s.

use std::{
    collections::VecDeque,
    io,
    net::IpAddr,
    sync::{Arc, mpsc as channel},
    thread,
    time::Duration,
};

use regent_common::Family;
use tokio::sync::mpsc;

use super::{
    addressing::{Operation, REQUESTS_UNDER_WAY},
    covering::CoverId,
    laying::{Asked, LOOK_AGAIN, Laying},
};
use crate::{
    config::plan::AddressPlan,
    crash::{self, Point},
    net::{
        addresses::{self, AddressRequest, AddressSocket},
        clock, scheduling,
    },
};

/// Changes of addresses handed to the kernel in one call at most.
const BATCH: usize = 64;
/// What one call may take: routes that arrive meanwhile wait for its end, and so do the answers to it. The kernel's work
/// for one address grows with the number that the interface has, so that less goes into a call that took longer.
const PATIENCE: Duration = Duration::from_millis(2);
/// Answers that may wait for the loop, in batches; this thread waits when there are more.
pub const ANSWERS_DEPTH: usize = REQUESTS_UNDER_WAY;

/// What the thread is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To change an address.
    Address(Change),
    /// To deliver to addresses that are not there yet.
    Cover {
        /// Names the cover.
        id: CoverId,
        /// Where the addresses belong.
        ifindex: u32,
        /// Their family.
        family: Family,
        /// The addresses.
        addresses: Vec<IpAddr>,
    },
    /// To take away what is there of a cover.
    Uncover(CoverId),
}

/// One change of an interface's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose it is in `addressing`; `None` for one that is left on an interface under another name.
    pub position: Option<usize>,
    /// What to do.
    pub operation: Operation,
    /// Where.
    pub ifindex: u32,
    /// The address.
    pub plan: Arc<AddressPlan>,
}

/// What became of a request, as the kernel says.
#[derive(Debug)]
pub enum Answer {
    /// Of a change of an address.
    Address {
        /// The change.
        change: Change,
        /// Its end.
        result: io::Result<()>,
    },
    /// Of a cover: it is there, or not all of it.
    Covered {
        /// The cover.
        id: CoverId,
        /// Its end: the first route that the kernel refused.
        result: io::Result<()>,
    },
    /// Of the end of a cover: nothing is left of it, or something is.
    Uncovered {
        /// The cover.
        id: CoverId,
        /// Its end: the first route that the kernel refused to remove.
        result: io::Result<()>,
    },
}

impl Answer {
    /// The answer to a request that was never carried out.
    pub fn refused(request: Request, error: io::Error) -> Self {
        let result = Err(error);
        match request {
            Request::Address(change) => Self::Address { change, result },
            Request::Cover { id, .. } => Self::Covered { id, result },
            Request::Uncover(id) => Self::Uncovered { id, result },
        }
    }
}

/// The way to the thread. It ends when this is dropped, as soon as the kernel lets it.
#[derive(Debug)]
pub struct Assigner {
    /// Never longer than `addressing` lets requests be under way.
    requests: channel::Sender<Request>,
}

impl Assigner {
    /// Starts the thread. Each of its answers goes into `answers`, those of one call together.
    ///
    /// # Errors
    /// When the system has no netlink socket or no thread left.
    pub fn start(answers: mpsc::Sender<Vec<Answer>>) -> io::Result<Self> {
        let (requests, queue) = channel::channel();
        let mut worker = Worker::new()?;
        thread::Builder::new().name("addresses".into()).spawn(move || {
            // A takeover waits for it. Without the right to, the VRRP thread has said so already.
            drop(scheduling::become_real_time_at_work());
            worker.work(&queue, &answers);
        })?;
        Ok(Self { requests })
    }

    /// Hands a request over. Never waits.
    ///
    /// # Errors
    /// The request, when the thread has ended.
    pub fn ask(&self, request: Request) -> Result<(), Request> {
        self.requests.send(request).map_err(|channel::SendError(request)| request)
    }
}

/// The thread's own.
struct Worker {
    addresses: AddressSocket,
    laying: Laying,
    /// Requests about covers that wait.
    covers: VecDeque<Request>,
    /// Changes of addresses that wait.
    changes: VecDeque<Change>,
    /// How many of them go into the next call.
    batch: usize,
    /// How long the last call took.
    took: Duration,
}

impl Worker {
    fn new() -> io::Result<Self> {
        Ok(Self {
            addresses: AddressSocket::open()?,
            laying: Laying::open()?,
            covers: VecDeque::new(),
            changes: VecDeque::new(),
            batch: BATCH,
            took: Duration::ZERO,
        })
    }

    fn work(&mut self, queue: &channel::Receiver<Request>, answers: &mpsc::Sender<Vec<Answer>>) {
        while self.wait(queue) {
            while let Ok(request) = queue.try_recv() {
                self.sort_in(request);
            }
            let mut answered = self.laying.look();
            answered.extend(if self.covers.is_empty() {
                self.change_addresses()
            } else {
                self.change_routes()
            });
            // Nobody is there any more to hear it.
            if !answered.is_empty() && answers.blocking_send(answered).is_err() {
                return;
            }
            self.rest(queue);
        }
    }

    /// Waits until there is something to do; `false` when there never will be.
    fn wait(&mut self, queue: &channel::Receiver<Request>) -> bool {
        if !self.covers.is_empty() || !self.changes.is_empty() {
            return true;
        }
        let received = if self.laying.is_waiting() {
            queue.recv_timeout(LOOK_AGAIN)
        } else {
            queue.recv().map_err(|channel::RecvError| channel::RecvTimeoutError::Disconnected)
        };
        match received {
            Ok(request) => {
                self.sort_in(request);
                true
            }
            Err(channel::RecvTimeoutError::Timeout) => true,
            Err(channel::RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Thousands of additions, which routes have gone ahead of, leave others half of a core: this thread goes before almost
    /// all. A request about routes ends the rest.
    fn rest(&mut self, queue: &channel::Receiver<Request>) {
        let adds = |change: &Change| change.operation == Operation::Add;
        if self.changes.len() < BATCH || !self.changes.front().is_some_and(adds) {
            return;
        }
        let mut now = clock::now();
        let until = now + self.took;
        while self.covers.is_empty()
            && now < until
            && let Ok(request) = queue.recv_timeout(until.since(now))
        {
            self.sort_in(request);
            now = clock::now();
        }
    }

    fn sort_in(&mut self, request: Request) {
        match request {
            Request::Address(change) => self.changes.push_back(change),
            Request::Cover { .. } | Request::Uncover(_) => self.covers.push_back(request),
        }
    }

    /// Carries out the requests about covers that wait, up to where laying changes to lifting.
    fn change_routes(&mut self) -> Vec<Answer> {
        let mut asked = Vec::new();
        let mut over = Vec::new();
        while let Some(request) = self.covers.pop_front() {
            match request {
                Request::Cover { id, ifindex, family, addresses } if over.is_empty() => {
                    asked.push(Asked { id, ifindex, family, addresses });
                }
                Request::Uncover(id) if asked.is_empty() => over.push(id),
                Request::Cover { .. } | Request::Uncover(_) | Request::Address(_) => {
                    self.covers.push_front(request);
                    break;
                }
            }
        }
        if asked.is_empty() { self.laying.lift(over) } else { self.laying.lay(asked) }
    }

    /// Hands the kernel as many changes of addresses as it carries out in little time.
    fn change_addresses(&mut self) -> Vec<Answer> {
        let count = self.batch.min(self.changes.len());
        if count == 0 {
            return Vec::new();
        }
        let changes: Vec<Change> = self.changes.drain(..count).collect();
        let removes = changes.iter().any(|change| change.operation == Operation::Remove);
        let mut answers = self.laying.before(&changes);
        if removes {
            crash::point(Point::RemovalBegun);
        }
        let began = clock::now();
        let written: Vec<AddressRequest<'_>> = changes.iter().map(written).collect();
        let results = self.addresses.carry_out(&written);
        let took = clock::now().since(began);
        self.took = took;
        crash::point(if removes { Point::RemovalUnderWay } else { Point::AddressesBegun });
        if took > PATIENCE {
            self.batch = (self.batch / 2).max(1);
        } else if took < PATIENCE / 2 {
            self.batch = (self.batch * 2).min(BATCH);
        }
        self.laying.after(changes.iter().zip(&results));
        let answered = changes.into_iter().zip(results);
        answers.extend(answered.map(|(change, result)| Answer::Address { change, result }));
        answers
    }
}

fn written(change: &Change) -> AddressRequest<'_> {
    let plan = &change.plan;
    AddressRequest {
        operation: match change.operation {
            Operation::Add => addresses::Operation::Add,
            Operation::Remove => addresses::Operation::Remove,
        },
        ifindex: change.ifindex,
        address: plan.address,
        prefix_length: plan.prefix_length,
        broadcast: plan.broadcast,
        scope: plan.scope,
        label: plan.label.as_deref(),
        detects_duplicates: plan.detects_duplicates,
        preferred_lifetime: plan.preferred_lifetime,
        no_prefix_route: plan.no_prefix_route,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::net::tests::lab::{alone, ip};

    fn vip(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    fn request(position: usize, operation: Operation, prefix_length: u8) -> Request {
        let plan = Arc::new(AddressPlan::plain(vip(3), prefix_length));
        Request::Address(Change { position: Some(position), operation, ifindex: 1, plan })
    }

    /// A thread and its answers, one by one.
    fn started() -> (Assigner, impl FnMut() -> Option<Answer>) {
        let (sender, mut answers) = mpsc::channel(ANSWERS_DEPTH);
        let assigner = Assigner::start(sender).unwrap();
        let mut received = VecDeque::new();
        let next = move || {
            while received.is_empty() {
                received.extend(answers.blocking_recv()?);
            }
            received.pop_front()
        };
        (assigner, next)
    }

    #[test]
    fn each_request_is_answered_once_and_in_its_order_also_one_that_cannot_be_written() {
        alone(|| {
            let (assigner, mut next) = started();
            assigner.ask(request(7, Operation::Add, 32)).unwrap();
            assigner.ask(request(8, Operation::Add, 33)).unwrap();
            assigner.ask(request(9, Operation::Add, 32)).unwrap();
            assigner.ask(request(7, Operation::Remove, 32)).unwrap();
            let mut expect = |position, kind| {
                let Some(Answer::Address { change, result }) = next() else { panic!("an address") };
                assert_eq!((change.position, result.err().map(|error| error.kind())), (Some(position), kind));
            };
            expect(7, None);
            expect(8, Some(io::ErrorKind::InvalidInput));
            expect(9, Some(io::ErrorKind::AlreadyExists));
            expect(7, None);
            drop(assigner);
            assert!(next().is_none(), "the thread ends when nobody can ask any more");
        });
    }

    #[test]
    fn routes_go_ahead_of_addresses_that_were_asked_for_before_them() {
        alone(|| {
            ip("link set lo up");
            let (sender, mut answers) = mpsc::channel(ANSWERS_DEPTH);
            let (requests, queue) = channel::channel();
            for position in 0..3 {
                requests.send(request(position, Operation::Add, 32)).unwrap();
            }
            for id in [1, 2] {
                let addresses = vec![vip(id * 4), vip(id * 4 + 1)];
                let id = CoverId(id.into());
                requests.send(Request::Cover { id, ifindex: 1, family: Family::Ipv4, addresses }).unwrap();
            }
            requests.send(Request::Uncover(CoverId(1))).unwrap();
            drop(requests);
            Worker::new().unwrap().work(&queue, &sender);
            drop(sender);
            let mut order = Vec::new();
            while let Some(answered) = answers.blocking_recv() {
                for answer in answered {
                    order.push(match answer {
                        Answer::Address { change, .. } => format!("address {}", change.position.unwrap()),
                        Answer::Covered { id, result } => format!("covered {} {}", id.0, result.is_ok()),
                        Answer::Uncovered { id, result } => format!("uncovered {} {}", id.0, result.is_ok()),
                    });
                }
            }
            assert_eq!(
                order,
                [
                    "covered 1 true",
                    "covered 2 true",
                    "uncovered 1 true",
                    "address 0",
                    "address 1",
                    "address 2"
                ]
            );
            assert_eq!(
                ip("route show table local proto 112").trim(),
                "local 10.0.0.8/31 dev lo scope host metric 112"
            );
        });
    }

    #[test]
    fn the_end_of_a_cover_whose_interface_is_gone_is_a_good_end() {
        alone(|| {
            ip("link add port0 type veth peer name port1");
            ip("link set port0 up");
            let ifindex = crate::net::tests::lab::link("port0").index;
            let (assigner, mut next) = started();
            let id = CoverId(1);
            let addresses = vec![vip(3), vip(5)];
            assigner.ask(Request::Cover { id, ifindex, family: Family::Ipv4, addresses }).unwrap();
            assert!(matches!(next(), Some(Answer::Covered { result: Ok(()), .. })));
            ip("link del port0");
            assigner.ask(Request::Uncover(id)).unwrap();
            assert!(matches!(next(), Some(Answer::Uncovered { result: Ok(()), .. })));
        });
    }
}
