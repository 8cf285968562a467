//! Go, Rust, the languages of the JVM, C#, Elixir.

use super::{check, none};

#[test]
fn go() {
    let yes = |text: &str, path: &str| check("cmd/main.go", text, &[path]);
    yes("http.HandleFunc(\"/healthz\", health)", "/healthz");
    yes("mux.HandleFunc(\"GET /healthz\", health)", "/healthz");
    yes("mux.Handle(`/readyz`, h)", "/readyz");
    yes("r.HandleFunc(\"/_healthz\", h)", "/_healthz");
    yes("r.HandleFunc(\"/__lbheartbeat__\", h)", "/__lbheartbeat__");
    yes("r.GET(\"/ping\", func(c *gin.Context) {})", "/ping");
    yes("e.GET(\"/health\", h, mw)", "/health");
    yes("app.Get(\"/health\", h)", "/health");
    yes("r.Get(\"/-/healthy\", h)", "/-/healthy");
    yes(
        "api := r.Group(\"/api\")\nv1 := api.Group(\"/v1\")\nv1.GET(\"/health\", h)",
        "/api/v1/health",
    );
    yes(
        "r.Route(\"/api\", func(r chi.Router) { r.Get(\"/health\", h) })",
        "/api/health",
    );
    yes(
        "s := r.PathPrefix(\"/api\").Subrouter()\ns.HandleFunc(\"/health\", h)",
        "/api/health",
    );
    yes(
        "r.HandleFunc(\"/health\", h).Methods(\"GET\", \"HEAD\")",
        "/health",
    );
    yes(
        "r.HandleFunc(\"/health\", h).Methods(http.MethodGet)",
        "/health",
    );
    yes("r.Path(\"/health\").HandlerFunc(h)", "/health");
    yes("r.Method(\"GET\", \"/health\", h)", "/health");
    yes("r.Handle(http.MethodGet, \"/health\", h)", "/health");
}

#[test]
fn go_not() {
    let no = |text: &str| none("cmd/main.go", text);
    no("http.Get(\"/health\")");
    no("client.Get(\"/health\", opts)");
    no("resp, err := http.Get(base + \"/health\")");
    no("c.Get(\"/health\")");
    no("// http.HandleFunc(\"/healthz\", health)\nx");
    no("r.POST(\"/health\", h)");
    no("mux.HandleFunc(\"POST /health\", h)");
    no("r.HandleFunc(\"/health\", h).Methods(\"POST\")");
    no("r.HandleFunc(\"/health\", h).Methods(http.MethodPost)");
    no("r.GET(\"/orders/:id/status\", h)");
    no("log.Println(\"/health\", x)");
    no("x := `http.HandleFunc(\"/healthz\", h)`");
    no("r.Method(\"POST\", \"/health\", h)");
}

#[test]
fn rust() {
    let yes = |text: &str, path: &str| check("src/main.rs", text, &[path]);
    yes(
        "let app = Router::new().route(\"/health\", get(health));",
        "/health",
    );
    yes(
        "Router::new().route(\"/health\", get(|| async { \"ok\" }).post(p))",
        "/health",
    );
    yes(
        "Router::new().nest(\"/api\", Router::new().route(\"/health\", get(h)))",
        "/api/health",
    );
    yes(
        "Router::new().nest(\"/api\", x()).route(\"/health\", get(h))",
        "/health",
    );
    yes(
        "let api = Router::new().route(\"/health\", get(h));\nlet app = Router::new().nest(\"/api\", api);",
        "/api/health",
    );
    yes(
        "fn api() -> Router { Router::new().route(\"/health\", get(h)) }\nfn app() { Router::new().nest(\"/api\", api()) }",
        "/api/health",
    );
    yes("#[get(\"/health\")]\nasync fn health() {}", "/health");
    yes("#[rocket::get(\"/health\")]\nfn health() {}", "/health");
    yes(
        "#[get(\"/health\")]\nfn h() {}\nfn m() { b.mount(\"/api\", routes![x, h]) }",
        "/api/health",
    );
    yes(
        "#[get(\"/health\")]\nfn h() {}\nfn m() { web::scope(\"/api\").service(h) }",
        "/api/health",
    );
    yes("App::new().route(\"/health\", web::get().to(h))", "/health");
    yes(
        "App::new().service(web::resource(\"/health\").to(h))",
        "/health",
    );
    yes(
        "web::scope(\"/api\").service(web::resource(\"/health\").to(h))",
        "/api/health",
    );
    yes("warp::path(\"health\").map(h)", "/health");
    yes("warp::path!(\"health\").map(h)", "/health");
    yes("Route::new().at(r\"/health\", get(h))", "/health");
}

#[test]
fn rust_not() {
    let no = |text: &str| none("src/main.rs", text);
    no("client.get(\"/health\").send()");
    no("reqwest::get(\"/health\")");
    no("Router::new().route(\"/health\", post(h))");
    no("Router::new().route(\"/{id}/health\", get(h))");
    no("/// Router::new().route(\"/health\", get(h))\nfn x() {}");
    no("let x = r#\".route(\"/health\", get(h))\"#;");
    no("#[post(\"/health\")]\nfn h() {}");
    no("#[cfg(test)]\nmod tests { fn f() { Router::new().route(\"/health\", get(h)) } }");
    no("fn f<'a>(x: &'a str) { x.join(\"/health\"); }");
    no("#[doc = \"/health\"]\nfn h() {}");
}

#[test]
fn jvm() {
    let yes = |text: &str, path: &str| check("src/main/java/Api.java", text, &[path]);
    yes(
        "@RestController class A { @GetMapping(\"/health\") String f() {} }",
        "/health",
    );
    yes(
        "@RestController class A { @GetMapping(value = \"/health\", produces = \"x\") S f() {} }",
        "/health",
    );
    yes(
        "@RequestMapping(\"/api\") class A { @GetMapping({\"/health\", \"/x\"}) S f() {} }",
        "/api/health",
    );
    yes(
        "@RestController @RequestMapping(path = \"/api\") public class A { @GetMapping(\"health\") S f() {} }",
        "/api/health",
    );
    yes(
        "class A { @RequestMapping(value = \"/health\", method = RequestMethod.GET) S f() {} }",
        "/health",
    );
    yes(
        "@Path(\"/health\") public class A { @GET @Produces(\"x\") public S f() {} }",
        "/health",
    );
    yes(
        "@Path(\"/api\") public class A { @GET @Path(\"health\") public S f() {} }",
        "/api/health",
    );
    yes(
        "@Controller(\"/api\") public class A { @Get(\"/health\") S f() {} }",
        "/api/health",
    );
    yes(
        "app.get(\"/health\", ctx -> ctx.result(\"ok\"));",
        "/health",
    );
    yes("router.get(\"/health\").handler(h);", "/health");
    yes("RouterFunctions.route(GET(\"/health\"), h::get)", "/health");
    yes(
        "@RequestMapping(\"/health\") class A { @GetMapping S f() {} }",
        "/health",
    );
    check(
        "A.kt",
        "routing { get(\"/health\") { call.respond(1) } }",
        &["/health"],
    );
    check(
        "A.kt",
        "route(\"/api\") { get(\"/health\") { call.respond(1) } }",
        &["/api/health"],
    );
    check(
        "A.kt",
        "@RestController\n@RequestMapping(\"/api\")\nclass A(val x: X) {\n@GetMapping(\"/health\")\nfun f() = 1 }",
        &["/api/health"],
    );
}

#[test]
fn jvm_not() {
    let no = |text: &str| none("src/main/java/Api.java", text);
    no("class A { @PostMapping(\"/health\") S f() {} }");
    no("@FeignClient(\"b\") interface A { @GetMapping(\"/health\") S f(); }");
    no("interface A { @GET(\"/health\") Call<S> f(); }");
    no("restTemplate.getForObject(\"/health\", S.class)");
    no("webClient.get().uri(\"/health\")");
    no("httpClient.get(\"/health\", x)");
    no("class A { // @GetMapping(\"/health\")\n }");
    no("class A { /** @GetMapping(\"/health\") */ S f() {} }");
    no("@RequestMapping(\"/orders\") class A { @GetMapping(\"/status\") S f() {} }");
    no("class A { @GetMapping(\"/{id}/health\") S f() {} }");
    no("class A { @RequestMapping(value = \"/health\", method = RequestMethod.POST) S f() {} }");
    no("class A { @Value(\"/health\") S path; }");
    no("request.get(\"/health\");");
}

#[test]
fn csharp() {
    let yes = |text: &str, path: &str| check("src/Program.cs", text, &[path]);
    yes("app.MapHealthChecks(\"/healthz\");", "/healthz");
    yes(
        "app.MapHealthChecks(\"/health\", new HealthCheckOptions { });",
        "/health",
    );
    yes("app.UseHealthChecks(\"/health\");", "/health");
    yes("app.MapGet(\"/health\", () => \"ok\");", "/health");
    yes(
        "var api = app.MapGroup(\"/api\");\napi.MapGet(\"/health\", h);",
        "/api/health",
    );
    yes(
        "app.MapGroup(\"/api\").MapGet(\"/health\", h);",
        "/api/health",
    );
    yes(
        "[ApiController]\n[Route(\"api/[controller]\")]\npublic class HealthController : B {\n[HttpGet]\npublic S Get() {} }",
        "/api/health",
    );
    yes(
        "[Route(\"api\")]\npublic class A {\n[HttpGet(\"health\")]\npublic S Get() {} }",
        "/api/health",
    );
    yes(
        "[Route(\"api\")]\npublic class A {\n[HttpGet(\"/health\")]\npublic S Get() {} }",
        "/health",
    );
    yes(
        "[Route(\"api\")]\npublic class A {\n[HttpGet, Route(\"health\")]\npublic object Get() {} }",
        "/api/health",
    );
    let no = |text: &str| none("src/Program.cs", text);
    no("await client.GetAsync(\"/health\");");
    no("app.MapPost(\"/health\", h);");
    no("// app.MapGet(\"/health\", h);\n");
    no("var x = @\"app.MapGet(\"\"/health\"\", h)\";");
    no("public class A {\n[HttpPost(\"health\")]\npublic S Get() {} }");
    no("var x = y[Route(\"/health\")];");
}

#[test]
fn elixir() {
    let yes = |text: &str, path: &str| check("lib/router.ex", text, &[path]);
    yes("get \"/health\", HealthController, :index", "/health");
    yes(
        "scope \"/api\", X do\n  get \"/health\", C, :i\nend",
        "/api/health",
    );
    yes(
        "scope \"/api\", X do\n  get \"/a\", C, :i\nend\nget \"/health\", C, :i",
        "/health",
    );
    yes(
        "get \"/health\" do\n  send_resp(conn, 200, \"\")\nend",
        "/health",
    );
    yes("forward \"/health\", to: HealthPlug", "/health");
    let no = |text: &str| none("lib/router.ex", text);
    no("HTTPoison.get(\"/health\", h)");
    no("# get \"/health\", C, :i\nx");
    no("post \"/health\", C, :i");
    no("@doc \"\"\"\nget \"/health\", C, :i\n\"\"\"");
    no("get(\"/health\")");
}
