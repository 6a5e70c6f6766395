//! `track_file`.

use std::path::PathBuf;

use serde::Serialize;

/// A file whose number priorities depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackFilePlan {
    /// Name of the block.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The number is multiplied by this where a tracker has no weight of its own; the product is added to the priority,
    /// and means Fault from −254 down. 0: any number but 0 means Fault.
    pub weight: i32,
    /// The sign is turned round.
    pub reverse: bool,
    /// `init_file`.
    pub initial: Option<InitialValue>,
}

/// What a file holds at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct InitialValue {
    /// The number.
    pub value: i64,
    /// Also when the file is there.
    pub overwrites: bool,
}

/// A file, process or BFD session that something depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tracked {
    /// Name of its block.
    pub name: String,
    /// As the block has it, unless the tracker says its own.
    pub weight: i32,
    /// The sign applies to the other case.
    pub reverse: bool,
}
