//! A module as its importers see it.

use std::any::TypeId;

use rhai::{
    AST, Dynamic, Engine, FnAccess, FuncRegistration, Module, NativeCallContext, RhaiFunc, Shared,
};

/// Closes `module` against its importers: every public function runs with a resolution of names of
/// its own.
///
/// The interpreter remembers, for the whole of one evaluation, which function a name and a number
/// of arguments mean, and does not forget it between modules: two modules with a private
/// `summary(x)` each would come to call the same one. A call through a native function starts
/// with nothing remembered.
pub(crate) fn closed(module: Module, ast: &AST, file: &str) -> Module {
    let inner: Shared<Module> = module.into();
    let mut shell = Module::new();
    shell.set_id(file);
    for (name, value) in inner.iter_var() {
        shell.set_var(name, value.clone());
    }
    for function in ast
        .iter_functions()
        .filter(|function| function.access == FnAccess::Public)
    {
        let name = function.name.to_owned();
        let inner = inner.clone();
        let call = move |context: Option<NativeCallContext<'_>>, args: &mut [&mut Dynamic]| {
            let context = context.ok_or("a module's function needs its context")?;
            within(context.engine(), &inner, &name, &context, args)
        };
        let types = vec![TypeId::of::<Dynamic>(); function.params.len()];
        let native = RhaiFunc::Pure {
            func: Shared::new(call),
            has_context: true,
            is_pure: false,
            is_volatile: true,
        };
        FuncRegistration::new(function.name).set_into_module_raw(&mut shell, types, native);
    }
    shell.build_index();
    shell
}

fn within(
    engine: &Engine,
    module: &Shared<Module>,
    name: &str,
    context: &NativeCallContext<'_>,
    args: &mut [&mut Dynamic],
) -> Result<Dynamic, Box<rhai::EvalAltResult>> {
    let mut global = engine.new_global_runtime_state();
    global.lib.push(module.clone());
    // The depth goes on counting, so that modules cannot call each other for ever.
    global.level = context.call_level();
    NativeCallContext::new_with_all_fields(
        engine,
        name,
        module.id(),
        &global,
        context.call_position(),
    )
    .call_fn_raw(name, false, false, args)
}

#[cfg(test)]
mod tests {
    use rhai::Scope;
    use rhai::module_resolvers::StaticModuleResolver;

    use super::*;

    fn module(engine: &Engine, file: &str, text: &str) -> Module {
        let mut ast = engine.compile(text).unwrap();
        ast.set_source(file);
        let module = Module::eval_ast_as_new(Scope::new(), &ast, engine).unwrap();
        closed(module, &ast, file)
    }

    fn check(script: &str, expected: &str) {
        let mut engine = Engine::new();
        engine.set_max_call_levels(20);
        let mut resolver = StaticModuleResolver::new();
        let one =
            "export const NAME = \"one\"; fn answer(x) { own(x) } private fn own(x) { x + 1 }";
        let two = "fn answer(x) { own(x) } private fn own(x) { x + 10 }";
        resolver.insert("one", module(&engine, "one.rhai", one));
        resolver.insert("two", module(&engine, "two.rhai", two));
        engine.set_module_resolver(resolver);
        let script = format!("import \"one\" as one; import \"two\" as two; {script}");
        let value = engine.eval::<Dynamic>(&script);
        assert_eq!(
            value.map_or_else(|error| error.to_string(), |value| value.to_string()),
            expected
        );
    }

    #[test]
    fn private_functions_of_one_name_do_not_mix() {
        let sum = "let n = 0; for i in 0..3 { n += one::answer(i); n += two::answer(i); } n";
        check(sum, "39");
    }

    #[test]
    fn what_is_private_stays_private_and_constants_are_seen() {
        check("one::NAME", "one");
        check(
            "one::own(1)",
            "Function not found: one::own (i64) (line 1, position 48)",
        );
    }
}
