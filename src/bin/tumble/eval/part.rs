//! Parts of a file, for the jobs of an array.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Part K of N contiguous parts of the frames, of about equal numbers of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// K, from 1.
    number: usize,
    /// N.
    of: usize,
}

impl Part {
    /// Returns the indices of its frames, from 0; none if there are fewer frames than parts.
    pub fn of(self, frames: usize) -> Range<usize> {
        let end = |number: usize| (number as u128 * frames as u128 / self.of as u128) as usize;
        end(self.number - 1)..end(self.number)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if 1 <= number && number <= of => Ok(Self { number, of }),
            Some((0, _)) => Err("parts are counted from 1: give 1/N for the first of N parts".into()),
            Some((number, of)) => Err(format!("there is no part {number} of {of}: give K/N with K from 1 to N")),
            None => Err("must be K/N, part K of N, as in 2/8".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_all_frames_once_and_are_even() {
        for frames in [0, 1, 2, 7, 8, 100, usize::MAX] {
            for of in [1, 2, 3, 8, 50] {
                let parts: Vec<_> = (1..=of).map(|number| Part { number, of }.of(frames)).collect();
                assert_eq!((parts[0].start, parts[of - 1].end), (0, frames));
                assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
                let (least, most) = (frames / of, frames.div_ceil(of));
                assert!(parts.iter().all(|part| (least..=most).contains(&part.len())));
            }
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_sentence() {
        assert_eq!("2/8".parse(), Ok(Part { number: 2, of: 8 }));
        let sentence = |text: &str| text.parse::<Part>().unwrap_err();
        for text in ["", "2", "2/", "/2", "a/b", "1/2/3", "-1/2", "1.5/2"] {
            assert_eq!(sentence(text), "must be K/N, part K of N, as in 2/8");
        }
        assert_eq!(sentence("0/4"), "parts are counted from 1: give 1/N for the first of N parts");
        for text in ["5/4", "1/0"] {
            assert!(sentence(text).starts_with("there is no part "), "{text}");
        }
    }
}
