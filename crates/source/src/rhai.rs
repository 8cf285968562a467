//! Rhai, read by its own parser.
//!
//! A script is loaded by running its top level, so imports and calls there are eager; those in
//! function and closure bodies happen only when somebody calls them. Functions are public
//! unless they say `private`. Routes are the calls that the platform's host takes:
//! `route("GET", "/path", Fn("handler"))` and `websocket("/path", Fn("handler"))`.

use std::sync::LazyLock;

use rhai::{AST, ASTNode, Engine, Expr, FnAccess, FnCallExpr, OptimizationLevel, Position, Stmt};

use crate::facts::{Call, Definition, FileFacts, Import, Route, SyntaxError, Unread};
use crate::language::Language;
use crate::path::{Target, normalise};

/// Nesting that is still read: twice what an engine accepts by default, so that everything that
/// runs is read, and the parser's own stack stays bounded.
const NESTING_LEVELS_MAX: usize = 128;

/// Extension of a script, with its dot.
const EXTENSION: &str = ".rhai";

/// Names of the parser's own functions: closures become functions with this prefix.
const CLOSURE_PREFIX: &str = "anon$";

/// Nothing is optimised away: code behind `if false` is still a fact.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_max_expr_depths(NESTING_LEVELS_MAX, NESTING_LEVELS_MAX);
    engine
});

pub(crate) fn facts(path: &str, text: &str) -> FileFacts {
    let mut file = FileFacts::empty(path, Language::Rhai);
    match ENGINE.compile(text) {
        Ok(ast) => {
            file.definitions = definitions(&ast);
            for (part, eager) in [
                (ast.clone_statements_only(), true),
                (ast.clone_functions_only(), false),
            ] {
                part.walk(&mut |path: &[ASTNode<'_>]| {
                    note(&mut file, path, eager);
                    true
                });
            }
            // Functions are stored unordered.
            file.imports
                .sort_by_key(|import| (import.line, import.column));
            file.calls
                .sort_by(|a, b| (a.line, a.column, &a.name).cmp(&(b.line, b.column, &b.name)));
            file.unread.sort_by_key(|unread| unread.line);
            file.routes.sort_by_key(|route| route.line);
        }
        Err(error) => {
            file.error = Some(SyntaxError {
                line: line(error.position()).max(1),
                column: column(error.position()).max(1),
                message: error.err_type().to_string(),
            });
        }
    }
    file
}

/// A module is a path from the root of the tree, without its extension: `a.rhai` means the file
/// `a.rhai.rhai`, as it does to the platform.
pub(crate) fn resolve(module: &str) -> Target {
    let path = normalise(module) + EXTENSION;
    if path.starts_with("../") {
        Target::Outside(path)
    } else {
        Target::Inside(path)
    }
}

pub(crate) fn module(path: &str) -> &str {
    path.strip_suffix(EXTENSION).unwrap_or(path)
}

fn definitions(ast: &AST) -> Vec<Definition> {
    let mut definitions: Vec<_> = ast
        .iter_fn_def()
        .filter(|function| !function.name.starts_with(CLOSURE_PREFIX))
        .map(|function| Definition {
            name: function.name.to_string(),
            arity: count(function.params.len()),
            line: line(function.body.start_position()),
            exported: function.access == FnAccess::Public,
        })
        .collect();
    definitions.sort_by(|a, b| (a.line, &a.name, a.arity).cmp(&(b.line, &b.name, b.arity)));
    definitions
}

fn note(file: &mut FileFacts, path: &[ASTNode<'_>], eager: bool) {
    match path.last() {
        Some(ASTNode::Stmt(Stmt::Import(import, position))) => {
            let (module, alias) = &**import;
            note_import(file, module, alias.as_str(), *position, eager);
        }
        Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => {
            note_call(file, call, *position, false, eager);
            if eager && path.len() == 1 {
                file.routes.extend(route(call, *position));
            }
        }
        Some(ASTNode::Stmt(Stmt::Expr(expr))) if eager && path.len() == 1 => {
            if let Expr::FnCall(call, position) = &**expr {
                file.routes.extend(route(call, *position));
            }
        }
        // The parser's own walk stops at the value of a `break`.
        Some(ASTNode::Stmt(Stmt::BreakLoop(Some(value), ..))) => {
            value.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
                note(file, path, eager);
                true
            });
        }
        Some(ASTNode::Expr(Expr::FnCall(call, position))) => {
            note_call(file, call, *position, false, eager);
        }
        Some(ASTNode::Expr(Expr::MethodCall(call, position))) => {
            note_call(file, call, *position, true, eager);
        }
        _ => {}
    }
}

fn note_import(file: &mut FileFacts, module: &Expr, alias: &str, at: Position, eager: bool) {
    match module {
        Expr::StringConstant(module, _) => file.imports.push(Import {
            module: module.to_string(),
            alias: (!alias.is_empty()).then(|| alias.to_owned()),
            line: line(at),
            column: column(at),
            eager,
        }),
        _ => file.unread.push(Unread {
            what: "import of a computed name".to_owned(),
            line: line(at),
        }),
    }
}

fn note_call(file: &mut FileFacts, call: &FnCallExpr, at: Position, method: bool, eager: bool) {
    if call.is_operator_call() {
        return;
    }
    let strings = call
        .args
        .iter()
        .zip(0..)
        .filter_map(|(argument, place)| match argument {
            Expr::StringConstant(text, _) => Some((place, text.to_string())),
            _ => None,
        });
    file.calls.push(Call {
        name: call.name.to_string(),
        arity: count(call.args.len()),
        qualifier: call
            .namespace
            .path
            .iter()
            .map(|part| part.as_str().to_owned())
            .collect(),
        method,
        line: line(at),
        column: column(at),
        eager,
        strings: strings.collect(),
    });
}

fn route(call: &FnCallExpr, at: Position) -> Option<Route> {
    if call.is_qualified() {
        return None;
    }
    let (method, path, handler) = match (call.name.as_str(), &call.args[..]) {
        (
            "route",
            [
                Expr::StringConstant(method, _),
                Expr::StringConstant(path, _),
                handler,
            ],
        ) => (method.to_uppercase(), path, handler),
        ("websocket", [Expr::StringConstant(path, _), handler]) => ("WS".to_owned(), path, handler),
        _ => return None,
    };
    Some(Route {
        method,
        path: path.to_string(),
        handler: handler_name(handler),
        line: line(at),
    })
}

/// `Fn("name")`, or the bare name of a function.
fn handler_name(handler: &Expr) -> Option<String> {
    match handler {
        Expr::FnCall(call, _) if call.name == "Fn" => match &call.args[..] {
            [Expr::StringConstant(name, _)] => Some(name.to_string()),
            _ => None,
        },
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        _ => None,
    }
}

fn line(position: Position) -> u64 {
    position.line().map_or(0, |line| line as u64)
}

fn column(position: Position) -> u64 {
    position.position().map_or(0, |column| column as u64)
}

/// A file is far too short to hold more than `u32::MAX` of anything.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> FileFacts {
        facts("main.rhai", text)
    }

    fn check_imports(text: &str, expected: &[&str]) {
        let found: Vec<_> = read(text)
            .imports
            .iter()
            .map(|import| {
                let when = if import.eager { "eager" } else { "lazy" };
                let alias = import.alias.as_deref().unwrap_or("-");
                format!(
                    "{}:{} {} {alias} {when}",
                    import.line, import.column, import.module
                )
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    fn check_definitions(text: &str, expected: &[&str]) {
        let found: Vec<_> = read(text)
            .definitions
            .iter()
            .map(|function| {
                let access = if function.exported { "" } else { " private" };
                format!(
                    "{} {}/{}{access}",
                    function.line, function.name, function.arity
                )
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    fn check_calls(text: &str, expected: &[&str]) {
        let found: Vec<_> = read(text)
            .calls
            .iter()
            .map(|call| {
                let mut name = call.qualifier.join("::");
                if !name.is_empty() {
                    name.push_str("::");
                }
                let dot = if call.method { "." } else { "" };
                let when = if call.eager { "eager" } else { "lazy" };
                format!(
                    "{} {dot}{name}{}/{} {when} {:?}",
                    call.line, call.name, call.arity, call.strings
                )
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    fn check_routes(text: &str, expected: &[&str]) {
        let found: Vec<_> = read(text)
            .routes
            .iter()
            .map(|route| {
                let handler = route.handler.as_deref().unwrap_or("-");
                format!("{} {} {} {handler}", route.line, route.method, route.path)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    fn check_error(text: &str, expected: (u64, u64)) {
        let file = read(text);
        let error = file.error.expect("an error");
        assert_eq!(
            (error.line, error.column),
            expected,
            "{text}: {}",
            error.message
        );
        assert!(!error.message.is_empty());
        assert_eq!(
            (file.imports.len(), file.definitions.len()),
            (0, 0),
            "{text}"
        );
    }

    #[test]
    fn imports_at_the_top_are_eager_and_those_in_bodies_lazy() {
        check_imports("import \"a/b\" as b;", &["1:1 a/b b eager"]);
        check_imports("import \"a\";", &["1:1 a - eager"]);
        check_imports("\n  import `a` as x;", &["2:3 a x eager"]);
        check_imports("if true { import \"a\" as a; }", &["1:11 a a eager"]);
        check_imports("if false { import \"a\" as a; }", &["1:12 a a eager"]);
        check_imports("fn f() { import \"a\" as a; a::g() }", &["1:10 a a lazy"]);
        check_imports("let f = || { import \"a\" as a; };", &["1:14 a a lazy"]);
        check_imports(
            "fn f() {\n import \"z\" as z; }\nimport \"a\" as a;",
            &["2:2 z z lazy", "3:1 a a eager"],
        );
        check_imports("// import \"a\" as a;\nlet s = \"import 'b'\";", &[]);
    }

    #[test]
    fn an_import_of_a_computed_name_is_unread() {
        let file = read("let n = 1;\nimport \"a\" + n as a;");
        assert_eq!(file.imports, []);
        assert_eq!(file.unread.len(), 1);
        assert_eq!(file.unread[0].line, 2);
    }

    #[test]
    fn functions_are_public_unless_they_say_private() {
        check_definitions("fn f(a, b) { a + b }", &["1 f/2"]);
        check_definitions(
            "private fn f() { }\nfn f(x) { x }",
            &["1 f/0 private", "2 f/1"],
        );
        check_definitions("let f = |x| x + 1;", &[]);
        check_definitions("", &[]);
    }

    #[test]
    fn calls_have_a_qualifier_and_their_string_arguments() {
        check_calls("f(1, \"x\");", &["1 f/2 eager [(1, \"x\")]"]);
        check_calls("let x = a::f();", &["1 a::f/0 eager []"]);
        check_calls("a::b::f(2);", &["1 a::b::f/1 eager []"]);
        check_calls(
            "let o = #{}; o.run(\"now\");",
            &["1 .run/1 eager [(0, \"now\")]"],
        );
        check_calls("fn g() { h() }", &["1 h/0 lazy []"]);
        check_calls(
            "fn g() { [1].map(|x| h(x)) }",
            &["1 .map/1 lazy []", "1 h/1 lazy []"],
        );
        check_calls("let x = 1 + 2 * 3;", &[]);
        check_calls("loop { break f(); }", &["1 f/0 eager []"]);
        check_calls(
            "switch f() { 1 => g(), _ => h() }",
            &["1 f/0 eager []", "1 g/0 eager []", "1 h/0 eager []"],
        );
        check_calls(
            "try { f(); } catch (e) { throw g(e); }",
            &["1 f/0 eager []", "1 g/1 eager []"],
        );
        check_calls("let s = `a ${f()} b`;", &["1 f/0 eager []"]);
    }

    #[test]
    fn routes_are_the_hosts_calls_at_the_top() {
        check_routes("route(\"get\", \"/me\", Fn(\"me\"));", &["1 GET /me me"]);
        check_routes("websocket(\"/ws\", Fn(\"chat\"));", &["1 WS /ws chat"]);
        check_routes("route(\"GET\", \"/x\", |request| 1);", &["1 GET /x -"]);
        check_routes("fn f() { route(\"GET\", \"/x\", Fn(\"x\")); }", &[]);
        check_routes("let p = \"/x\"; route(\"GET\", p, Fn(\"x\"));", &[]);
        check_routes("other::route(\"GET\", \"/x\", Fn(\"x\"));", &[]);
        check_routes("\nroute(\"GET\", \"/x\", Fn(\"x\"))", &["2 GET /x x"]);
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        check_error("let x = ;", (1, 9));
        check_error("fn f() {\n  let y = 1\n  let z = 2;\n}", (3, 3));
        check_error("fn f() {", (1, 9));
        check_error("let s = \"open", (1, 9));
        assert!(read(&"(".repeat(100_000)).error.is_some());
        assert!(read(&"{".repeat(100_000)).error.is_some());
        assert!(read(&"!".repeat(100_000)).error.is_some());
        assert!(
            read(&format!("let x = {}1;", "[".repeat(100_000)))
                .error
                .is_some()
        );
        assert!(read(&"if a {} else ".repeat(100_000)).error.is_some());
    }

    #[test]
    fn long_chains_are_read() {
        read(&format!("let x = 1{};", " + 1".repeat(50)));
        read(&format!("x{};", ".f()".repeat(20_000)));
        read(&format!("let x = 1{};", " + 1".repeat(50_000)));
        read(&format!("let x = {};", "a ?? ".repeat(20_000) + "1"));
    }

    fn check_resolve(module: &str, expected: Target) {
        assert_eq!(resolve(module), expected, "{module}");
    }

    #[test]
    fn modules_resolve_from_the_root() {
        check_resolve("agents/triage", Target::Inside("agents/triage.rhai".into()));
        check_resolve("./a/../b", Target::Inside("b.rhai".into()));
        check_resolve("a.rhai", Target::Inside("a.rhai.rhai".into()));
        check_resolve(
            "../auth/tokens",
            Target::Outside("../auth/tokens.rhai".into()),
        );
        assert_eq!(module("agents/triage.rhai"), "agents/triage");
    }

    proptest! {
        #[test]
        fn no_text_stops_the_reader(text in "[a-z0-9 \\n(){}\\[\\];:=+.\"'`$|#!&/*,<>-]{0,200}") {
            read(&text);
        }

        #[test]
        fn an_import_is_found_at_its_line(before in 0_usize..20, module in "[a-z]{1,8}(/[a-z]{1,8}){0,3}") {
            let text = format!("{}import \"{module}\" as m;", "let x = 1;\n".repeat(before));
            let file = read(&text);
            prop_assert_eq!(file.imports.len(), 1);
            prop_assert_eq!(&file.imports[0].module, &module);
            prop_assert_eq!(file.imports[0].line, before as u64 + 1);
        }
    }
}
