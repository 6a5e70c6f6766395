//! The fewest prefixes that hold exactly some addresses.
//!
//! Exactly: a neighbour's address that lies between ours is never covered, however many prefixes that costs. Pure
//! arithmetic; what the prefixes are for is decided elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regent_common::Family;

use super::ladder::family_of;
use crate::net::routes::Prefix;

/// Covers those of `addresses` that are of `family`, in their numerical order. An address may be named twice.
pub fn cover(family: Family, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<Prefix> {
    let own = addresses.into_iter().filter(|address| family_of(*address) == family);
    let mut numbers: Vec<u128> = own.map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut prefixes = Vec::new();
    let mut rest = &numbers[..];
    while let Some(first) = rest.first() {
        let next = rest
            .iter()
            .zip(*first..=u128::MAX)
            .take_while(|(number, expected)| **number == *expected)
            .count();
        cover_run(family, *first, next as u128, &mut prefixes);
        rest = rest.get(next..).unwrap_or_default();
    }
    prefixes
}

/// Whether `prefix` holds nothing but addresses that `cover` covers. `cover` is what [`cover`] returned.
pub fn holds(cover: &[Prefix], prefix: Prefix) -> bool {
    // The block that begins last, not after the prefix: a smaller one could not hold it, and blocks do not overlap.
    let at = cover.partition_point(|block| block.address <= prefix.address);
    let Some(block) = at.checked_sub(1).and_then(|at| cover.get(at)) else { return false };
    let family = family_of(block.address);
    let host_bits = u32::from(width(family)).saturating_sub(u32::from(block.length));
    family == family_of(prefix.address)
        && block.length <= prefix.length
        && number(block.address).checked_shr(host_bits) == number(prefix.address).checked_shr(host_bits)
}

/// Covers `count` addresses in a row: from their beginning on, always the largest block that begins there and goes no
/// further than they do.
fn cover_run(family: Family, first: u128, count: u128, prefixes: &mut Vec<Prefix>) {
    let (mut first, mut left) = (first, count);
    while left > 0 {
        // Less than the width of the family: nobody has that many addresses.
        let host_bits = first.trailing_zeros().min(left.ilog2());
        let length = u32::from(width(family)).saturating_sub(host_bits) as u8;
        prefixes.push(Prefix { address: address(family, first), length });
        left -= 1 << host_bits;
        first = first.wrapping_add(1 << host_bits);
    }
}

const fn width(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(family: Family, number: u128) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::from_bits(number as u32).into(),
        Family::Ipv6 => Ipv6Addr::from_bits(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn covered(family: Family, addresses: &[&str]) -> Vec<String> {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        let prefixes = cover(family, addresses);
        prefixes.iter().map(|prefix| format!("{}/{}", prefix.address, prefix.length)).collect()
    }

    #[test]
    fn a_whole_network_is_one_prefix_and_part_of_one_is_the_blocks_in_it() {
        let network: Vec<String> = (0..=255).map(|last| format!("10.0.1.{last}")).collect();
        let all: Vec<&str> = network.iter().map(String::as_str).collect();
        assert_eq!(covered(Family::Ipv4, &all), ["10.0.1.0/24"]);
        assert_eq!(
            covered(Family::Ipv4, &all[1..7]),
            ["10.0.1.1/32", "10.0.1.2/31", "10.0.1.4/31", "10.0.1.6/32"]
        );
        assert_eq!(covered(Family::Ipv4, &[]), [""; 0]);
    }

    #[test]
    fn addresses_that_are_neighbours_but_not_of_one_block_stay_apart() {
        assert_eq!(covered(Family::Ipv4, &["10.0.0.3", "10.0.0.4"]), ["10.0.0.3/32", "10.0.0.4/32"]);
        assert_eq!(covered(Family::Ipv6, &["fd00::5", "fd00::4", "fd00::4"]), ["fd00::4/127"]);
    }

    #[test]
    fn the_last_address_of_a_family_has_no_successor() {
        assert_eq!(covered(Family::Ipv4, &["255.255.255.254", "255.255.255.255"]), ["255.255.255.254/31"]);
        let last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        assert_eq!(covered(Family::Ipv6, &[last, "::"]), ["::/128".to_owned(), format!("{last}/128")]);
    }

    #[test]
    fn the_other_family_is_passed_over() {
        assert_eq!(covered(Family::Ipv4, &["fd00::4", "10.0.0.4"]), ["10.0.0.4/32"]);
        assert_eq!(covered(Family::Ipv6, &["fd00::4", "10.0.0.4"]), ["fd00::4/128"]);
    }

    /// A small world for brute force: 64 addresses in which every prefix can be tried.
    const WORLD: u8 = 64;

    fn in_world(family: Family, last: u8) -> IpAddr {
        match family {
            Family::Ipv4 => Ipv4Addr::new(10, 0, 0, last).into(),
            Family::Ipv6 => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into(),
        }
    }

    /// First and number of the addresses of the block of `size` that begins at `first`.
    fn blocks() -> impl Iterator<Item = (u8, u8)> {
        let sizes = (0..=6).map(|bits| 1 << bits);
        sizes.flat_map(|size| (0..WORLD / size).map(move |nth| (nth * size, size)))
    }

    /// The largest blocks that lie in `own`: exactly those that lie in no larger one. No cover has fewer, since each
    /// address needs a block, and none that holds it is larger than this one.
    fn brute_force(own: &BTreeSet<u8>) -> BTreeSet<(u8, u8)> {
        let inside: Vec<(u8, u8)> =
            blocks().filter(|(first, size)| (*first..first + size).all(|last| own.contains(&last))).collect();
        let in_larger = |(first, size): &(u8, u8)| {
            inside.iter().any(|(other, larger)| larger > size && (*other..other + larger).contains(first))
        };
        inside.iter().filter(|block| !in_larger(block)).copied().collect()
    }

    proptest! {
        #[test]
        fn a_cover_is_what_brute_force_finds(own in proptest::collection::btree_set(0..WORLD, 0..=64), v6: bool) {
            let family = if v6 { Family::Ipv6 } else { Family::Ipv4 };
            let prefixes = cover(family, own.iter().rev().map(|last| in_world(family, *last)));
            let found: Vec<(u8, u8)> = prefixes
                .iter()
                .map(|prefix| (number(prefix.address) as u8, 1 << (width(family) - prefix.length)))
                .collect();
            prop_assert!(found.is_sorted());
            prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), brute_force(&own));
        }

        #[test]
        fn a_cover_holds_a_prefix_when_all_its_addresses_are_covered(
            own in proptest::collection::btree_set(0..WORLD, 0..=64),
        ) {
            let prefixes = cover(Family::Ipv4, own.iter().map(|last| in_world(Family::Ipv4, *last)));
            for (first, size) in blocks() {
                let prefix = Prefix {
                    address: in_world(Family::Ipv4, first),
                    length: 32 - size.ilog2() as u8,
                };
                let inside = (first..first + size).all(|last| own.contains(&last));
                prop_assert_eq!(holds(&prefixes, prefix), inside, "{:?}", prefix);
            }
        }
    }
}
