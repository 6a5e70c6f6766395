//! Numbers for names: the well-known ones, and those of iproute2 on this host.
//!
//! A host's names are read only when a config says one that is not well-known, each kind once, and only where the file
//! system may be looked at.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::config::{file, keyword::Book};

/// Where iproute2 keeps its names; what stands in a later directory goes before.
const DIRECTORIES: [&str; 3] = ["/usr/lib/iproute2", "/usr/share/iproute2", "/etc/iproute2"];
/// Files looked at in a directory of additions; more are no names of a person's making.
const MAX_FILES: usize = 100;

/// The names that were read so far.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<Book, BTreeMap<String, u32>>);

impl Names {
    /// The number that a text says or names. `look`: the file system may be looked at.
    pub(super) fn number(&mut self, book: Book, text: &str, look: bool) -> Option<u32> {
        if let Some(number) = numeral(text) {
            return (number <= book.most()).then_some(number);
        }
        let known = book.well_known().iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
        if known.is_some() || !look {
            return known;
        }
        self.0.entry(book).or_insert_with(|| read(book)).get(text).copied()
    }

    /// Every name of a book that is known by now.
    pub(super) fn all(&self, book: Book) -> impl Iterator<Item = &str> {
        let own = self.0.get(&book).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        book.well_known().iter().map(|(name, _)| *name).chain(own)
    }
}

/// A number in decimal, in hexadecimal after 0x, in octal after 0, as keepalived and iproute2 read it.
pub(super) fn numeral(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // `from_str_radix` takes a sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// The names of this host.
fn read(book: Book) -> BTreeMap<String, u32> {
    let mut names = BTreeMap::new();
    for directory in DIRECTORIES {
        let directory = Path::new(directory);
        let mut files = additions(&directory.join(format!("{}.d", book.file())));
        files.insert(0, directory.join(book.file()));
        for path in files {
            // A file that is not there, or cannot be read, names nothing.
            names.extend(entries(&file::read(&path).unwrap_or_default(), book));
        }
    }
    names
}

/// The files of a directory that iproute2 reads, in its order.
fn additions(directory: &Path) -> Vec<PathBuf> {
    let Ok(found) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = found
        .take(MAX_FILES)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    files.sort();
    files
}

/// `NUMBER NAME`, one per line; `#` starts a comment.
fn entries(text: &str, book: Book) -> impl Iterator<Item = (String, u32)> {
    text.lines().filter_map(move |line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (number, name) = (numeral(words.next()?)?, words.next()?);
        (number <= book.most()).then(|| (name.to_owned(), number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeral_is_decimal_hexadecimal_or_octal_and_fits() {
        for (text, number) in [
            ("0", Some(0)),
            ("100", Some(100)),
            ("0x10", Some(16)),
            ("0XfF", Some(255)),
            ("010", Some(8)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("08", None),
            ("0x", None),
            ("+1", None),
            ("-1", None),
            ("", None),
            ("1a", None),
        ] {
            assert_eq!(numeral(text), number, "{text}");
        }
    }

    #[test]
    fn well_known_names_need_no_file() {
        let mut names = Names::default();
        assert_eq!(names.number(Book::Tables, "main", false), Some(254));
        assert_eq!(names.number(Book::Scopes, "link", false), Some(253));
        assert_eq!(names.number(Book::Services, "EF", false), Some(0xb8));
        assert_eq!(names.number(Book::Protocols, "256", false), None);
        assert_eq!(names.number(Book::Tables, "no such table of anybody", true), None);
    }

    #[test]
    fn a_file_of_names_is_read_line_by_line() {
        let text = "# reserved\n255\tlocal\n0x64 blue # ours\n\n7\nx red\n300 large\n";
        let tables: Vec<_> = entries(text, Book::Tables).collect();
        assert_eq!(tables, [("local".into(), 255), ("blue".into(), 100), ("large".into(), 300)]);
        assert_eq!(entries(text, Book::Realms).count(), 2);
    }
}
