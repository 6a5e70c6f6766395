//! Any text is read as a config: in bounded time, with no panic, and so that it prints back byte for byte.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use regent_agent::config::{self, Given};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    let given = Given { config_id: Some("lb1".to_owned()), ..Given::default() };
    let loaded = config::parse_with("fuzz", text, &given);
    assert_eq!(loaded.print(), text);
    assert_eq!(loaded.lines().count(), loaded.diagnostics.len());
    // Every place that is named lies in a text, and can be shown.
    loaded.render(false);
    for label in loaded.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(loaded.sources.get(label.span.source).is_some_and(|source| {
            label.span.start <= label.span.end && label.span.end as usize <= source.text.len()
        }));
    }
    Corpus::Keep
});
