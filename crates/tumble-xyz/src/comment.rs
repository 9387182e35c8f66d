//! Parsing of the comment line into keys and values.
//!
//! The grammar is ASE's: words and key=value, with spaces allowed around the equals sign; values in "", '', [] or {}
//! may contain spaces; a backslash escapes the next character. In addition, [] and {} may be nested, as in
//! [[1, 2], [3, 4]].

use crate::error::LineError;

/// A key and its value, both as written in the file, with quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    key: String,
    value: Option<String>,
}

impl Entry {
    /// Creates an entry; quotes the value if necessary.
    pub fn new(key: &str, value: &str) -> Self {
        Self { key: key.into(), value: Some(quote(value)) }
    }

    /// Returns the key without quotes.
    pub fn key(&self) -> String {
        unquote(&self.key)
    }

    /// Returns the key as written in the file.
    pub(super) fn written_key(&self) -> &str {
        &self.key
    }

    /// Returns the value without quotes; "T" if the key stands alone.
    pub fn value(&self) -> String {
        self.given().unwrap_or_else(|| "T".into())
    }

    /// Returns the value without quotes; `None` if the key stands alone.
    pub(super) fn given(&self) -> Option<String> {
        self.value.as_deref().map(unquote)
    }

    /// Returns the same value under another key.
    pub(super) fn renamed(&self, key: &str) -> Self {
        Self { key: key.into(), value: Some(self.value.clone().unwrap_or_else(|| "T".into())) }
    }

    /// Compares the key ignoring case: with `lattice` in lower case a crystal must not be read as a molecule.
    pub(super) fn is(&self, key: &str) -> bool {
        // Without marks, as most keys, it is the key itself.
        let plain = !self.key.contains(|c| c == '\\' || closing_mark(c).is_some());
        if plain { self.key.eq_ignore_ascii_case(key) } else { self.key().eq_ignore_ascii_case(key) }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.key),
            None => f.write_str(&self.key),
        }
    }
}

/// Parses a comment line into its entries, in order.
pub(super) fn parse(line: &str) -> Result<Vec<Entry>, LineError> {
    let mut entries = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (key, after) = split_word(rest, true)?;
        rest = after.trim_start();
        let mut value = None;
        if let Some(after) = rest.strip_prefix('=') {
            let (text, after) = split_word(after.trim_start(), false)?;
            value = Some(visible(text).into());
            rest = after.trim_start();
        }
        entries.push(Entry { key: visible(key).into(), value });
    }
    Ok(entries)
}

/// Writes an empty word as a pair of quotes; without them it would vanish and join its neighbors.
fn visible(word: &str) -> &str {
    if word.is_empty() { "\"\"" } else { word }
}

/// Splits off the first word, as written. A key also ends at an equals sign.
fn split_word(text: &str, is_key: bool) -> Result<(&str, &str), LineError> {
    let mut open = Marks::default();
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match open.pair {
            _ if escaped => escaped = false,
            _ if c == '\\' => escaped = true,
            None if c.is_whitespace() || is_key && c == '=' => return Ok(text.split_at(i)),
            _ => open.read(c),
        }
    }
    match open.pair {
        Some((opened, closing)) => Err(LineError::Quote { opened, closing }),
        // A trailing backslash escapes nothing; written back it would escape the space before the next entry.
        None => Ok((if escaped { &text[..text.len() - 1] } else { text }, "")),
    }
}

/// Marks of an open quotation.
#[derive(Default)]
struct Marks {
    /// The outermost opening mark and its closing mark.
    pair: Option<(char, char)>,
    /// Nesting depth of this pair.
    depth: usize,
}

impl Marks {
    fn read(&mut self, c: char) {
        match self.pair {
            Some((_, closing)) if c == closing => {
                self.depth -= 1;
                self.pair = self.pair.filter(|_| self.depth > 0);
            }
            Some((opened, _)) => self.depth += usize::from(c == opened),
            None => {
                self.pair = closing_mark(c).map(|closing| (c, closing));
                self.depth = usize::from(self.pair.is_some());
            }
        }
    }
}

fn closing_mark(c: char) -> Option<char> {
    match c {
        '"' | '\'' => Some(c),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

/// Removes the outermost marks around quoted parts, and backslashes.
fn unquote(raw: &str) -> String {
    let mut text = String::new();
    let mut open = Marks::default();
    let mut escaped = false;
    for c in raw.chars() {
        if escaped || c != '\\' {
            let before = open.pair.is_some();
            if !escaped {
                open.read(c);
            }
            // The marks that open and close the quotation are not part of the value.
            if before == open.pair.is_some() {
                text.push(c);
            }
        }
        escaped = !escaped && c == '\\';
    }
    text
}

/// Quotes a value unless it is read back as one word without quotes.
pub(super) fn quote(value: &str) -> String {
    let special = |c: char| c.is_whitespace() || closing_mark(c).is_some() || matches!(c, ']' | '}' | '\\' | '=');
    if !value.is_empty() && !value.contains(special) {
        return value.into();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(line: &str) -> Vec<(String, String)> {
        parse(line).unwrap().iter().map(|e| (e.key(), e.value())).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.into(), value.into())
    }

    #[test]
    fn values_may_be_quoted_in_four_ways_and_keys_may_stand_alone() {
        let line = r#" a=1 b="x y" c='p "q"' d=[1 2] e={3 4} flag f = 5 "two words"=6 g=h=i "#;
        let expected = [
            pair("a", "1"),
            pair("b", "x y"),
            pair("c", "p \"q\""),
            pair("d", "1 2"),
            pair("e", "3 4"),
            pair("flag", "T"),
            pair("f", "5"),
            pair("two words", "6"),
            pair("g", "h=i"),
        ];
        assert_eq!(pairs(line), expected);
    }

    #[test]
    fn brackets_may_be_nested() {
        let expected = [pair("a", "[1, 2], [3, 4]"), pair("b", "x {y z}"), pair("c", "T")];
        assert_eq!(pairs("a=[[1, 2], [3, 4]] b={x {y z}} c"), expected);
        let error = parse("b=[[1 2] 3").unwrap_err();
        assert_eq!(error.to_string(), "a value is opened by [ and never closed: add the closing ]");
    }

    #[test]
    fn entries_are_written_as_they_were_read() {
        let line = r#"a=1 b="x y" c='p "q"' d=[[1, 2], [3, 4]] e="_JSON {\"k\": [1]}" flag g="""#;
        let written: Vec<_> = parse(line).unwrap().iter().map(Entry::to_string).collect();
        assert_eq!(written.join(" "), line);
    }

    #[test]
    fn new_values_are_read_back_unchanged() {
        for value in ["plain", "", "two words", "\"", "it's", "back\\slash", "a=b", "[1, {2}]", "ü"] {
            assert_eq!(pairs(&Entry::new("key", value).to_string()), [pair("key", value)]);
        }
    }

    #[test]
    fn empty_words_and_a_trailing_backslash_do_not_swallow_the_next_entry() {
        for (line, written) in [("a=", "a=\"\""), ("=5", "\"\"=5"), ("a\\", "a"), ("a=b\\", "a=b"), ("a=\\", "a=\"\"")]
        {
            let entries = parse(line).unwrap();
            assert_eq!(entries.iter().map(Entry::to_string).collect::<Vec<_>>(), [written]);
            assert_eq!(parse(&format!("{written} b=1")).unwrap()[..1], entries);
        }
    }

    #[test]
    fn a_quotation_without_end_is_refused() {
        let error = parse("a=1 b=\"x y").unwrap_err();
        assert_eq!(error.to_string(), "a value is opened by \" and never closed: add the closing \"");
        let error = parse("b=[1 2").unwrap_err();
        assert_eq!(error.to_string(), "a value is opened by [ and never closed: add the closing ]");
    }
}
