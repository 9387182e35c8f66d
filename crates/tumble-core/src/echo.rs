//! Texts of users, quoted in error sentences.

/// Longest text that is quoted whole, bytes.
pub(crate) const LONGEST: usize = 100;

/// Bytes shown of a longer text.
const SHOWN: usize = 40;

/// Escapes and shortens a text, so that a sentence with it stays one line.
pub fn echo(text: &str) -> String {
    let cut = text.char_indices().map(|(start, _)| start).find(|&start| start >= SHOWN);
    match cut.filter(|_| text.len() > LONGEST) {
        Some(end) => format!("{}...", text[..end].escape_debug()),
        None => text.escape_debug().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_all_stay_in_one_line() {
        assert_eq!(echo("octahedral"), "octahedral");
        assert_eq!(echo("a\nb\u{202e}c"), "a\\nb\\u{202e}c");
        assert_eq!(echo(&"a".repeat(LONGEST)), "a".repeat(LONGEST));
        assert_eq!(echo(&"a".repeat(100_000)), format!("{}...", "a".repeat(SHOWN)));
        assert_eq!(echo(&"\u{e9}".repeat(51)), format!("{}...", "\u{e9}".repeat(20)));
    }
}
