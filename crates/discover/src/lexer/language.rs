//! The languages whose tokens are known.

/// What decides the form of comments and literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    /// TypeScript and JSX as well.
    JavaScript,
    Go,
    Rust,
    Java,
    Kotlin,
    /// Gradle's.
    Groovy,
    Ruby,
    Php,
    CSharp,
    Elixir,
}

impl Language {
    /// The language of a file, by its extension.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        Some(match extension {
            "py" => Self::Python,
            "js" | "jsx" | "ts" | "tsx" | "mjs" | "cjs" | "mts" | "cts" => Self::JavaScript,
            "go" => Self::Go,
            "rs" => Self::Rust,
            "java" => Self::Java,
            "kt" | "kts" => Self::Kotlin,
            "gradle" | "groovy" => Self::Groovy,
            "rb" | "ru" => Self::Ruby,
            "php" => Self::Php,
            "cs" => Self::CSharp,
            "ex" | "exs" => Self::Elixir,
            _ => return None,
        })
    }

    pub(super) fn slash_comments(self) -> bool {
        !matches!(self, Self::Python | Self::Ruby | Self::Elixir)
    }

    pub(super) fn hash_comments(self) -> bool {
        matches!(self, Self::Python | Self::Ruby | Self::Elixir | Self::Php)
    }

    pub(super) fn nested_comments(self) -> bool {
        matches!(self, Self::Rust | Self::Kotlin)
    }
}
