//! All signatures together, the most specific first.

use std::sync::LazyLock;

use assay_model::Exit;
use rust_embed::RustEmbed;

use crate::log::Record;
use crate::signature::{Hit, Signature, SignatureError};

#[derive(RustEmbed)]
#[folder = "signatures/"]
struct Embedded;

/// Every signature that is known, the most specific first.
#[derive(Debug)]
pub struct Catalogue {
    signatures: Vec<Signature>,
}

impl Catalogue {
    /// The signatures that are part of the program, loaded once.
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Catalogue> = LazyLock::new(|| {
            let files = Embedded::iter().filter_map(|name| {
                let text = String::from_utf8_lossy(&Embedded::get(&name)?.data).into_owned();
                Some((name.strip_suffix(".toml")?.to_owned(), text))
            });
            Catalogue::parse(files).expect("a test loads every embedded signature")
        });
        &BUILTIN
    }

    /// Reads signatures from `(stem of the file's name, text)`.
    ///
    /// # Errors
    /// At the first file that is not a valid signature.
    pub fn parse(
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SignatureError> {
        let mut signatures = files
            .into_iter()
            .map(|(stem, text)| Signature::checked(&stem, &text))
            .collect::<Result<Vec<_>, _>>()?;
        signatures.sort_by(|a, b| {
            b.specificity
                .cmp(&a.specificity)
                .then_with(|| a.id.cmp(&b.id))
        });
        Ok(Self { signatures })
    }

    /// All of them, the most specific first.
    pub fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.signatures.iter()
    }

    /// The most specific failure that a log record shows.
    pub fn recognise(&self, record: &Record) -> Option<(&Signature, Hit)> {
        self.iter()
            .find_map(|signature| Some((signature, signature.find(record)?)))
    }

    /// The failure that the way a process ended shows by itself.
    pub fn recognise_exit(&self, exit: &Exit) -> Option<&Signature> {
        self.iter().find(|signature| signature.is_exit(exit))
    }

    /// The failure that a health document means by `word`.
    pub fn recognise_word(&self, word: &str) -> Option<&Signature> {
        self.iter()
            .find(|signature| signature.reported.iter().any(|known| known == word))
    }
}
