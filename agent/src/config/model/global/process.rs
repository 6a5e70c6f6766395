//! Words about processes: names, priorities, memory, buffers.

use crate::config::{
    diagnostic::{Diagnostic, code},
    keyword::{BufferOf, GlobalTerm, Part, ProcessTerm},
    model::{Reader, reader::Entry},
    plan::{BufferPlan, BuffersPlan, ProcessPlan, ProcessesPlan, ReceivePolicy},
};

/// Linux: TASK_COMM_LEN − 1.
const MOST_NAME: usize = 15;
/// The largest real-time priority.
const MOST_PRIORITY: i8 = 99;

/// What is said about that process.
pub(super) fn of(part: Part, processes: &mut ProcessesPlan) -> &mut ProcessPlan {
    match part {
        Part::Main => &mut processes.main,
        Part::Vrrp => &mut processes.vrrp,
        Part::Checker => &mut processes.checker,
        Part::Bfd => &mut processes.bfd,
    }
}

pub(super) fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: ProcessTerm,
    process: &mut ProcessPlan,
) {
    const OTHERWISE: &str = "the line is skipped";
    match term {
        ProcessTerm::Name => process.name = name(reader, entry),
        ProcessTerm::Nice => {
            process.nice = reader.number(entry, OTHERWISE).and_then(|nice| i8::try_from(nice).ok());
        }
        ProcessTerm::RealTime => process.real_time = reader.byte(entry, OTHERWISE),
        ProcessTerm::NoSwap => process.no_swap = true,
        ProcessTerm::Affinity => {
            let cpus = reader.numbers(entry);
            process.cpus = cpus.into_iter().filter_map(|cpu| u16::try_from(cpu).ok()).collect();
        }
        ProcessTerm::TimeLimit => {
            let limit = reader.number(entry, OTHERWISE);
            process.time_limit_us = limit.and_then(|limit| u32::try_from(limit).ok());
        }
    }
}

/// Cut at what the kernel keeps, as in keepalived.
fn name(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<String> {
    let name = reader.filled(entry)?;
    if name.len() <= MOST_NAME {
        return Some(name);
    }
    let cut = name.floor_char_boundary(MOST_NAME);
    let kept = name.get(..cut).unwrap_or_default().to_owned();
    if let Some(word) = entry.value() {
        reader.report(
            Diagnostic::warning(
                code::PROCESS_NAME_CUT,
                format!("the name of a process has at most {MOST_NAME} bytes"),
            )
            .primary(word.span, format!("cut to `{kept}`")),
        );
    }
    Some(kept)
}

/// The bare word is the largest.
pub(super) fn max_auto_priority(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    processes: &mut ProcessesPlan,
) {
    let said = match entry.value() {
        None => Some(MOST_PRIORITY),
        Some(_) => {
            let number = reader.number(entry, "no process is raised");
            number.and_then(|number| i8::try_from(number).ok())
        }
    };
    processes.max_auto_priority = said.unwrap_or(processes.max_auto_priority);
}

/// That buffer.
pub(super) fn buffer(of: BufferOf, buffers: &mut BuffersPlan) -> &mut BufferPlan {
    match of {
        BufferOf::VrrpCommand => &mut buffers.vrrp_command,
        BufferOf::VrrpMonitor => &mut buffers.vrrp_monitor,
        BufferOf::Processes => &mut buffers.processes,
        BufferOf::IpvsCommand => &mut buffers.ipvs_command,
        BufferOf::IpvsMonitor => &mut buffers.ipvs_monitor,
    }
}

/// `MTU`, `ADVERT`, in capitals or not, or bytes.
pub(super) fn policy(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<ReceivePolicy> {
    let word = entry.value()?;
    if word.value.eq_ignore_ascii_case("MTU") {
        return Some(ReceivePolicy::Mtu);
    }
    if word.value.eq_ignore_ascii_case("ADVERT") {
        return Some(ReceivePolicy::Advert);
    }
    if !word.value.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        reader.report(
            Diagnostic::error(
                code::NOT_A_CHOICE,
                format!("`{}` takes MTU, ADVERT or bytes, not `{}`", entry.keyword.name, word.value),
            )
            .primary(word.span, "not one of them")
            .help("the usual size is meant"),
        );
        return None;
    }
    let bytes =
        reader.number_in(word, entry.keyword.name, 0, i64::from(u32::MAX), "the usual size is meant")?;
    u32::try_from(bytes).ok().map(ReceivePolicy::Bytes)
}
