//! The longest time between two adverts of a group, as the wire has it.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use lab::{clock::Moment, frame::Frame};

/// The longest silence of each VRID's adverts from `source` that ended in the window, or had not when the window did.
pub fn longest(frames: &[Frame], source: Ipv4Addr, from: Moment, until: Moment) -> BTreeMap<u8, Duration> {
    let mut newest: BTreeMap<u8, Moment> = BTreeMap::new();
    let mut longest: BTreeMap<u8, Duration> = BTreeMap::new();
    let adverts = frames.iter().filter(|frame| frame.at >= from && frame.at <= until);
    for (at, advert) in adverts.filter_map(|frame| Some((frame.at, frame.advert()?))) {
        if advert.source != source {
            continue;
        }
        let silence = at.since(newest.insert(advert.vrid, at).unwrap_or(from));
        let known = longest.entry(advert.vrid).or_default();
        *known = silence.max(*known);
    }
    for (vrid, at) in newest {
        let known = longest.entry(vrid).or_default();
        *known = until.since(at).max(*known);
    }
    longest
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use lab::frame::{Advert, Content};

    use super::*;

    const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn advert(at: Moment, vrid: u8, source: Ipv4Addr) -> Frame {
        let source = IpAddr::V4(source);
        let advert = Advert {
            version: 3,
            vrid,
            priority: 150,
            ttl: 255,
            source,
            destination: IpAddr::from(regent_common::ipv4::VRRP_GROUP),
            interval: None,
            addresses: 1,
            notes: 0,
            fault: None,
        };
        let content = Content::Advert(advert);
        Frame { at, outgoing: false, mac: [0; 6], to: [0; 6], ether_type: 0x0800, length: 60, content }
    }

    #[test]
    fn silences_are_told_apart_by_group_and_only_one_source_counts() {
        let from = Moment::now();
        let at = |milliseconds| from.plus(Duration::from_millis(milliseconds));
        let frames = [
            advert(at(10), 1, SOURCE),
            advert(at(20), 2, SOURCE),
            advert(at(60), 1, Ipv4Addr::new(10, 0, 0, 2)),
            advert(at(110), 1, SOURCE),
            advert(at(115), 2, SOURCE),
        ];
        let longest = longest(&frames, SOURCE, from, at(150));
        assert_eq!(longest[&1], Duration::from_millis(100));
        assert_eq!(longest[&2], Duration::from_millis(95));
        assert_eq!(longest.len(), 2);
    }

    #[test]
    fn a_silence_that_did_not_end_counts() {
        let from = Moment::now();
        let at = |milliseconds| from.plus(Duration::from_millis(milliseconds));
        let frames = [advert(at(10), 1, SOURCE)];
        assert_eq!(longest(&frames, SOURCE, from, at(300))[&1], Duration::from_millis(290));
        assert!(longest(&[], SOURCE, from, at(300)).is_empty());
    }
}
