//! `tumble errors`: all error sentences of tumble, as a page of the manual (docs/errors.md).
//!
//! They come from the catalogs of the crates; the compiler keeps these complete.

use std::collections::HashSet;

use tumble::Result;
use tumble_core::error_catalog::Entry;
use tumble_core::hash::HashError;
use tumble_core::settings::Value;
use tumble_core::settings::table::SETTINGS;
use tumble_ipi::error::{BadAddress, Fault, InitError};
use tumble_onnx::error::{ContractViolation, ExternalDataError, Malformed, OtherFormat};
use tumble_server::error::Refusal;
use tumble_xyz::LineError;

use crate::print;

/// A section of the page: heading, introduction, errors, and sentences generated from a table.
struct Section {
    heading: &'static str,
    intro: &'static str,
    entries: Vec<&'static Entry>,
    made: Vec<String>,
}

/// Prints the page.
pub fn run() -> Result<()> {
    print(page().trim_end())
}

/// Returns the sections in Markdown: errors with cause and cure, then the details quoted inside other sentences. Each
/// sentence is printed once, at its first place.
fn page() -> String {
    let mut told = HashSet::new();
    errors().iter().chain(&details()).map(|section| section.text(&mut told)).collect()
}

/// Sections of the errors with cause and cure.
fn errors() -> Vec<Section> {
    let (structures, rest) = split(tumble_core::Error::CATALOG, "WholeTooLarge");
    let (memory, internal) = split(rest, "Internal");
    let (files, rest) = split(tumble_onnx::Error::CATALOG, "RuntimeMissing");
    let (runtime, models) = split(rest, "NotOnnx");
    let (frames, servers) = split(tumble::Error::CATALOG, "OpenServer");
    let connections = [tumble_ipi::Error::CATALOG, tumble_server::Error::CATALOG, servers];
    vec![
        Section::new("Structures, models, rotations", "", &[files, structures, tumble_check::Error::CATALOG]),
        Section::new("Files of structures", "", &[tumble_xyz::Error::CATALOG, frames]),
        Section::new("Connections", "", &connections),
        Section::new("LAMMPS", "", &[tumble_lammps::Error::CATALOG, tumble::LammpsError::CATALOG]),
        Section::new("Memory", "", &[memory]),
        Section::new("The program itself", "", &[internal]),
        Section::new("ONNX Runtime", "", &[runtime]),
        Section::new("Model files", "", &[models]),
    ]
}

/// Sections of the details that end another sentence and name the remedy themselves.
fn details() -> Vec<Section> {
    const XYZ: &str = "Details that follow `line ... of ...`:";
    const MESSAGES: &str = "Details that follow the address of the peer of a socket:";
    const OPTIONS: &str = "Details that follow the name of an option, a mitigation or an argument (C, Python), and reasons\nwhy \
                           an `INIT` is refused:";
    const FILES: &str = "Details that follow the name of the file, in messages about [model files](#model-files):";
    let options = [BadAddress::CATALOG, InitError::CATALOG, HashError::CATALOG];
    let files = [Malformed::CATALOG, OtherFormat::CATALOG, ExternalDataError::CATALOG, ContractViolation::CATALOG];
    vec![
        Section::new("XYZ files", XYZ, &[LineError::CATALOG]),
        Section::new("Messages of the peer", MESSAGES, &[Fault::CATALOG, Refusal::CATALOG]),
        Section { made: values(), ..Section::new("Options and arguments", OPTIONS, &options) },
        Section::new("Defects of a model file", FILES, &files),
    ]
}

/// Sentences for values outside the grammar of a setting. Mitigations have their own sentences, and a path accepts any
/// text.
fn values() -> Vec<String> {
    let values = SETTINGS.iter().map(|setting| setting.value);
    let told = values.filter(|value| !matches!(value, Value::Mitigation | Value::Path(_)));
    told.map(|value| format!("... is \"...\": give {}", value.words())).collect()
}

/// Splits the catalog before the entry of this name.
fn split(catalog: &'static [Entry], first: &str) -> (&'static [Entry], &'static [Entry]) {
    let place = catalog.iter().position(|entry| entry.name == first);
    catalog.split_at(place.expect("sections begin with errors that there are"))
}

impl Section {
    fn new(heading: &'static str, intro: &'static str, catalogs: &[&'static [Entry]]) -> Self {
        Self { heading, intro, entries: catalogs.iter().copied().flatten().collect(), made: vec![] }
    }

    /// Returns the section without sentences printed before.
    fn text(&self, told: &mut HashSet<String>) -> String {
        let mut text = format!("## {}\n\n", self.heading);
        if !self.intro.is_empty() {
            text += &format!("{}\n\n", self.intro);
        }
        // A transparent error has no sentence of its own.
        let entries = self.entries.iter().filter_map(|entry| Some((item(entry)?, remedy(entry))));
        for (item, remedy) in entries.chain(self.made.iter().map(|made| (format!("- {}\n", code(made)), String::new())))
        {
            if told.insert(item.clone()) {
                text += &format!("{item}{remedy}");
            }
        }
        text.trim_end().to_owned() + "\n\n"
    }
}

/// The sentence of an error, or its example, as an item of a list.
fn item(entry: &Entry) -> Option<String> {
    let label = if entry.example().is_some() { "for example " } else { "" };
    entry.sentence().map(|sentence| format!("- {label}{}\n", code(&sentence)))
}

/// Cause and cure of an error, as far as it has them.
fn remedy(entry: &Entry) -> String {
    match (entry.cause(), entry.cure()) {
        (Some(cause), Some(cure)) => format!("\n    *Cause:* {cause} *Cure:* {cure}\n\n"),
        _ => String::new(),
    }
}

/// A code span in Markdown, for texts with backquotes too.
fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(sections: Vec<Section>) -> Vec<&'static Entry> {
        sections.into_iter().flat_map(|section| section.entries).collect()
    }

    #[test]
    fn every_error_has_a_sentence_a_cause_and_a_cure() {
        let all = entries(errors());
        assert!(all.len() > 70, "{}", all.len());
        for entry in all {
            let own = entry.sentence().is_some();
            assert!(own || ["Model", "Core", "Xyz", "Onnx", "Ipi", "Server", "Check", "Lammps"].contains(&entry.name));
            assert_eq!((entry.cause().is_some(), entry.cure().is_some()), (own, own), "{}", entry.name);
        }
    }

    #[test]
    fn the_page_contains_all_errors_of_every_crate() {
        let catalogs = [
            tumble::Error::CATALOG,
            tumble_core::Error::CATALOG,
            tumble_xyz::Error::CATALOG,
            tumble_onnx::Error::CATALOG,
            tumble_ipi::Error::CATALOG,
            tumble_server::Error::CATALOG,
            tumble_check::Error::CATALOG,
            tumble_lammps::Error::CATALOG,
            tumble::LammpsError::CATALOG,
        ];
        let (found, page) = (entries(errors()).len(), page());
        assert_eq!(found, catalogs.iter().map(|catalog| catalog.len()).sum::<usize>());
        for entry in catalogs.iter().copied().flatten().chain(entries(details())) {
            assert!(item(entry).is_none_or(|item| page.contains(&item)), "{}", entry.name);
        }
    }

    #[test]
    fn every_sentence_appears_once_and_is_not_empty() {
        let page = page();
        let told: Vec<_> = page.lines().filter(|line| line.starts_with("- ")).collect();
        let letters = |line: &str| line.chars().filter(|c| c.is_alphabetic()).count();
        assert!(told.iter().all(|line| letters(line) >= 3 && !line.contains(['{', '\\'])), "{told:?}");
        assert_eq!(told.iter().collect::<HashSet<_>>().len(), told.len());
    }
}
