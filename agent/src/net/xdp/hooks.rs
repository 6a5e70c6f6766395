//! The programs on the hooks of ports: putting them there, taking them off, and taking over what a predecessor has there.
//!
//! Owns every link of this agent. XDP is one rung of the runtime's ladder and comes and goes with it; the tcx programs
//! stand beside it as long as the port is ours. With pins each link also has a name that outlives the process.
//!
//! All of this but [`Program::links`], [`Program::hooks`] and [`Program::handle`] waits for the kernel's lock for interfaces.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use aya::{Ebpf, maps::IterableMap, programs::SchedClassifier};
use regent_common::map;

use super::{
    AttachError, Entry, LoadError, Mode, Pins, Program, TakeOverError,
    link::{Handle, Hook, InheritedLink, Link, Place},
};

/// The programs of the tcx hooks, in the order in which they are put on: what keeps us silent comes first.
const TC: [Hook; 2] = [Hook::Egress, Hook::Ingress];

impl Program {
    /// Puts the XDP program on a port. A port that has it already, in whatever mode, is left first.
    ///
    /// # Errors
    /// Tells another program on the port, which is left alone, from a driver that does not take this one.
    pub fn attach(&mut self, ifindex: u32, mode: Mode) -> Result<(), AttachError> {
        if let Some((hook, handle)) = self.take_link(ifindex, Place::Xdp) {
            self.leave(ifindex, hook, handle);
        }
        self.put_on(ifindex, Hook::Xdp(mode))
    }

    /// Puts the tcx programs on both hooks of a port, where they are not there already. Programs of others stay in line
    /// behind them.
    ///
    /// # Errors
    /// When there are none ([`Self::tc_trouble`]), or the kernel refuses one; the other is there then nevertheless.
    pub fn attach_tc(&mut self, ifindex: u32) -> Result<(), AttachError> {
        if let Some(reason) = &self.tc_trouble {
            return Err(AttachError::NoTc { ifindex, reason: reason.clone() });
        }
        let mut result = Ok(());
        for hook in TC {
            let there = self.link_at(ifindex, hook.place()).is_some_and(|(_, handle)| handle.is_on(ifindex));
            if !there {
                if let Some((hook, handle)) = self.take_link(ifindex, hook.place()) {
                    self.leave(ifindex, hook, handle);
                }
                result = result.and(self.put_on(ifindex, hook));
            }
        }
        result
    }

    /// Why nothing can be put on tcx hooks: no such programs in this build, a verifier that refuses them, a kernel
    /// before 6.6. `None` when it can.
    pub fn tc_trouble(&self) -> Option<&str> {
        self.tc_trouble.as_deref()
    }

    /// Takes the programs off every hook of a port, and their pins away. Nothing happens to a port that has none of ours.
    pub fn detach(&mut self, ifindex: u32) {
        for (hook, handle) in self.links.remove(&ifindex).unwrap_or_default() {
            self.leave(ifindex, hook, handle);
        }
    }

    /// Gives the links of a port away, for a thread that may wait to detach them. Their pins are removed.
    pub fn give_away(&mut self, ifindex: u32) -> Vec<Handle> {
        let links = self.links.remove(&ifindex).unwrap_or_default();
        links
            .into_iter()
            .map(|(hook, handle)| {
                self.unpin(ifindex, hook);
                handle
            })
            .collect()
    }

    /// Takes the programs off every port, and every pin away: the end of an agent that gives up.
    pub fn detach_all(&mut self) {
        for (ifindex, links) in std::mem::take(&mut self.links) {
            for (hook, handle) in links {
                self.leave(ifindex, hook, handle);
            }
        }
        if let Some(pins) = self.pins.take()
            && let Err(error) = pins.remove()
        {
            self.pin_trouble = Some(error.to_string());
        }
    }

    /// Another handle to the XDP link of a port, for a thread that may wait.
    pub fn handle(&self, ifindex: u32) -> Option<Handle> {
        self.link_at(ifindex, Place::Xdp).map(|(_, handle)| handle.clone())
    }

    /// Other handles to the tcx links of a port, for a thread that may wait.
    pub fn tc_handles(&self, ifindex: u32) -> Vec<Handle> {
        let links = self.links.get(&ifindex).into_iter().flatten();
        links.filter(|(hook, _)| hook.place() != Place::Xdp).map(|(_, handle)| handle.clone()).collect()
    }

    /// Gives the XDP link of a port away, for a thread that may wait to drop. Its pin is removed.
    pub fn forget(&mut self, ifindex: u32) -> Option<Handle> {
        let (hook, handle) = self.take_link(ifindex, Place::Xdp)?;
        self.unpin(ifindex, hook);
        Some(handle)
    }

    /// Whether the kernel still has the XDP program on this port: false once the interface was deleted, moved away or
    /// the link was broken from outside. One system call.
    pub fn is_attached(&self, ifindex: u32) -> bool {
        self.link_at(ifindex, Place::Xdp).is_some_and(|(_, handle)| handle.is_on(ifindex))
    }

    /// In which mode the XDP program is on a port, as far as is known without asking.
    pub fn mode(&self, ifindex: u32) -> Option<Mode> {
        self.hooks(ifindex).find_map(|hook| match hook {
            Hook::Xdp(mode) => Some(mode),
            Hook::Ingress | Hook::Egress => None,
        })
    }

    /// Which hooks of a port have a program of ours, as far as is known without asking.
    pub fn hooks(&self, ifindex: u32) -> impl Iterator<Item = Hook> {
        self.links.get(&ifindex).into_iter().flatten().map(|(hook, _)| *hook)
    }

    /// Every link, for a successor: what [`Self::take_over`] takes there.
    pub fn links(&self) -> Vec<(Hook, u32, BorrowedFd<'_>)> {
        self.all_links().map(|(hook, ifindex, handle)| (hook, ifindex, handle.as_fd())).collect()
    }

    /// Makes links of a predecessor ours: our programs take the places of its programs, and no packet falls between. What
    /// our maps say counts from then on, so fill them before: a port without groups and addresses passes everything.
    ///
    /// A link that cannot be updated is detached, since nothing could be attached in its place; whoever wants the port then
    /// attaches anew. These are returned, with the reason of each. Links of ports that are gone are closed without a word.
    pub fn take_over(&mut self, links: Vec<InheritedLink>) -> Vec<TakeOverError> {
        let mut failed = Vec::new();
        for InheritedLink { hook, ifindex, fd } in links {
            let link = Link::from(fd);
            let ours = self.link_at(ifindex, hook.place()).map(|(_, ours)| ours);
            match update(&link, hook, ifindex, ours, self.program_fd(hook).ok_or_else(|| self.unloaded())) {
                Ok(Taken::Updated) => self.own(ifindex, hook, link),
                Ok(Taken::OursAlready | Taken::PortGone) => {}
                Err(source) => failed.push(TakeOverError { hook, ifindex, source }),
            }
        }
        failed
    }

    /// What takes the places of a predecessor's programs, for a thread that may wait: [`Substitutes::take_over`]. Not for
    /// ports that have links of ours already.
    pub fn substitutes(&self) -> Substitutes {
        let programs = [Hook::Xdp(Mode::Native), Hook::Ingress, Hook::Egress]
            .into_iter()
            .filter_map(|hook| Some((hook.place(), self.program_fd(hook)?.try_clone_to_owned().ok()?)));
        let tc_trouble = self.tc_trouble.clone();
        Substitutes { programs: programs.collect(), unloaded: self.unloaded().to_string(), tc_trouble }
    }

    /// Makes a link ours that [`Substitutes`] made or took over.
    pub fn keep(&mut self, ifindex: u32, hook: Hook, link: Link) {
        self.own(ifindex, hook, link);
    }

    fn unloaded(&self) -> io::Error {
        io::Error::other(self.tc_trouble().unwrap_or("the program is not loaded").to_owned())
    }

    /// Keeps the links, and the maps that a successor reads, under names that outlive this process: those of now, and links
    /// that come later. Pins of a predecessor that are not ours now are removed.
    pub fn keep_in(&mut self, pins: Pins) {
        let ours =
            self.links.iter().flat_map(|(ifindex, links)| links.iter().map(|(hook, _)| (*hook, *ifindex)));
        let mut result = pins.retain(&ours.collect::<Vec<_>>());
        result = result.and(pins.pin_map(self.instances.map().fd().as_fd(), map::INSTANCES));
        result = result.and(pins.pin_map(self.gates_map.map().fd().as_fd(), map::GATES));
        for (hook, ifindex, handle) in self.all_links() {
            result = result.and(pins.pin_link(handle.link(), hook, ifindex));
        }
        self.pin_trouble = result.err().map(|error| error.to_string());
        self.pins = Some(pins);
    }

    /// Where the links have names, if they have.
    pub const fn pins(&self) -> Option<&Pins> {
        self.pins.as_ref()
    }

    /// The last thing that went wrong with a pin: a link without one goes with this process, and a pin that could not be
    /// removed keeps a program that is on no port.
    pub fn pin_trouble(&self) -> Option<&str> {
        self.pin_trouble.as_deref()
    }

    fn put_on(&mut self, ifindex: u32, hook: Hook) -> Result<(), AttachError> {
        let program = self.program_fd(hook).ok_or(AttachError::NotLoaded)?;
        let link = Link::create(program, ifindex, hook)
            .map_err(|error| AttachError::from_kernel(ifindex, hook, error))?;
        self.own(ifindex, hook, link);
        Ok(())
    }

    fn own(&mut self, ifindex: u32, hook: Hook, link: Link) {
        if let Some(pins) = &self.pins
            && let Err(error) = pins.pin_link(&link, hook, ifindex)
        {
            self.pin_trouble = Some(error.to_string());
        }
        self.links.entry(ifindex).or_default().push((hook, Handle::new(link)));
    }

    /// The program for a hook.
    fn program_fd(&self, hook: Hook) -> Option<BorrowedFd<'_>> {
        let program = self.ebpf.program(program_name(hook))?;
        program.fd().ok().map(AsFd::as_fd)
    }

    fn all_links(&self) -> impl Iterator<Item = (Hook, u32, &Handle)> {
        let links = self.links.iter();
        links.flat_map(|(ifindex, links)| links.iter().map(|(hook, handle)| (*hook, *ifindex, handle)))
    }

    fn link_at(&self, ifindex: u32, place: Place) -> Option<&(Hook, Handle)> {
        self.links.get(&ifindex)?.iter().find(|(hook, _)| hook.place() == place)
    }

    fn take_link(&mut self, ifindex: u32, place: Place) -> Option<(Hook, Handle)> {
        let links = self.links.get_mut(&ifindex)?;
        let at = links.iter().position(|(hook, _)| hook.place() == place)?;
        Some(links.swap_remove(at))
    }

    fn leave(&mut self, ifindex: u32, hook: Hook, handle: Handle) {
        self.unpin(ifindex, hook);
        // A pin until a moment ago, a predecessor or another thread may still hold it.
        handle.detach();
    }

    fn unpin(&mut self, ifindex: u32, hook: Hook) {
        if let Some(pins) = &self.pins
            && let Err(error) = pins.unpin_link(hook, ifindex)
        {
            self.pin_trouble = Some(error.to_string());
        }
    }
}

/// Our programs, for a thread that puts them in the places of a predecessor's.
#[derive(Debug)]
pub struct Substitutes {
    programs: Vec<(Place, OwnedFd)>,
    unloaded: String,
    tc_trouble: Option<String>,
}

impl Substitutes {
    /// As [`Program::attach`], on a port that has none of ours.
    ///
    /// # Errors
    /// As there.
    pub fn attach(&self, ifindex: u32, mode: Mode) -> Result<Link, AttachError> {
        self.put_on(ifindex, Hook::Xdp(mode))
    }

    /// As [`Program::attach_tc`], on a port that has none of ours: what is there now, and why that is not all.
    pub fn attach_tc(&self, ifindex: u32) -> (Vec<(Hook, Link)>, Option<AttachError>) {
        if let Some(reason) = &self.tc_trouble {
            return (Vec::new(), Some(AttachError::NoTc { ifindex, reason: reason.clone() }));
        }
        let (mut links, mut refused) = (Vec::new(), None);
        for hook in TC {
            match self.put_on(ifindex, hook) {
                Ok(link) => links.push((hook, link)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        (links, refused)
    }

    fn put_on(&self, ifindex: u32, hook: Hook) -> Result<Link, AttachError> {
        let program = self.programs.iter().find(|(place, _)| *place == hook.place());
        let (_, program) = program.ok_or(AttachError::NotLoaded)?;
        Link::create(program.as_fd(), ifindex, hook)
            .map_err(|error| AttachError::from_kernel(ifindex, hook, error))
    }

    /// As [`Program::take_over`], for one link; `None` when its port is gone. Waits for the kernel's lock for interfaces.
    ///
    /// # Errors
    /// Why it could not be taken over; it is detached then.
    pub fn take_over(&self, inherited: InheritedLink) -> Result<Option<Link>, TakeOverError> {
        let InheritedLink { hook, ifindex, fd } = inherited;
        let link = Link::from(fd);
        let program = self.programs.iter().find(|(place, _)| *place == hook.place());
        let program = program
            .map(|(_, program)| program.as_fd())
            .ok_or_else(|| io::Error::other(self.unloaded.clone()));
        match update(&link, hook, ifindex, None, program) {
            Ok(Taken::Updated) => Ok(Some(link)),
            Ok(Taken::OursAlready | Taken::PortGone) => Ok(None),
            Err(source) => Err(TakeOverError { hook, ifindex, source }),
        }
    }
}

/// Puts `program` on a predecessor's link, where we have the link `ours`, if any.
fn update(
    link: &Link,
    hook: Hook,
    ifindex: u32,
    ours: Option<&Handle>,
    program: Result<BorrowedFd<'_>, io::Error>,
) -> io::Result<Taken> {
    let attachment = link.attachment()?;
    if attachment.place != hook.place() {
        return Err(io::Error::other(format!("it is on another kind of hook: {:?}", attachment.place)));
    }
    match attachment.ifindex {
        None => return Ok(Taken::PortGone),
        Some(there) if there != ifindex => {
            return Err(io::Error::other(format!("it is on interface {there}")));
        }
        Some(_) => {}
    }
    let updated = match ours {
        Some(ours) if ours.link().attachment()?.link == attachment.link => return Ok(Taken::OursAlready),
        Some(_) => Err(io::Error::other("our program is there already, by another link")),
        None => program.and_then(|program| link.update(program)),
    };
    match updated {
        Ok(()) => Ok(Taken::Updated),
        Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => Ok(Taken::PortGone),
        Err(error) => {
            link.detach();
            Err(error)
        }
    }
}

/// What became of a predecessor's link.
enum Taken {
    /// Our program is in its place.
    Updated,
    /// The same link came twice.
    OursAlready,
    /// There is no such port any more, or the link was detached.
    PortGone,
}

/// Loads the programs of the tcx hooks, and says why nothing can be put there.
pub(super) fn load_tc(ebpf: &mut Ebpf) -> Option<String> {
    for hook in TC {
        let name = program_name(hook);
        let Some(program) = ebpf.program_mut(name) else {
            return Some(format!("this build has no program {name}"));
        };
        let Ok(program) = <&mut SchedClassifier>::try_from(program) else {
            return Some(format!("{name} is no program of tc"));
        };
        if let Err(error) = program.load() {
            return Some(format!("the kernel does not take {name}: {}", LoadError::from_verifying(error)));
        }
        let Ok(fd) = program.fd() else { return Some(format!("{name} is not loaded")) };
        // No interface has index 0: a kernel that knows the hook says so.
        match Link::create(fd.as_fd(), 0, hook) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
            Err(error) => return Some(format!("this kernel has no {hook} (Linux 6.6 has): {error}")),
            Ok(_) => return Some(format!("this kernel takes {hook} on no interface at all")),
        }
    }
    None
}

/// The program of a hook, as the object calls it.
const fn program_name(hook: Hook) -> &'static str {
    match hook {
        Hook::Xdp(Mode::Native | Mode::Generic) => Entry::Regent.name(),
        Hook::Ingress => Entry::RegentIngress.name(),
        Hook::Egress => Entry::RegentEgress.name(),
    }
}
