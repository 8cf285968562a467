//! One table from meaning to colour.

/// What a piece of text means; [`paint`] alone knows its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Good,
    Warning,
    Bad,
    Label,
    Faint,
}

/// Colours `text`, where stderr is a terminal that wants colour.
pub(crate) fn paint(meaning: Meaning, text: &str, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    let code = match meaning {
        Meaning::Good => "32",
        Meaning::Warning => "33",
        Meaning::Bad => "31",
        Meaning::Label => "1",
        Meaning::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
