//! What is wrong with a config: codes, severities, labelled places, and the bounded list of them.
//!
//! Renders nothing: that is `render`.

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

    /// `file:line:column: error[RG0201]: message: remark; help`, for logs.
    pub fn line(&self, sources: &Sources) -> String {
        let place = self.span().map_or_else(String::new, |span| {
            let position = sources.position(span);
            format!("{}:{}:{}: ", sources.name(span), position.line, position.column)
        });
        let remark = self.labels.first().filter(|label| !label.text.is_empty());
        let remark = remark.map_or_else(String::new, |label| format!(": {}", label.text));
        let help: String = self.help.iter().map(|help| format!("; {help}")).collect();
        format!("{place}{}[{}]: {}{remark}{help}", self.severity.word(), self.code, self.message)
    }
}

/// Diagnostics kept; more are only counted, so that a file of rubbish costs bounded memory and a readable answer.
const MAX_KEPT: usize = 500;

/// A bounded list of diagnostics.
#[derive(Clone, Debug, Default)]
pub(super) struct Diagnostics {
    kept: Vec<Diagnostic>,
    dropped: usize,
    dropped_errors: usize,
}

impl Diagnostics {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.kept.len() < MAX_KEPT {
            self.kept.push(diagnostic);
        } else {
            self.dropped += 1;
            self.dropped_errors += usize::from(diagnostic.severity == Severity::Error);
        }
    }

    /// What is pushed from now on is only counted: no need to look for anything more to say.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= MAX_KEPT
    }

    pub(super) fn append(&mut self, more: Self) {
        more.kept.into_iter().for_each(|diagnostic| self.push(diagnostic));
        self.dropped += more.dropped;
        self.dropped_errors += more.dropped_errors;
    }

    /// Sorted by place, those about the whole config first; the last says how many were dropped.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let mut list = self.kept;
        list.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.source, span.start)));
        if self.dropped > 0 {
            let severity = if self.dropped_errors > 0 { Severity::Error } else { Severity::Warning };
            let message = format!("{} more problems were found and are not shown", self.dropped);
            list.push(
                Diagnostic::new(severity, code::TOO_MANY, message)
                    .help("mend the first ones and check again"),
            );
        }
        list
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
        INCLUDE_NOTHING = "RG0101", "an include matches no file";
        INCLUDE_UNREADABLE = "RG0102", "an included file cannot be read";
        INCLUDE_CYCLE = "RG0103", "a file includes itself";
        INCLUDE_LIMIT = "RG0104", "the config is too large";
        INCLUDE_NO_FILES = "RG0105", "an include in a text that is not a file";
        VARIABLE = "RG0106", "variables are not supported yet";
        SEQUENCE = "RG0107", "sequences are not supported yet";
        CONDITION = "RG0108", "conditional lines are not supported yet";
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
        NO_SUCH_FILE = "RG0311", "a program does not exist on this host";
        NOT_A_PATH = "RG0312", "a path from the root directory is expected";
        EMPTY = "RG0313", "a name is empty";
        UNKNOWN_OPTION = "RG0314", "a word of a line that is not known there";
        UMASK = "RG0315", "a umask that cannot be read";
        PROCESS_NAME_CUT = "RG0316", "a process name is longer than fifteen bytes";
        NAME_UNUSABLE = "RG0317", "a name that the kernel could not take";
        OLD_WORD = "RG0318", "an old form of a word or line";
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
        SCRIPT_UNUSED = "RG0418", "a script that no instance tracks";
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
        NAMESPACE = "RG0450", "instances that belong into another network namespace";
        MINIMAL_GARP = "RG0451", "what `vrrp_min_garp` leaves as it is";
        FILE_WEIGHT = "RG0452", "a weight of a file that means Fault";
    }
}
