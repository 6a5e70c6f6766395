//! "Did you mean": the nearest of the words that could stand in a place.

/// Longer words are rubbish, and comparing them would cost.
const MAX_LENGTH: usize = 64;

/// The word with the fewest edits, when they are few enough to be a slip.
pub(in super::super) fn nearest<'w>(word: &str, among: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let length = word.chars().count();
    if length > MAX_LENGTH {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    let limit = (length / 3).clamp(1, 3);
    among
        .filter(|candidate| candidate.len().abs_diff(length) <= limit)
        .map(|candidate| (edits(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// "did you mean `X`?", or nothing.
pub fn quoted_nearest<'w>(word: &str, among: impl Iterator<Item = &'w str>) -> String {
    nearest(word, among).map_or_else(String::new, |nearest| format!("did you mean `{nearest}`?"))
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&row, j) + usize::from(a != b);
            let mut best = replaced.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            if i > 0 && j > 0 && from.get(i - 1) == Some(b) && to.get(j - 1) == Some(a) {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}
