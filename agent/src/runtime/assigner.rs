//! The thread that changes addresses, so that the VRRP thread does not.
//!
//! The kernel carries a request out inside the sending call, under its one lock for interfaces (RTNL). Other namespaces
//! that come and go hold that lock for tens or hundreds of milliseconds; what waits for it here are addresses, never an
//! advert. Requests are carried out in their order, and each is answered once. What is to be requested is decided in
//! `addressing`; nothing is tried again here.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, mpsc as channel},
    thread,
};

use tokio::sync::mpsc;

use super::addressing::{Operation, REQUESTS_UNDER_WAY};
use crate::{
    config::plan::AddressPlan,
    net::{
        addresses::{self, AddressRequest, AddressSocket},
        scheduling,
    },
};

/// Requests handed to the kernel in one call: fewer than the smallest socket has room for answers to.
const BATCH: usize = 64;
/// Answers that may wait for the loop, in batches; this thread waits when there are more.
pub const ANSWERS_DEPTH: usize = REQUESTS_UNDER_WAY;

/// One change of an interface's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose it is in `addressing`; `None` for one that is left on an interface under another name.
    pub position: Option<usize>,
    /// What to do.
    pub operation: Operation,
    /// Where.
    pub ifindex: u32,
    /// The address.
    pub plan: Arc<AddressPlan>,
}

/// What became of a request.
#[derive(Debug)]
pub struct Answer {
    /// The request.
    pub request: Request,
    /// As the kernel says.
    pub result: io::Result<()>,
}

/// The way to the thread. It ends when this is dropped, as soon as the kernel lets it.
#[derive(Debug)]
pub struct Assigner {
    requests: channel::SyncSender<Request>,
}

impl Assigner {
    /// Starts the thread. Each of its answers goes into `answers`, those of one call together.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(socket: AddressSocket, answers: mpsc::Sender<Vec<Answer>>) -> io::Result<Self> {
        let (requests, queue) = channel::sync_channel(REQUESTS_UNDER_WAY);
        thread::Builder::new().name("addresses".into()).spawn(move || {
            // A takeover waits for it. Without the right to, the VRRP thread has said so already.
            drop(scheduling::become_real_time_at_work());
            work(socket, &queue, &answers);
        })?;
        Ok(Self { requests })
    }

    /// Hands a request over. Never waits.
    ///
    /// # Errors
    /// The request, when there is no room for it or the thread has ended.
    pub fn ask(&self, request: Request) -> Result<(), Request> {
        self.requests.try_send(request).map_err(|error| match error {
            channel::TrySendError::Full(request) | channel::TrySendError::Disconnected(request) => request,
        })
    }
}

fn work(mut socket: AddressSocket, queue: &channel::Receiver<Request>, answers: &mpsc::Sender<Vec<Answer>>) {
    while let Ok(first) = queue.recv() {
        let requests = std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)).collect();
        // Nobody is there any more to hear it.
        if answers.blocking_send(carry_out(&mut socket, requests)).is_err() {
            return;
        }
    }
}

/// Hands requests to the kernel and pairs them with its answers.
fn carry_out(socket: &mut AddressSocket, requests: Vec<Request>) -> Vec<Answer> {
    let mut numbers = vec![None; requests.len()];
    let mut begun = 0;
    let mut unsent = HashMap::new();
    while begun < requests.len() {
        let written: Vec<AddressRequest<'_>> = requests.iter().skip(begun).map(written).collect();
        let mut sent = 0;
        let result = socket.requests(&written, |position, number| {
            sent = position + 1;
            if let Some(place) = numbers.get_mut(begun + position) {
                *place = Some(number);
            }
        });
        begun += sent;
        // One that cannot be sent keeps none from following.
        if let Err(error) = result {
            unsent.insert(begun, error);
            begun += 1;
        }
    }
    let mut results = HashMap::new();
    // The kernel has answered everything by now. What it had no room to answer is seen by its absence.
    let received = socket.acknowledgements(|number, result| drop(results.insert(number, result)));
    let lost = received.err().map_or_else(|| "the kernel gave no answer".into(), |error| error.to_string());
    let paired = requests.into_iter().zip(numbers).enumerate().map(|(at, (request, number))| {
        let answered = number.and_then(|number| results.remove(&number));
        let result = answered.or_else(|| unsent.remove(&at).map(Err));
        Answer { request, result: result.unwrap_or_else(|| Err(io::Error::other(lost.clone()))) }
    });
    paired.collect()
}

fn written(request: &Request) -> AddressRequest<'_> {
    let plan = &request.plan;
    AddressRequest {
        operation: match request.operation {
            Operation::Add => addresses::Operation::Add,
            Operation::Remove => addresses::Operation::Remove,
        },
        ifindex: request.ifindex,
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
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::net::tests::lab::alone;

    const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3));

    fn request(position: usize, operation: Operation, prefix_length: u8) -> Request {
        let plan = Arc::new(AddressPlan::plain(VIP, prefix_length));
        Request { position: Some(position), operation, ifindex: 1, plan }
    }

    #[test]
    fn each_request_is_answered_once_and_in_its_order_also_one_that_cannot_be_written() {
        alone(|| {
            let (sender, mut answers) = mpsc::channel(ANSWERS_DEPTH);
            let assigner = Assigner::start(AddressSocket::open().unwrap(), sender).unwrap();
            assigner.ask(request(7, Operation::Add, 32)).unwrap();
            assigner.ask(request(8, Operation::Add, 33)).unwrap();
            assigner.ask(request(9, Operation::Add, 32)).unwrap();
            assigner.ask(request(7, Operation::Remove, 32)).unwrap();
            let mut answered = Vec::new();
            while answered.len() < 4 {
                answered.extend(answers.blocking_recv().unwrap());
            }
            let found: Vec<_> = answered
                .iter()
                .map(|answer| (answer.request.position, answer.result.as_ref().map_err(io::Error::kind)))
                .collect();
            assert_eq!(found[0], (Some(7), Ok(&())));
            assert_eq!(found[1], (Some(8), Err(io::ErrorKind::InvalidInput)));
            assert_eq!(found[2], (Some(9), Err(io::ErrorKind::AlreadyExists)));
            assert_eq!(found[3], (Some(7), Ok(&())));
            drop(assigner);
            assert!(answers.blocking_recv().is_none(), "the thread ends when nobody can ask any more");
        });
    }
}
