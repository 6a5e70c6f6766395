//! Words about the packet filter.

use crate::config::{
    diagnostic::{Diagnostic, code},
    expand::Word,
    keyword::{FirewallTerm, GlobalTerm},
    model::{Reader, reader::Entry},
    plan::{FirewallPlan, IptablesPlan, NftablesPlan},
};

/// Names of chains of iptables: XT_EXTENSION_MAXNAMELEN − 1.
const MOST_CHAIN: usize = 28;
/// Names of sets: IPSET_MAXNAMELEN − 1.
const MOST_SET: usize = 31;
const SKIPPED: &str = "the line is skipped";

pub(super) fn line(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, GlobalTerm>,
    term: FirewallTerm,
    firewall: &mut FirewallPlan,
) {
    match term {
        FirewallTerm::Iptables => {
            let mut names = names(reader, entry, MOST_CHAIN).into_iter();
            firewall.iptables = Some(IptablesPlan { input: names.next(), output: names.next() });
        }
        FirewallTerm::Ipsets => firewall.ipsets = Some(names(reader, entry, MOST_SET)),
        FirewallTerm::Table => firewall.nftables = Some(NftablesPlan { table: reader.filled(entry) }),
        FirewallTerm::Priority => firewall.priority = priority(reader, entry),
        FirewallTerm::Counters => firewall.counters = true,
        FirewallTerm::Ifindex => firewall.ifindex = true,
        FirewallTerm::IpvsTable => firewall.ipvs = Some(NftablesPlan { table: reader.filled(entry) }),
        FirewallTerm::IpvsPriority => firewall.ipvs_priority = priority(reader, entry),
        FirewallTerm::IpvsFirstMark => {
            let mark = reader.number(entry, "1000 is meant");
            firewall.ipvs_first_mark = mark.and_then(|mark| u32::try_from(mark).ok());
        }
    }
}

fn priority(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>) -> Option<i32> {
    reader.number(entry, SKIPPED).and_then(|priority| i32::try_from(priority).ok())
}

/// The names of the line; those that the kernel could not take are diagnosed and left out.
fn names(reader: &mut Reader<'_>, entry: &Entry<'_, GlobalTerm>, most: usize) -> Vec<String> {
    let fits = |word: &Word| !word.value.is_empty() && word.value.len() <= most;
    let most_names = entry.keyword.kind.arity().1.unwrap_or(usize::MAX);
    let words = entry.values().iter().take(most_names);
    let (good, bad): (Vec<&Word>, Vec<&Word>) = words.partition(|word| fits(word));
    for word in bad {
        reader.report(
            Diagnostic::error(
                code::NAME_UNUSABLE,
                format!("`{}` cannot be a name after `{}`", word.value, entry.keyword.name),
            )
            .primary(word.span, format!("expected 1 to {most} bytes"))
            .help("it is left out"),
        );
    }
    good.into_iter().map(|word| word.value.clone()).collect()
}
