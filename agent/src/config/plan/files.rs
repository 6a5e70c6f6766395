//! Files that are read or written, and when they are read again.

use std::path::PathBuf;

use serde::Serialize;

/// Reloads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReloadPlan {
    /// `reload_check_config`: a config is checked before it counts.
    pub check: bool,
    /// Where what is wrong with it is written.
    pub check_log: Option<PathBuf>,
    /// `reload_time_file`: says when.
    pub time_file: Option<PathBuf>,
    /// `reload_repeat`: and again every day.
    pub repeat: bool,
    /// `reload_file`: is there while the config is read.
    pub marker: Option<ReloadMarker>,
}

/// A file that is there while the config is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReloadMarker {
    /// `keepalived.reload` beside the pid files.
    Default,
    /// This one.
    At(PathBuf),
}

/// Files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FilesPlan {
    /// `include_check`: in the order of the config.
    pub include_checks: Vec<IncludeCheck>,
    /// `random_seed`.
    pub random_seed: Option<u32>,
    /// `umask`: nine bits; absent: 0177.
    pub umask: Option<u16>,
    /// `config_save_dir`.
    pub config_save_directory: Option<PathBuf>,
    /// `tmp_config_directory`.
    pub temporary_directory: Option<PathBuf>,
    /// `data_use_instance`.
    pub data_use_instance: bool,
    /// `state_dump_file`; one that ends in `/` is a directory.
    pub state_dump: Option<PathBuf>,
    /// `stats_dump_file`.
    pub stats_dump: Option<PathBuf>,
    /// `json_dump_file`.
    pub json_dump: Option<PathBuf>,
    /// `json_version`: 1 or 2; absent: 1.
    pub json_version: Option<u8>,
    /// `iproute_usr_dir`.
    pub iproute_usr: Option<PathBuf>,
    /// `iproute_etc_dir`.
    pub iproute_etc: Option<PathBuf>,
}

/// Which includes are an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IncludeCheck {
    /// From here on, or not any more.
    pub on: bool,
    /// Which.
    pub kind: IncludeCheckKind,
}

/// A kind of include that is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IncludeCheckKind {
    /// All kinds.
    All,
    /// A match that is no readable file.
    Readable,
    /// No file matches, without wildcards.
    Match,
    /// No file matches.
    WildcardMatch,
    /// A part in braces matches no file.
    BraceMatch,
}

/// Interfaces that `use_vmac` makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VmacPlan {
    /// `vmac_prefix`; absent: `vrrp`.
    pub prefix: Option<String>,
    /// `vmac_addr_prefix`; absent: as `prefix`.
    pub address_prefix: Option<String>,
}
