//! Routers of one file under the prefix of another.

use super::super::{mount, mounts, read};

/// What becomes of `/health` in one file of a package whose main file is `main`.
fn check(main: &str, expected: &str) {
    let found = mounts("app/main.py", main);
    let file = "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get(\"/health\")\ndef health(): pass\n";
    let mut routes = read("app/api/health.py", file);
    mount(&found, &[], &mut routes);
    let shown = routes.iter().map(|route| {
        let doubt = if route.adrift { "?" } else { "" };
        format!("{}{doubt}", route.path)
    });
    assert_eq!(shown.collect::<String>(), expected, "{main}");
}

#[test]
fn one_prefix_is_joined() {
    check(
        "app.include_router(health.router, prefix=\"/api/v1\")",
        "/api/v1/health",
    );
    check(
        "api.include_router(health.router)\napp.include_router(api, prefix=\"/api/v1\")",
        "/api/v1/health",
    );
    check("app.include_router(health.router)", "/health");
}

#[test]
fn what_cannot_be_told_is_a_guess() {
    check("", "/health?");
    check(
        "app.include_router(x.router, prefix=settings.API)",
        "/health?",
    );
    check(
        "app.include_router(a.router, prefix=\"/a\")\napp.include_router(b.router, prefix=\"/b\")",
        "/health?",
    );
    check(
        "app.include_router(health.router)\napp.include_router(users.router, prefix=\"/users\")",
        "/health?",
    );
}

#[test]
fn a_route_of_the_application_itself_is_not_adrift() {
    let file = "app = FastAPI()\n@app.get(\"/health\")\ndef health(): pass\n";
    let routes = read("app/main.py", file);
    assert!(!routes[0].adrift);
}
