//! What is wrong with a config: codes, severities, labelled places; the bounded list of them is in `list`.
//!
//! Renders nothing: that is `render`. What a code is about, at length, is in [`explanations`].

pub mod explanations;
mod list;
mod sentence;

use std::collections::BTreeSet;

use self::sentence::masked;
pub(super) use list::Diagnostics;

use super::source::{Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something is ignored or changed, and the result is still what was probably meant.
    Warning,
    /// Something cannot be done as it was asked for.
    Error,
}

impl Severity {
    /// `error`, `warning`, `note`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The remark; may be empty.
    pub text: String,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `RG0201`: stable, one per kind of trouble; [`code::ALL`] lists them.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where: the first is the place itself, the others belong to the story. Empty when it is about the whole config.
    pub labels: Vec<Label>,
    /// What to do about it, or what happens now.
    pub help: Vec<String>,
}

impl Diagnostic {
    pub(super) fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity, message: message.into(), labels: Vec::new(), help: Vec::new() }
    }

    pub(super) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    pub(super) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    pub(super) fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// The place itself.
    pub(super) fn primary(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.insert(0, Label { span, text: text.into() });
        self
    }

    /// A place that belongs to the story.
    pub(super) fn secondary(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// What to do, or what happens now. An empty sentence is left out.
    pub(super) fn help(mut self, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        if !sentence.is_empty() {
            self.help.push(sentence);
        }
        self
    }

    /// The place itself.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }

    /// The remark on the place itself.
    pub fn remark(&self) -> Option<&str> {
        self.labels.first().map(|label| label.text.as_str()).filter(|text| !text.is_empty())
    }

    /// It all in one text, without the place: `message: remark; help`.
    pub fn sentence(&self) -> String {
        let remark = self.remark().map_or_else(String::new, |remark| format!(": {remark}"));
        let help: String = self.help.iter().map(|help| format!("; {help}")).collect();
        format!("{}{remark}{help}", self.message)
    }

    /// With every place in a file.
    fn in_files(mut self, sources: &Sources) -> Self {
        let mut stories: Vec<Label> = Vec::new();
        for label in &mut self.labels {
            let Some(places) = sources.places(label.span) else { continue };
            label.span = places.primary;
            stories.extend(places.notes.into_iter().map(|(span, text)| Label { span, text }));
        }
        for story in stories {
            if self.labels.iter().all(|label| label.span != story.span) {
                self.labels.push(story);
            }
        }
        self
    }

    /// Without the passwords that it is about: what quotes a word of the config may quote one.
    fn without_secrets(mut self, sources: &Sources) -> Self {
        let hidden = self.labels.iter().flat_map(|label| sources.secrets(label.span));
        let secrets: BTreeSet<&str> = hidden.map(|secret| sources.text(secret).trim_matches('"')).collect();
        if !secrets.is_empty() {
            let texts = std::iter::once(&mut self.message)
                .chain(self.labels.iter_mut().map(|label| &mut label.text))
                .chain(&mut self.help);
            texts.for_each(|text| *text = masked(text, &secrets));
        }
        self
    }

    /// `file:line:column: error[RG0201]: message: remark; help`, for logs.
    pub fn line(&self, sources: &Sources) -> String {
        let place = self.span().map_or_else(String::new, |span| {
            let position = sources.position(span);
            format!("{}:{}:{}: ", sources.name(span), position.line, position.column)
        });
        format!("{place}{}[{}]: {}", self.severity.word(), self.code, self.sentence())
    }
}

/// The codes.
pub mod code {
    macro_rules! codes {
        ($($name:ident = $code:literal, $meaning:literal;)*) => {
            $(#[doc = $meaning] pub const $name: &str = $code;)*
            /// Every code with its meaning, in order.
            pub const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
        };
    }

    codes! {
        TOO_MANY = "RG0000", "more problems than are shown";
        UNTERMINATED_QUOTE = "RG0001", "a quoted string is not closed on its line";
        UNCLOSED_BLOCK = "RG0002", "a block has no closing brace";
        STRAY_BRACE = "RG0003", "a closing brace closes nothing";
        NESTED_TOO_DEEP = "RG0004", "blocks are nested too deep";
        GLUED_COMMENT = "RG0005", "a comment starts in the middle of a word";
        BLOCK_WITHOUT_NAME = "RG0006", "a block follows no word";
        LONG_LINE = "RG0007", "a line is longer than keepalived reads";
        CONTINUED_LINE = "RG0008", "a line is continued, as keepalived would not";
        NUL_BYTE = "RG0009", "a file holds NUL bytes";
        TEMPLATE = "RG0010", "a placeholder of a template stands where a value should";
        QUOTE_WITHIN = "RG0011", "a value holds a double quote";
        INCLUDE_NOTHING = "RG0101", "an include matches no file";
        INCLUDE_UNREADABLE = "RG0102", "a file of the config cannot be read";
        INCLUDE_CYCLE = "RG0103", "a file includes itself";
        INCLUDE_LIMIT = "RG0104", "the config is too large";
        INCLUDE_NO_FILES = "RG0105", "an include in a text that is not a file";
        UNDEFINED = "RG0106", "a variable is not defined";
        SEQUENCE = "RG0107", "a sequence cannot be read";
        CONDITION = "RG0108", "a condition has no line";
        SELF_REFERENCE = "RG0109", "a variable holds itself";
        NOT_REPLACED = "RG0110", "a variable is not replaced, because of what follows it";
        TEXT_AFTER_LINES = "RG0111", "text follows a variable that stands for several lines";
        EXPANSION_LIMIT = "RG0112", "variables and sequences make the config too large";
        EXPANSION_DEPTH = "RG0113", "variables, sequences and includes are nested too deep";
        DEFINITION_ENDS = "RG0114", "an empty line ends a definition that was to go on";
        BUILTIN = "RG0115", "a built-in variable has no value";
        EXECUTABLE = "RG0116", "an included file is executable, and keepalived would skip it";
        UNKNOWN_WORD = "RG0201", "a word that is not known";
        NOT_SUPPORTED_YET = "RG0202", "a word of keepalived's that has no effect here yet";
        WRONG_BLOCK = "RG0203", "a word that belongs in another block";
        MISSING_VALUE = "RG0204", "a word lacks its value";
        EXTRA_WORDS = "RG0205", "words are left over at the end of a line";
        BLOCK_EXPECTED = "RG0206", "a word lacks its block";
        BLOCK_UNEXPECTED = "RG0207", "a word takes no block";
        REPEATED = "RG0208", "a word is said twice";
        WITHOUT_EFFECT = "RG0209", "a word that has no effect here, and of which nothing is missing";
        REFUSED = "RG0210", "a word that cannot be used here";
        NOT_A_NUMBER = "RG0301", "a number is expected";
        OUT_OF_RANGE = "RG0302", "a number is out of range";
        NOT_A_CHOICE = "RG0303", "one of a few words is expected";
        NOT_AN_ADDRESS = "RG0304", "an address is expected";
        BAD_COMMAND = "RG0305", "a command cannot be read";
        PASSWORD_CUT = "RG0306", "a password is longer than eight bytes";
        LABEL_TOO_LONG = "RG0307", "an address label is longer than fifteen bytes";
        NAME_TOO_LONG = "RG0308", "an interface name is longer than fifteen bytes";
        ROUNDED = "RG0309", "an interval does not fit the version and is rounded";
        TAKEN_AS_USER = "RG0310", "a word after a command is the user to run it as";
        NO_SUCH_FILE = "RG0311", "a program or a file does not exist on this host";
        NOT_A_PATH = "RG0312", "a path from the root directory is expected";
        EMPTY = "RG0313", "a name is empty";
        UNKNOWN_OPTION = "RG0314", "a word of a line that is not known there";
        UMASK = "RG0315", "a umask that cannot be read";
        PROCESS_NAME_CUT = "RG0316", "a process name is longer than fifteen bytes";
        NAME_UNUSABLE = "RG0317", "a name that the kernel could not take";
        OLD_WORD = "RG0318", "an old form of a word or line";
        UNKNOWN_NAME = "RG0320", "a name that stands for no number here";
        ROUTE = "RG0321", "a route that cannot be set";
        RULE = "RG0322", "a rule of policy routing that cannot be set";
        HOST_BITS = "RG0323", "an address where a network is expected";
        PEER = "RG0324", "an address and its peer";
        NOT_A_MAC = "RG0325", "the MAC address of a host is expected";
        BAD_KEY = "RG0326", "a key that cannot be used";
        NOT_A_SERVICE = "RG0330", "a virtual server needs an address, a fwmark or a group";
        FORWARDING = "RG0331", "a forwarding method cannot be read";
        NOT_HEX = "RG0332", "hexadecimal digits are expected";
        ADDRESS_RANGE = "RG0333", "a range of addresses cannot be read";
        GRANULARITY = "RG0334", "a netmask is expected";
        NOT_A_STATUS = "RG0335", "a status code or a range of them is expected";
        NOT_A_NAME = "RG0336", "a DNS name is expected";
        INSTANCE_INCOMPLETE = "RG0401", "an instance lacks what it cannot run without";
        DUPLICATE_NAME = "RG0402", "two blocks have one name";
        DUPLICATE_VRID = "RG0403", "two instances hold one VRID on one interface";
        DUPLICATE_ADDRESS = "RG0404", "an address is named twice";
        WRONG_FAMILY = "RG0405", "an address of the other family";
        TOO_MANY_ADDRESSES = "RG0406", "more addresses than fit an advert";
        NO_ADDRESS = "RG0407", "an instance without virtual addresses";
        UNKNOWN_SCRIPT = "RG0408", "a tracked script that does not exist";
        DUPLICATE_TRACKER = "RG0409", "a tracker is named twice";
        OWNER_WEIGHT = "RG0410", "priority 255 never changes";
        STATE_MASTER = "RG0411", "what `state MASTER` changes";
        PREEMPTION = "RG0412", "words about preemption that exclude each other";
        AUTHENTICATION = "RG0413", "authentication that cannot be used";
        VERSION_FORCED = "RG0414", "the version follows from the addresses";
        INSTANCE_DAMAGED = "RG0415", "an instance that cannot be read whole";
        SCRIPT_INCOMPLETE = "RG0416", "a script block without a command";
        DEFAULT_INTERFACE = "RG0417", "an instance takes the default interface";
        SCRIPT_UNUSED = "RG0418", "a script, file or process that nothing tracks";
        NOT_LINK_LOCAL = "RG0419", "the first IPv6 address is not link-local";
        STRICT = "RG0420", "what strict mode changes";
        VERSION_2_IPV6 = "RG0421", "version 2 over IPv6";
        UNICAST_PEER = "RG0422", "a unicast peer that cannot be used";
        NO_UNICAST_PEER = "RG0423", "a unicast word without unicast peers";
        SOURCE = "RG0424", "where adverts come from";
        MULTICAST_GROUP = "RG0425", "a multicast group that does not fit";
        CHECKSUM = "RG0426", "a form of checksum that cannot be used";
        OWNER_ACCEPTS = "RG0427", "priority 255 always accepts";
        GARP_GROUP = "RG0428", "a group of interfaces that sets no pace";
        GATE = "RG0429", "a gate that shuts too late or too soon";
        WEIGHT_WITHOUT_EFFECT = "RG0430", "a weight that cannot change anything";
        WEIGHT_CUT = "RG0431", "weights that lead beyond the range of priorities";
        TRACKS_OWN_INTERFACE = "RG0432", "an instance tracks its own interface";
        SMALL_WEIGHT = "RG0433", "weights that move the addresses to few other routers";
        SAYS_NOTHING = "RG0440", "a word that says nothing without another";
        FIFO = "RG0441", "pipes that cannot be told apart";
        UNKNOWN_INSTANCE = "RG0442", "an instance that does not exist";
        SYNC_GROUP = "RG0443", "a sync group whose members cannot move together";
        SYNC_WEIGHT = "RG0444", "a weight that would set members of a sync group apart";
        TRACKED_BY_GROUP = "RG0445", "what an instance and its sync group both track";
        UNKNOWN_TRACKED = "RG0446", "a tracked file or process that does not exist";
        TRACK_FILE = "RG0447", "a track_file that cannot be used";
        TRACK_PROCESS = "RG0448", "a vrrp_track_process that cannot be used";
        SLOW_SCRIPT = "RG0449", "a script that may take longer than its interval";
        NAMESPACE = "RG0450", "a network namespace that this host does not have";
        MINIMAL_GARP = "RG0451", "what `vrrp_min_garp` leaves as it is";
        FILE_WEIGHT = "RG0452", "a weight of a file that means Fault";
        NO_PREFERENCE = "RG0460", "a rule of policy routing says no preference";
        TRACK_GROUP = "RG0461", "a track group that tracks nothing, or does not exist";
        STATIC_ADDRESS = "RG0462", "a static address that cannot stay as it is";
        DUPLICATE_ROUTE = "RG0463", "a route or rule is named twice";
        OWN_INTERFACE = "RG0464", "words about an interface of its own that do not go together";
        HMAC = "RG0465", "signed adverts that cannot be used";
        LATE_GLOBALS = "RG0466", "a global default that stands behind instances";
        SERVER_PROTOCOL = "RG0480", "a virtual server does not say its protocol, or says one that does not count";
        SERVER_DEFAULT = "RG0481", "a virtual server does not say how it balances";
        SERVER_DAMAGED = "RG0482", "a virtual server that cannot be read whole";
        SERVER_FAMILY = "RG0483", "a server of the other family";
        SERVER_PORT = "RG0484", "ports that do not go together";
        DUPLICATE_SERVER = "RG0485", "a server is named twice";
        SERVER_GROUP = "RG0486", "a group of virtual servers that is unknown, unused or empty";
        QUORUM = "RG0487", "a quorum that can never be reached, or never be lost";
        NO_REAL_SERVER = "RG0488", "a virtual server without real servers";
        SERVER_FLAG = "RG0489", "a word that does not fit the service or its scheduler";
        SORRY_SERVER = "RG0490", "a word about a sorry server without one";
        CHECK_INCOMPLETE = "RG0491", "a check lacks what it cannot run without";
        UNKNOWN_SESSION = "RG0492", "a BFD session that does not exist, or is not for who names it";
        CHECK_CONNECTION = "RG0493", "addresses of a check that do not go together";
        CHECK_USELESS = "RG0494", "a word of a check that changes nothing, or lets it always fail";
        THRESHOLD = "RG0495", "connection limits that do not go together";
        BFD_INCOMPLETE = "RG0496", "a BFD session that cannot be run";
        BFD_TIMES = "RG0497", "numbers of a BFD session that do not go together";
        SSL_INCOMPLETE = "RG0498", "a certificate without its key, or SSL said twice";
        UNSEEN = "RG0500", "something of this host could not be looked at";
        NO_INTERFACE = "RG0501", "an interface that this host does not have";
        INTERFACE_DOWN = "RG0502", "an interface that is switched off or has no carrier";
        INTERFACE_UNFIT = "RG0503", "an interface that adverts cannot use";
        ADVERT_TOO_LARGE = "RG0504", "adverts that are larger than the MTU of their interface";
        FOREIGN_NETWORK = "RG0505", "a virtual address outside the networks of its interface";
        ADDRESS_TAKEN = "RG0506", "a virtual address that this host has already";
        NO_SOURCE = "RG0507", "adverts have no address to come from";
        OWN_PEER = "RG0508", "a unicast peer that is this host";
        NO_USER = "RG0509", "a user or group that this host does not have";
        NOT_EXECUTABLE = "RG0510", "a program that cannot be run";
        INSECURE_PROGRAM = "RG0511", "a program that others than its user could change";
        READABLE_CONFIG = "RG0512", "a config with passwords that everybody can read";
        WRITABLE_CONFIG = "RG0513", "a config that others could change";
        FIREWALL = "RG0514", "a firewall that drops adverts";
        IPV6_OFF = "RG0515", "IPv6 is switched off where it is needed";
        PAIR_MISSING = "RG0550", "a group that one side of a pair does not have";
        PAIR_VRID = "RG0551", "one group under two VRIDs";
        PAIR_VERSION = "RG0552", "two versions in one group";
        PAIR_AUTHENTICATION = "RG0553", "authentication that differs within a group";
        PAIR_INTERVAL = "RG0554", "two intervals in one group";
        PAIR_ADDRESSES = "RG0555", "virtual addresses that differ within a group";
        PAIR_ORDER = "RG0556", "virtual addresses in another order";
        PAIR_EXCLUDED = "RG0557", "excluded addresses that differ within a group";
        PAIR_PRIORITY = "RG0558", "priorities of a pair that decide nothing";
        PAIR_STATE = "RG0559", "both sides of a pair say `state MASTER`";
        PAIR_PREEMPTION = "RG0560", "`nopreempt` on the side where it has no effect";
        PAIR_TRANSPORT = "RG0561", "two ways of adverts in one group";
        PAIR_PEERS = "RG0562", "unicast peers that do not name each other";
        PAIR_CHECKSUM = "RG0563", "two forms of checksum in one group";
        PAIR_DOWN_TIMER = "RG0564", "two patiences in one group";
        PAIR_WEIGHT = "RG0565", "weights that cannot move the addresses to the other side";
        PAIR_ROUTING = "RG0566", "virtual routes or rules that differ within a group";
        PAIR_SYNC = "RG0567", "sync groups that differ between the two sides";
        PAIR_TRACKING = "RG0568", "what one side tracks and the other does not";
        PAIR_ACCEPT = "RG0569", "addresses that take packets on one side alone";
        PAIR_MAC = "RG0570", "two MACs for the addresses of one group";
        PAIR_ANNOUNCEMENTS = "RG0571", "announcements that differ within a group";
    }
}
