//! From an interpreter's error to one message and the places that led to it.

use rhai::{EvalAltResult, Position};

use super::reply::Reply;

/// The extension of a module's file.
pub(crate) const EXTENSION: &str = ".rhai";

/// A failure of a script.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What happened, without a place.
    pub(crate) message: String,
    /// `file:line:column` from the entry to where it happened.
    pub(crate) trace: Vec<String>,
    /// The refusal that was thrown on purpose, where it was one.
    pub(crate) refusal: Option<Reply>,
}

impl Failure {
    /// `source` is the file whose evaluation failed; empty for the host's own call.
    pub(crate) fn of(mut error: EvalAltResult, source: &str) -> Self {
        let mut file = source.to_owned();
        let mut trace = Vec::new();
        loop {
            let position = error.position();
            match error {
                EvalAltResult::ErrorInFunctionCall(_, callee, inner, _) => {
                    push(&mut trace, &file, position);
                    if !callee.is_empty() {
                        file = callee;
                    }
                    error = *inner;
                }
                EvalAltResult::ErrorInModule(path, inner, _) => {
                    push(&mut trace, &file, position);
                    file = path + EXTENSION;
                    error = *inner;
                }
                last => {
                    push(&mut trace, &file, position);
                    return Self::at(last, &file, trace);
                }
            }
        }
    }

    fn at(mut error: EvalAltResult, file: &str, trace: Vec<String>) -> Self {
        // The trace says where; a message without a place is the same wherever it happens.
        error.set_position(Position::NONE);
        let mut refusal = None;
        let message = match error {
            EvalAltResult::ErrorModuleNotFound(path, _) => format!("module not found: {path}"),
            EvalAltResult::ErrorParsing(kind, _) => {
                format!("syntax error in {file}: {}", lower(&kind.to_string()))
            }
            EvalAltResult::ErrorFunctionNotFound(signature, _) => {
                format!("function not found: {}", owner_last(&signature))
            }
            EvalAltResult::ErrorRuntime(thrown, _) => {
                refusal = thrown.clone().try_cast::<Reply>();
                match &refusal {
                    Some(reply) => format!("refused with {}: {}", reply.status, reply.body),
                    None => thrown.to_string(),
                }
            }
            other => lower(&other.to_string()),
        };
        Self {
            message,
            trace,
            refusal,
        }
    }
}

fn push(trace: &mut Vec<String>, file: &str, position: Position) {
    if file.is_empty() {
        return;
    }
    if let (Some(line), Some(column)) = (position.line(), position.position()) {
        trace.push(format!("{file}:{line}:{column}"));
    }
}

/// `owner::name (types)` as `name (owner)`, the owner being what lacks the function.
fn owner_last(signature: &str) -> String {
    let name = signature.split(" (").next().unwrap_or(signature);
    match name.rsplit_once("::") {
        Some((owner, name)) => format!("{name} ({owner})"),
        None => signature.to_owned(),
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_missing_function_is_named() {
        let check = |signature: &str, expected: &str| assert_eq!(owner_last(signature), expected);
        check("supervisor::run (map)", "run (supervisor)");
        check("agents::data::run (map, i64)", "run (agents::data)");
        check("total (map)", "total (map)");
        check("total", "total");
    }

    #[test]
    fn a_message_starts_low() {
        assert_eq!(lower("Variable not found: x"), "variable not found: x");
        assert_eq!(lower(""), "");
    }
}
