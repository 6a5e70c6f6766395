//! Text for a terminal: paragraphs, fields and examples, no wider than eighty columns.

/// Columns of a page.
const WIDTH: usize = 80;
/// Columns of a field's name.
const NAME: usize = 11;

/// A page, written from top to bottom.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    /// An empty line, unless there is one or nothing is above it.
    pub(super) fn gap(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
        }
    }

    /// Paragraphs, which empty lines separate.
    pub(super) fn paragraph(&mut self, text: &str) {
        for paragraph in text.split("\n\n") {
            self.gap();
            self.wrapped("", "", paragraph);
            self.gap();
        }
    }

    /// A paragraph within the page of a word.
    pub(super) fn indented(&mut self, text: &str) {
        self.wrapped("  ", "  ", text);
    }

    /// `Default    100`.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.wrapped(&format!("  {name:NAME$}"), &" ".repeat(NAME + 2), value);
    }

    /// A word in a list, with what it does.
    pub(super) fn entry(&mut self, word: &str, width: usize, text: &str) {
        self.wrapped(&format!("  {word:width$}  "), &" ".repeat(width + 4), text);
    }

    /// Lines as they are, as an example between paragraphs.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.gap();
        for line in text.lines() {
            self.line(&format!("    {line}"));
        }
        self.gap();
    }

    fn wrapped(&mut self, first: &str, others: &str, text: &str) {
        let mut line = first.to_owned();
        let mut fresh = true;
        for word in text.split_whitespace() {
            let width = line.chars().count() + usize::from(!fresh) + word.chars().count();
            if width > WIDTH && !fresh {
                self.line(&line);
                line = others.to_owned();
                fresh = true;
            }
            if !fresh {
                line.push(' ');
            }
            line.push_str(word);
            fresh = false;
        }
        self.line(&line);
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        let mut text = self.0;
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}
