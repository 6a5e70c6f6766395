//! What must not change while agents come and go on host a: its addresses, the answers to ARP, and the answers of the agent.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use lab::{
    agent::Agent,
    clock::Moment,
    frame::{Content, Frame},
    group::Group,
    process::Process,
    question,
};
use regent_common::arp::Operation;

use crate::scenarios::rig::Rig;

/// Time between two questions of the client.
const ASKED_EVERY: Duration = Duration::from_millis(10);
/// How late an answer may be.
const ANSWERED_WITHIN: Duration = Duration::from_millis(100);

/// Everything that must not change while agents come and go on host a.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    api: Option<JoinHandle<Result<usize>>>,
    questions: Option<JoinHandle<Result<()>>>,
    addresses: Process,
    began: Moment,
}

impl Watch {
    /// `agent`: whoever asks it is to have an answer each time.
    pub(super) fn begin(rig: &Rig, agent: Option<&Agent>, group: &Group) -> Result<Self> {
        let addresses = Process::spawn(
            "ip monitor",
            &rig.a,
            rig.a.command("ip").args(["monitor", "address"]),
            Duration::ZERO,
        )?;
        let stop = Arc::new(AtomicBool::new(false));
        let api = agent.map(|agent| {
            std::thread::spawn({
                let (stop, directory) = (Arc::clone(&stop), agent.run_directory().to_owned());
                move || {
                    let mut answers = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let directory = directory.to_str().context("a path")?;
                        let output = lab::agent::verb(&["status", "-o", "json", "--run-dir", directory])?;
                        ensure!(
                            output.status.success(),
                            "the agent did not answer: {}",
                            String::from_utf8_lossy(&output.stderr).trim()
                        );
                        answers += 1;
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    Ok(answers)
                }
            })
        });
        let asker = question::Asker::open(&rig.client, group.address())?;
        let questions = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                while !stop.load(Ordering::Relaxed) {
                    asker.ask()?;
                    std::thread::sleep(ASKED_EVERY);
                }
                Ok(())
            }
        });
        Ok(Self { stop, api, questions: Some(questions), addresses, began: Moment::now() })
    }

    /// Ends, and says what did not stay as it was. `held` says whether host a had the address throughout.
    pub(super) fn end(mut self, rig: &Rig, group: &Group, held: bool) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = |thread: Option<JoinHandle<_>>| thread.map(JoinHandle::join);
        let answers = match ended(self.api.take()) {
            Some(Ok(answers)) => answers?,
            Some(Err(_)) => bail!("the thread that asks for the status panicked"),
            None => usize::MAX,
        };
        if let Some(thread) = self.questions.take() {
            thread.join().map_err(|_| anyhow!("the thread that asks who has the address panicked"))??;
        }
        ensure!(answers > 5, "only {answers} answers of the agent");
        // The capture may lag behind.
        std::thread::sleep(ANSWERED_WITHIN * 3);
        if held {
            self.addresses.exited()?;
            // It complains of namespaces that go, too.
            let lines: Vec<String> =
                self.addresses.log().into_iter().filter(|line| line.contains("inet")).collect();
            ensure!(lines.is_empty(), "addresses came or went: {lines:?}");
            let unanswered = unanswered(&rig.capture.frames(), rig, group, self.began);
            ensure!(unanswered.0 == 0, "{} of {} questions had no answer", unanswered.0, unanswered.1);
        }
        Ok(())
    }
}

/// Questions for the address without an answer, and questions.
fn unanswered(frames: &[Frame], rig: &Rig, group: &Group, began: Moment) -> (usize, usize) {
    let asked = |frame: &&Frame| {
        frame.at > began
            && matches!(&frame.content, Content::Arp(arp)
                if arp.operation == Operation::Request && group.address() == Ipv4Addr::from(arp.target))
            && frame.mac == rig.client.mac()
    };
    let answers: Vec<Moment> = frames
        .iter()
        .filter(|frame| frame.is_reply_for(group.address()) && frame.mac == rig.a.mac())
        .map(|frame| frame.at)
        .collect();
    let questions: Vec<Moment> = frames.iter().filter(asked).map(|frame| frame.at).collect();
    let answered =
        |at: &Moment| answers.iter().any(|answer| answer >= at && answer.since(*at) <= ANSWERED_WITHIN);
    (questions.iter().filter(|at| !answered(at)).count(), questions.len())
}
