//! The times behind the verdicts, one line of JSON each, for whoever asks for them.

use std::{fs::File, io::Write, time::Duration};

/// Names the file that lines are added to.
pub const VARIABLE: &str = "REGENT_MATRIX_FIGURES";

/// Notes that `what` took that long in that cell, and how long it might have taken at most. What cannot be written is
/// lost: the verdicts do not depend on it.
pub fn note(cell: &str, what: &str, took: Duration, bound: Duration) {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let line = format!(
        "{{\"cell\":\"{cell}\",\"what\":\"{what}\",\"took_us\":{},\"bound_us\":{}}}\n",
        took.as_micros(),
        bound.as_micros()
    );
    if let Ok(mut file) = File::options().create(true).append(true).open(path) {
        file.write_all(line.as_bytes()).ok();
    }
}
