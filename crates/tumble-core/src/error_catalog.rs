//! Lists of errors for the manual, which the compiler keeps complete: [`errors!`](crate::errors) makes an enum and its list
//! from the same text.

/// An error as the manual tells it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Name of the variant.
    pub name: &'static str,
    template: Option<&'static str>,
    comment: &'static [&'static str],
}

impl Entry {
    /// A variant with the format of its sentence, if it has one of its own, and the lines of its comment.
    pub const fn new(name: &'static str, template: Option<&'static str>, comment: &'static [&'static str]) -> Self {
        Self { name, template, comment }
    }

    /// The sentence, with `...` for what differs; `None` where the error passes on the sentence of another one.
    ///
    /// A sentence that is made of what differs only is given by the names of that: `NAME VALUE PROBLEM`.
    pub fn sentence(&self) -> Option<String> {
        let template = self.template?;
        let (literals, fields) = parts(template);
        if literals.iter().any(|literal| literal.contains(char::is_alphanumeric)) {
            return Some(literals.join("...").replace("......", "..."));
        }
        Some(fields.join(" ").to_uppercase())
    }

    /// Why it happens: the paragraph `Cause: ...` of the comment.
    pub fn cause(&self) -> Option<String> {
        self.paragraph("Cause: ")
    }

    /// What to do about it: the paragraph `Cure: ...` of the comment.
    pub fn cure(&self) -> Option<String> {
        self.paragraph("Cure: ")
    }

    fn paragraph(&self, label: &str) -> Option<String> {
        let lines: Vec<_> = self.comment.iter().map(|line| line.trim()).collect();
        let paragraphs = lines.split(|line| line.is_empty()).map(|paragraph| paragraph.join(" "));
        paragraphs.into_iter().find_map(|paragraph| paragraph.strip_prefix(label).map(String::from))
    }
}

/// What a format has around its fields, and the names of these.
fn parts(template: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut literals, mut fields, mut rest) = (Vec::new(), Vec::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (field, tail) = after.split_once('}').unwrap_or((after, ""));
        literals.push(before);
        fields.push(field.split(':').next().unwrap_or_default());
        rest = tail;
    }
    literals.push(rest);
    (literals, fields)
}

/// An enum of errors, written as for `thiserror`, with its `CATALOG`: an [`Entry`] for each variant.
///
/// The comment of a variant may have a paragraph `Cause: ...` and one `Cure: ...`, which the manual tells.
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
            /// All variants, as the manual lists them.
            pub const CATALOG: &'static [$crate::error_catalog::Entry] = &[$(
                $crate::error_catalog::Entry::new(stringify!($variant), $crate::template!($($format)+), &[$($comment),+])
            ),+];
        }
    };
}

/// The format of an error's sentence, from its attribute.
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
            /// Nothing but what differs.
            #[error("{0} {1:?}")]
            Fields(u8, u8),
            /// Another error.
            #[error(transparent)]
            Other(#[from] std::fmt::Error),
        }
    }

    #[test]
    fn the_catalog_has_all_variants_with_sentence_cause_and_cure() {
        let [words, fields, other] = Sample::CATALOG else { panic!("three variants") };
        assert_eq!(words.name, "Words");
        assert_eq!(words.sentence().unwrap(), "... of \"...\" is ... Å");
        assert_eq!((words.cause().unwrap(), words.cure().unwrap()), ("It is a test.".into(), "None.".into()));
        assert_eq!(fields.sentence().unwrap(), "0 1");
        assert!(fields.cause().is_none() && fields.cure().is_none());
        assert!(other.sentence().is_none());
    }

    #[test]
    fn the_enum_is_an_error_as_it_was_written() {
        assert_eq!(Sample::Words { name: "r", value: 1.25 }.to_string(), "2.25 of \"r\" is 1.2 Å");
        assert_eq!(Sample::from(std::fmt::Error).to_string(), std::fmt::Error.to_string());
        assert_eq!(Sample::Fields(1, 2).to_string(), "1 2");
    }
}
