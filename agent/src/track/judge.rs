//! From results to a verdict: `rise` and `fall`, as keepalived counts them.

/// Judges one script.
///
/// One counter runs from 0 to `rise + fall - 1`; from `rise` on the script is good. Success at the edge jumps to the
/// top, failure at the edge to the bottom, so that `rise` successes or `fall` failures in a row are needed to cross.
/// The first result of all is believed at once, whatever `rise` and `fall` say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judge {
    rise: u32,
    fall: u32,
    count: u32,
    told: Option<bool>,
}

impl Judge {
    /// A judge that has seen nothing; with `starts_failed` one that has declared the script bad. Zeros count as one.
    pub fn new(rise: u32, fall: u32, starts_failed: bool) -> Self {
        let (rise, fall) = (rise.max(1), fall.max(1));
        if starts_failed {
            Self { rise, fall, count: 0, told: Some(false) }
        } else {
            // One success is enough to be good, one failure to be bad.
            Self { rise, fall, count: rise - 1, told: None }
        }
    }

    /// Whether the script is good; `None` before the first result.
    pub const fn told(&self) -> Option<bool> {
        self.told
    }

    /// Takes one result; the new verdict if it changed.
    pub fn result(&mut self, success: bool) -> Option<bool> {
        self.count = match success {
            true if self.count + 1 < self.rise => self.count + 1,
            true => self.rise.saturating_add(self.fall) - 1,
            false if self.count > self.rise => self.count - 1,
            false => 0,
        };
        let good = self.count >= self.rise;
        let changed = self.told != Some(good);
        self.told = Some(good);
        changed.then_some(good)
    }
}

#[cfg(test)]
mod tests {
    use super::Judge;

    fn verdicts(judge: &mut Judge, results: &str) -> Vec<Option<bool>> {
        results.chars().map(|result| judge.result(result == '+')).collect()
    }

    #[test]
    fn the_first_success_makes_good_whatever_rise_says() {
        let mut judge = Judge::new(3, 3, false);
        assert_eq!(judge.told(), None);
        assert_eq!(verdicts(&mut judge, "++"), [Some(true), None]);
    }

    #[test]
    fn the_first_failure_makes_bad_whatever_fall_says() {
        let mut judge = Judge::new(3, 3, false);
        assert_eq!(verdicts(&mut judge, "--"), [Some(false), None]);
    }

    #[test]
    fn rise_successes_in_a_row_make_good_again() {
        let mut judge = Judge::new(3, 1, false);
        assert_eq!(
            verdicts(&mut judge, "-++-+++"),
            [Some(false), None, None, None, None, None, Some(true)],
            "a failure in between starts the count anew"
        );
    }

    #[test]
    fn fall_failures_in_a_row_make_bad() {
        let mut judge = Judge::new(1, 3, false);
        assert_eq!(verdicts(&mut judge, "+--+---"), [Some(true), None, None, None, None, None, Some(false)]);
    }

    #[test]
    fn a_script_that_starts_failed_needs_its_rise() {
        let mut judge = Judge::new(2, 1, true);
        assert_eq!(judge.told(), Some(false));
        assert_eq!(verdicts(&mut judge, "-++"), [None, None, Some(true)]);
    }

    #[test]
    fn zero_counts_as_one() {
        let mut judge = Judge::new(0, 0, false);
        assert_eq!(verdicts(&mut judge, "+-+"), [Some(true), Some(false), Some(true)]);
    }
}
