//! `real_server` in `virtual_server`.

use super::{RealServer, Shared, forwarding, service, shared, spanned};
use crate::config::{
    expand::Statement,
    keyword::{self, Either, RealServerTerm, ServerTerm},
    model::{
        Reader, checker, command,
        reader::{Damage, Entry},
    },
};

const NO_LIMIT: &str = "there is no limit";
const BLOCK: &str = "virtual_server/real_server";

/// A check with a slip in its name, most likely: without it the server would count as good whatever happens.
fn is_unknown_block(statement: &Statement) -> bool {
    let word = statement.words.first().filter(|_| statement.block.is_some());
    word.is_some_and(|word| keyword::keyword(BLOCK, &word.value).is_none())
}

/// `None` when its address cannot be read.
pub(super) fn read<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    damage: &mut Damage,
) -> Option<RealServer> {
    let endpoint =
        service::endpoint(reader, entry.values(), "of the real server", "this real server is left out");
    let statements = entry.statement.block.as_ref().map(|block| block.statements.as_slice());
    let mut server = RealServer {
        // What is in the block is diagnosed even where its head cannot be read.
        endpoint: endpoint.clone().unwrap_or_else(|| super::Spanned {
            value: crate::config::plan::Endpoint {
                address: std::net::Ipv4Addr::UNSPECIFIED.into(),
                port: None,
            },
            span: entry.head,
        }),
        weight: None,
        forwarding: None,
        upper_threshold: None,
        lower_threshold: None,
        notify_up: None,
        notify_down: None,
        shared: Shared::default(),
        checkers: Vec::new(),
        lost_check: statements.into_iter().flatten().any(is_unknown_block),
    };
    let entries =
        reader.entries::<Either<ServerTerm, RealServerTerm>>(BLOCK, statements.unwrap_or_default(), damage);
    for entry in entries {
        match entry.term {
            Either::Shared(term) => shared(reader, &entry, term, &mut server.shared),
            Either::Own(term) => line(reader, &entry, term, &mut server, damage),
        }
    }
    endpoint.map(|_| server)
}

fn line<T>(
    reader: &mut Reader<'_>,
    entry: &Entry<'_, T>,
    term: RealServerTerm,
    server: &mut RealServer,
    damage: &mut Damage,
) {
    let check = match term {
        RealServerTerm::Weight => {
            server.weight = spanned(reader, entry, "that of the virtual server is used");
            return;
        }
        RealServerTerm::Forwarding => {
            server.forwarding = forwarding::read(reader, entry, "that of the virtual server is used");
            return;
        }
        RealServerTerm::UpperThreshold => {
            server.upper_threshold = reader.unsigned(entry, NO_LIMIT);
            return;
        }
        RealServerTerm::LowerThreshold => {
            server.lower_threshold = spanned(reader, entry, NO_LIMIT);
            return;
        }
        RealServerTerm::NotifyUp => {
            server.notify_up = command::notify(reader, entry);
            return;
        }
        RealServerTerm::NotifyDown => {
            server.notify_down = command::notify(reader, entry);
            return;
        }
        RealServerTerm::Tcp => checker::tcp(reader, entry, damage),
        RealServerTerm::Ping => checker::ping(reader, entry, damage),
        RealServerTerm::Http => checker::http(reader, entry, damage, false),
        RealServerTerm::Ssl => checker::http(reader, entry, damage, true),
        RealServerTerm::Misc => checker::misc(reader, entry, damage),
        RealServerTerm::Smtp => checker::smtp(reader, entry, damage),
        RealServerTerm::Dns => checker::dns(reader, entry, damage),
        RealServerTerm::Udp => checker::udp(reader, entry, damage),
        RealServerTerm::Bfd => checker::bfd(reader, entry, damage),
        RealServerTerm::File => checker::file(reader, entry, damage),
    };
    server.checkers.push(check);
}
