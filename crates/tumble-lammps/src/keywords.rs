//! The keywords of `pair_style tumble`, and the one that was meant.

use std::path::Path;

use crate::error::Error;

/// All of them, in the order of the manual.
pub const KEYWORDS: [&str; 13] = [
    "rotate",
    "inversion",
    "seed",
    "every",
    "inner",
    "correction",
    "monitor",
    "uncertainty",
    "forces",
    "threads",
    "memory",
    "device",
    "tf32",
];

/// The sentence about a word that stands where a keyword is expected.
pub fn unknown(word: &str) -> Error {
    if looks_like_model(word) {
        return Error::ModelInPairStyle { word: word.into() };
    }
    if word == "sha256" {
        let hint = "it belongs to pair_coeff, after the model: ".into();
        return Error::UnknownKeyword { word: word.into(), hint, known: KEYWORDS.join(", ") };
    }
    let nearest = nearest(word).map(|keyword| format!("did you mean {keyword}? ")).unwrap_or_default();
    Error::UnknownKeyword { word: word.into(), hint: nearest, known: KEYWORDS.join(", ") }
}

fn looks_like_model(word: &str) -> bool {
    let path = Path::new(word);
    let endings = ["onnx", "pt", "pth", "ckpt"];
    path.extension().is_some_and(|found| endings.iter().any(|e| found.eq_ignore_ascii_case(e))) || path.exists()
}

/// The keyword that a misspelt word is most like, if it is like any.
fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let common = |keyword: &str| keyword.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
    let by_distance = KEYWORDS.into_iter().map(|keyword| (distance(keyword, &word), keyword)).min()?;
    let by_start = KEYWORDS.into_iter().find(|keyword| common(keyword) >= 3);
    let limit = word.len().max(by_distance.1.len()) / 3;
    (by_distance.0 <= limit).then_some(by_distance.1).or(by_start)
}

/// Letters to add, remove or change until one word is the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_lead_to_keywords() {
        let meant = ["rotation", "rotat", "Every", "nthreads", "thread", "mem", "devise", "inverson", "force"];
        let keywords = ["rotate", "rotate", "every", "threads", "threads", "memory", "device", "inversion", "forces"];
        assert_eq!(meant.map(|word| nearest(word).unwrap()), keywords);
        assert_eq!(["x", "cutoff", "", "lambda"].map(nearest), [None; 4]);
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        assert_eq!([("kitten", "sitting"), ("", "abc"), ("same", "same")].map(|(a, b)| distance(a, b)), [3, 3, 0]);
    }

    #[test]
    fn models_are_no_keywords() {
        assert!(matches!(unknown("m.onnx"), Error::ModelInPairStyle { .. }));
        assert!(matches!(unknown("pet.ckpt"), Error::ModelInPairStyle { .. }));
        assert!(unknown("rotation").to_string().contains("did you mean rotate?"));
        assert!(
            unknown("sha256")
                .to_string()
                .starts_with("unknown keyword sha256: it belongs to pair_coeff, after the model")
        );
    }
}
