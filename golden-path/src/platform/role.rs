//! Which of the three services a process is.

use std::fmt;
use std::str::FromStr;

/// A service of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Mints and verifies tokens; alone in that.
    Auth,
    /// REST, WebSocket and the agents.
    Backend,
    /// The chat page.
    Frontend,
}

impl Role {
    /// Every role, in the order of the dependency graph's names.
    pub const ALL: [Self; 3] = [Self::Auth, Self::Backend, Self::Frontend];

    /// The word used on the command line, and the default name of the service.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Backend => "backend",
            Self::Frontend => "frontend",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no service of the platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown service `{0}`: expected auth, backend or frontend")]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.word() == text)
            .ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_its_role() {
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(role));
        }
        assert_eq!("Auth".parse::<Role>(), Err(UnknownRole("Auth".into())));
    }
}
