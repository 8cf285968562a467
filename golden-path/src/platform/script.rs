//! A bundle's scripts: loaded once with all their imports, then called handler by handler.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::module_resolvers::DummyModuleResolver;
use rhai::{AST, Dynamic, Engine, EvalAltResult, Module, ModuleResolver, Position, Scope, Shared};

use super::host::{self, Host};
use super::routes::Route;
use super::shell;
use super::trace::{EXTENSION, Failure};

/// Operations of one function of one module, so that a script cannot spin for ever.
const OPERATIONS_MAX: u64 = 5_000_000;
/// Depth of calls within one call.
const CALL_LEVELS_MAX: usize = 48;
/// A module's text, in bytes.
const MODULE_BYTES_MAX: u64 = 256 * 1024;
/// Modules inside one another while loading.
const IMPORT_DEPTH_MAX: usize = 32;
/// The name under which the entry's functions are called.
const ENTRY_ALIAS: &str = "app";

type SharedModule = Shared<Module>;

/// A loaded bundle.
pub(crate) struct Program {
    engine: Engine,
    /// The call of each handler, by the handler's name.
    calls: HashMap<String, AST>,
}

impl Program {
    /// Evaluates the entry script of the host's bundle and takes the routes that it declares.
    /// Blocks, and runs whatever the modules do when they are loaded.
    pub(crate) fn load(host: &Arc<Host>) -> Result<(Self, Vec<Route>), Failure> {
        let entry = host.settings.entry.clone();
        let mut engine = Engine::new();
        engine.set_max_operations(OPERATIONS_MAX);
        engine.set_max_call_levels(CALL_LEVELS_MAX);
        engine.set_module_resolver(BundleResolver::new(host.settings.bundle.clone()));
        host::register(&mut engine, host);
        let (module, _) = read(&host.settings.bundle, &entry)
            .ok_or_else(|| EvalAltResult::ErrorModuleNotFound(entry.clone(), Position::NONE).into())
            .and_then(|text| evaluate(&engine, &entry, &text))
            .map_err(|error| Failure::of(*error, &entry))?;
        let routes = host.take_routes();
        for route in &routes {
            if module.get_script_fn(&route.handler, 1).is_none() {
                return Err(Failure {
                    message: format!("handler not found: {} ({entry})", route.handler),
                    trace: Vec::new(),
                    refusal: None,
                });
            }
        }
        engine.register_static_module(ENTRY_ALIAS, module.into());
        // Everything has been imported; what is asked for from here on does not exist.
        engine.set_module_resolver(DummyModuleResolver::new());
        let mut calls = HashMap::new();
        for route in &routes {
            let call = engine
                .compile(format!("{ENTRY_ALIAS}::{}(argument)", route.handler))
                .map_err(|error| Failure::of(error.into(), &entry))?;
            calls.insert(route.handler.clone(), call);
        }
        Ok((Self { engine, calls }, routes))
    }

    /// Calls a handler. Blocks: call it on the blocking pool.
    pub(crate) fn call(&self, handler: &str, argument: Dynamic) -> Result<Dynamic, Failure> {
        let Some(call) = self.calls.get(handler) else {
            return Err(Failure {
                message: format!("handler not found: {handler}"),
                trace: Vec::new(),
                refusal: None,
            });
        };
        let mut scope = Scope::new();
        scope.push_dynamic("argument", argument);
        self.engine
            .eval_ast_with_scope(&mut scope, call)
            .map_err(|error| Failure::of(*error, ""))
    }
}

/// Finds modules in the bundle and nowhere else, each evaluated once.
struct BundleResolver {
    root: PathBuf,
    loaded: Mutex<HashMap<String, SharedModule>>,
    loading: Mutex<Vec<String>>,
}

impl BundleResolver {
    fn new(root: PathBuf) -> Self {
        Self {
            root,
            loaded: Mutex::default(),
            loading: Mutex::default(),
        }
    }

    fn load(&self, engine: &Engine, path: &str) -> Result<SharedModule, Box<EvalAltResult>> {
        let file = format!("{path}{EXTENSION}");
        let text = read(&self.root, &file).ok_or_else(|| {
            Box::new(EvalAltResult::ErrorModuleNotFound(
                path.to_owned(),
                Position::NONE,
            ))
        })?;
        let (module, ast) = evaluate(engine, &file, &text)?;
        Ok(shell::closed(module, &ast, &file).into())
    }

    fn enter(&self, path: &str) -> Result<(), Box<EvalAltResult>> {
        let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if loading.iter().any(|open| open == path) {
            return Err(format!("circular import: {} > {path}", loading.join(" > ")).into());
        }
        if loading.len() >= IMPORT_DEPTH_MAX {
            return Err(format!("imports nested too deep: {path}").into());
        }
        loading.push(path.to_owned());
        Ok(())
    }
}

impl ModuleResolver for BundleResolver {
    fn resolve(
        &self,
        engine: &Engine,
        _source: Option<&str>,
        path: &str,
        pos: Position,
    ) -> Result<SharedModule, Box<EvalAltResult>> {
        let loaded = self
            .loaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned();
        if let Some(module) = loaded {
            return Ok(module);
        }
        let inside = |error| EvalAltResult::ErrorInModule(path.to_owned(), error, pos);
        self.enter(path).map_err(inside)?;
        let result = self.load(engine, path);
        self.loading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match result {
            Ok(module) => {
                let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
                loaded.insert(path.to_owned(), module.clone());
                Ok(module)
            }
            // Its own absence is the importer's error; everything else happened inside of it.
            Err(error) => match *error {
                EvalAltResult::ErrorModuleNotFound(missing, Position::NONE) if missing == path => {
                    Err(EvalAltResult::ErrorModuleNotFound(missing, pos).into())
                }
                other => Err(inside(other.into()).into()),
            },
        }
    }
}

fn evaluate(engine: &Engine, file: &str, text: &str) -> Result<(Module, AST), Box<EvalAltResult>> {
    let mut ast = engine.compile(text)?;
    ast.set_source(file);
    let module = Module::eval_ast_as_new(Scope::new(), &ast, engine)?;
    Ok((module, ast))
}

/// The text of a file below `root`; `None` when there is no such file, or none of a sane size.
fn read(root: &Path, file: &str) -> Option<String> {
    let relative = Path::new(file);
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let path = root.join(relative);
    let size = std::fs::metadata(&path)
        .ok()
        .filter(|meta| meta.is_file())?
        .len();
    if size > MODULE_BYTES_MAX {
        None
    } else {
        std::fs::read_to_string(path).ok()
    }
}
