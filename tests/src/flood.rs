//! A flood of ARP requests out of the kernel itself (`ebpf/src/generator.rs`), between two interfaces of the lab's own.
//!
//! Runs on one processor, as long as it was told to, and blocks its caller meanwhile: builds a frame, hands it to the driver,
//! and whoever answers does so on the same processor. At most 200 stations ask, since the kernel's table of neighbours
//! is shared by all namespaces.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use aya::{
    Ebpf, EbpfLoader,
    maps::PerCpuArray,
    programs::{TestRun, TestRunAttrs, TestRunOptions, Xdp, XdpMode},
};
use nix::{
    net::if_::if_nametoindex,
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};
use regent_common::flood;

use crate::{agent::workspace, clock::Moment, namespace::Namespace, question};

/// Frames that are built before the driver gets them: what a network card hands over at once.
const BATCH: u32 = 64;
/// Most stations.
const STATIONS: u32 = 200;
/// Frames built in one call. Before each call the kernel is busy with itself for some 16 ms, which are not measured.
const AT_ONCE: u32 = 500_000;
/// The same where most are held back for their time.
const AT_ONCE_HELD_BACK: u32 = 10_000_000;

/// Where `cargo xtask build-ebpf` leaves the object.
pub fn object() -> PathBuf {
    workspace().join("target/bpf/generator.bpf.o")
}

/// Who asks for what, how fast.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// MAC of the first station; the last byte counts up.
    pub mac: [u8; 6],
    /// Its address; the last byte counts up.
    pub sender: Ipv4Addr,
    /// How many stations, 1 to 200.
    pub stations: u32,
    /// The first address asked for.
    pub target: Ipv4Addr,
    /// How many addresses are asked for, one after the other; at least 1.
    pub targets: u16,
    /// Time from one request to the next; zero: as fast as it goes.
    pub gap: Duration,
}

/// What was asked and answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests built.
    pub sent: u64,
    /// Replies that came back.
    pub answers: u64,
    /// For how long, by the kernel: the mean of a frame in whole nanoseconds, times their number.
    pub time: Duration,
}

impl Tally {
    /// Replies in a second.
    pub fn rate(self) -> u64 {
        let rate = u128::from(self.answers) * 1_000_000_000 / self.time.as_nanos().max(1);
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    /// Requests that nobody answered.
    pub const fn lost(self) -> u64 {
        self.sent.saturating_sub(self.answers)
    }
}

/// The flood's programs, one of them on the port where it leaves.
pub struct Flood<'a> {
    namespace: &'a Namespace,
    ifindex: u32,
    at_once: u32,
    ebpf: Ebpf,
    tally: PerCpuArray<aya::maps::MapData, flood::Tally>,
}

impl<'a> Flood<'a> {
    /// Prepares to send out of `interface`, whose answers are counted and dropped from now on; all else passes. The
    /// interface at the other end must have a queue of its own: an XDP program, or [`crate::offload`].
    ///
    /// # Errors
    /// When the object is not built, or the kernel refuses it.
    pub fn prepare(namespace: &'a Namespace, interface: &str, request: &Request) -> Result<Self> {
        ensure!((1..=STATIONS).contains(&request.stations), "1 to {STATIONS} stations ask");
        let path = object();
        let object = std::fs::read(&path);
        let object = object.with_context(|| format!("read {}: cargo xtask build-ebpf", path.display()))?;
        let mut frame = question::request(request.mac, request.sender, request.target);
        frame.resize(flood::BYTES, 0);
        let mut words = [0_u64; flood::WORDS];
        for (word, bytes) in words.iter_mut().zip(frame.chunks_exact(8)) {
            *word = u64::from_ne_bytes(bytes.try_into()?);
        }
        let gap = u64::try_from(request.gap.as_nanos())?;
        let targets = u32::from(request.targets);
        let mut ebpf = EbpfLoader::new()
            .override_global("REQUEST", &words, true)
            .override_global("GAP", &gap, true)
            .override_global("REQUESTERS", &request.stations, true)
            .override_global("TARGETS", &targets, true)
            .load(&object)
            .context("load the flood")?;
        program(&mut ebpf, "generator")?.load().context("load the generator")?;
        let ifindex = namespace.enter(|| {
            let drain = program(&mut ebpf, "drain")?;
            drain.load().context("load the drain")?;
            drain.attach(interface, XdpMode::Driver).context("put the drain on its port")?;
            Ok(if_nametoindex(interface)?)
        })?;
        let tally = ebpf.take_map("TALLY").context("the object has no tally")?;
        let at_once = if gap == 0 { AT_ONCE } else { AT_ONCE_HELD_BACK };
        Ok(Self { namespace, ifindex, at_once, ebpf, tally: PerCpuArray::try_from(tally)? })
    }

    /// Sends from processor `processor` until `is_over` says so, which is asked now and then, and returns what came of it.
    /// Answers that come later are not missed: on one processor there are none.
    ///
    /// # Errors
    /// When the kernel does not run it: before 5.18, or without CAP_BPF.
    pub fn run(&mut self, processor: usize, is_over: impl Fn() -> bool + Send) -> Result<Tally> {
        let before = self.counts()?;
        let (ifindex, namespace, at_once) = (self.ifindex, self.namespace, self.at_once);
        let generator = program(&mut self.ebpf, "generator")?;
        let took = namespace.enter(|| {
            let mut processors = CpuSet::new();
            processors.set(processor)?;
            sched_setaffinity(Pid::from_raw(0), &processors).context("stay on one processor")?;
            send(generator, ifindex, at_once, is_over)
        })?;
        let after = self.counts()?;
        Ok(Tally { sent: after.0 - before.0, answers: after.1 - before.1, time: took })
    }

    /// The same, for `time` at least.
    ///
    /// # Errors
    /// As there.
    pub fn run_for(&mut self, processor: usize, time: Duration) -> Result<Tally> {
        let began = Moment::now();
        self.run(processor, || began.elapsed() >= time)
    }

    /// Requests and replies so far.
    fn counts(&self) -> Result<(u64, u64)> {
        let tallies = self.tally.get(&0, 0).context("read the flood's tally")?;
        let sum = |count: fn(&flood::Tally) -> u64| tallies.iter().map(count).sum();
        Ok((sum(|tally| tally.sent), sum(|tally| tally.answers)))
    }
}

/// Runs the generator at least once; returns for how long it ran, by the kernel.
fn send(generator: &mut Xdp, ifindex: u32, at_once: u32, is_over: impl Fn() -> bool) -> Result<Duration> {
    let mut ran = Duration::ZERO;
    loop {
        let options = TestRunOptions {
            data_in: Some(&[0; flood::BYTES]),
            ctx_in: Some(&context(ifindex)),
            repeat: at_once,
            attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
            ..TestRunOptions::new()
        };
        ran += generator.test_run(options).context("send live frames")?.duration * at_once;
        if is_over() {
            return Ok(ran);
        }
    }
}

/// `struct xdp_md`: the frame lies at its beginning, and came from that interface's first queue.
fn context(ifindex: u32) -> [u8; 24] {
    let mut bytes = [0; 24];
    let words = [0, flood::BYTES as u32, 0, ifindex, 0, 0];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program = ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    Ok(program.try_into()?)
}
