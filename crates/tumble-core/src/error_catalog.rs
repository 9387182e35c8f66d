//! Error catalogs: lists of all errors, printed in the manual. [`errors!`](crate::errors) makes an enum and its catalog
//! from the same text, so that the list is always complete.

/// An error, as the manual prints it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name of the variant.
    pub name: &'static str,
    template: Option<&'static str>,
    comment: &'static [&'static str],
}

impl Entry {
    /// Makes an entry from the name of a variant, the format of its sentence (`None` if the error is transparent) and
    /// the lines of its comment.
    pub const fn new(name: &'static str, template: Option<&'static str>, comment: &'static [&'static str]) -> Self {
        Self { name, template, comment }
    }

    /// Returns the sentence with `...` in place of its fields, or its example; `None` if the error is transparent.
    pub fn sentence(&self) -> Option<String> {
        let template = self.template?;
        Some(self.example().unwrap_or_else(|| literals(template).join("...").replace("......", "...")))
    }

    /// Returns a sentence as a user sees it, from the paragraph `Example: ...` of the comment. Errors whose format alone
    /// says little have one.
    pub fn example(&self) -> Option<String> {
        self.paragraph("Example: ")
    }

    /// Returns the cause of the error, from the paragraph `Cause: ...` of the comment.
    pub fn cause(&self) -> Option<String> {
        self.paragraph("Cause: ")
    }

    /// Returns the remedy, from the paragraph `Cure: ...` of the comment.
    pub fn cure(&self) -> Option<String> {
        self.paragraph("Cure: ")
    }

    fn paragraph(&self, label: &str) -> Option<String> {
        let lines: Vec<_> = self.comment.iter().map(|line| line.trim()).collect();
        let paragraphs = lines.split(|line| line.is_empty()).map(|paragraph| paragraph.join(" "));
        paragraphs.into_iter().find_map(|paragraph| paragraph.strip_prefix(label).map(String::from))
    }
}

/// Returns the literals of a format around its fields.
fn literals(template: &str) -> Vec<&str> {
    let (mut literals, mut rest) = (Vec::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        literals.push(before);
        rest = after.split_once('}').map_or("", |(_, tail)| tail);
    }
    literals.push(rest);
    literals
}

/// Defines an enum of errors, written as for `thiserror`, and its `CATALOG` with an [`Entry`] for each variant.
///
/// Paragraphs `Cause: ...`, `Cure: ...` and `Example: ...` in the comment of a variant are printed in the manual; an
/// example stands in place of the format.
#[macro_export]
macro_rules! errors {
    (
        $(#[$about:meta])*
        $visibility:vis enum $name:ident {
            $(
                $(#[doc = $comment:literal])+
                #[error($($format:tt)+)]
                $variant:ident $({ $($fields:tt)* })? $(( $($inner:tt)* ))?
            ),+ $(,)?
        }
    ) => {
        $(#[$about])*
        $visibility enum $name {
            $(
                $(#[doc = $comment])+
                #[error($($format)+)]
                $variant $({ $($fields)* })? $(( $($inner)* ))?
            ),+
        }

        impl $name {
            /// All variants, in the order of the manual.
            pub const CATALOG: &'static [$crate::error_catalog::Entry] = &[$(
                $crate::error_catalog::Entry::new(
                    stringify!($variant),
                    $crate::template!($($format)+),
                    &[$($comment),+],
                )
            ),+];
        }
    };
}

/// Takes the format of an error's sentence from its `#[error(...)]` attribute.
#[doc(hidden)]
#[macro_export]
macro_rules! template {
    (transparent) => {
        None
    };
    ($format:literal $($arguments:tt)*) => {
        Some($format)
    };
}

#[cfg(test)]
mod tests {
    errors! {
        /// For the test.
        #[derive(Debug, thiserror::Error)]
        enum Sample {
            /// A break in the literal, a format, and a quotation.
            ///
            /// Cause: It is
            /// a test.
            ///
            /// Cure: None.
            #[error("{} of \"{name}\" is {value:.1} \
                     Å", value + 1.0)]
            Words {
                /// A field.
                name: &'static str,
                /// Another.
                value: f64,
            },
            /// Fields only.
            ///
            /// Example: 1 apple
            #[error("{0} {1:?}")]
            Fields(u8, u8),
            /// Another error.
            #[error(transparent)]
            Other(#[from] std::fmt::Error),
        }
    }

    #[test]
    fn catalog_lists_all_variants_with_sentence_example_cause_and_cure() {
        let [words, fields, other] = Sample::CATALOG else { panic!("three variants") };
        assert_eq!(words.name, "Words");
        assert_eq!(words.sentence().unwrap(), "... of \"...\" is ... Å");
        assert_eq!((words.cause().unwrap(), words.cure().unwrap()), ("It is a test.".into(), "None.".into()));
        assert_eq!(fields.sentence().unwrap(), "1 apple");
        assert_eq!((words.example(), fields.example(), other.example()), (None, Some("1 apple".into()), None));
        assert!(fields.cause().is_none() && fields.cure().is_none());
        assert!(other.sentence().is_none());
    }

    #[test]
    fn enum_implements_error_as_written() {
        assert_eq!(Sample::Words { name: "r", value: 1.25 }.to_string(), "2.25 of \"r\" is 1.2 Å");
        assert_eq!(Sample::from(std::fmt::Error).to_string(), std::fmt::Error.to_string());
        assert_eq!(Sample::Fields(1, 2).to_string(), "1 2");
    }
}
