use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Shows a package as `folder name language runs: notable`, `-` for no name.
fn show(path: &str, text: &str, files: &[&str]) -> String {
    let files: HashSet<&str> = files.iter().copied().collect();
    let Some(package) = read(path, text, &|file| files.contains(file)) else {
        return "none".to_owned();
    };
    assert_eq!(package.origin.file, path);
    format!(
        "{} {} {}{}: {}",
        package.folder,
        package.name.as_deref().unwrap_or("-"),
        package.language,
        if package.runs { " runs" } else { "" },
        package.notable.join(" ")
    )
}

#[track_caller]
fn check(path: &str, text: &str, files: &[&str], expected: &str) {
    assert_eq!(
        show(path, text, files).trim_end(),
        expected,
        "{path}: {text}"
    );
}

#[test]
fn cargo() {
    let text = "[package]\nname='a'\n[dependencies]\naxum='0.8'\nx={package='redis',version='1'}\nserde='1'\n[dev-dependencies]\nsqlx='0'";
    check(
        "api/Cargo.toml",
        text,
        &["api/src/main.rs"],
        "api a rust runs: axum redis",
    );
    check("Cargo.toml", "[package]\nname='a'", &[], ". a rust:");
    check(
        "Cargo.toml",
        "[package]\nname='a'\n[[bin]]\nname='b'",
        &[],
        ". a rust runs:",
    );
    check(
        "Cargo.toml",
        "[package]\nname='a'",
        &["src/bin"],
        ". a rust runs:",
    );
    check(
        "Cargo.toml",
        "[package]\nname='a'\n[target.'cfg(unix)'.dependencies]\ntonic='1'",
        &[],
        ". a rust: tonic",
    );
    check(
        "Cargo.toml",
        "[workspace]\nmembers=['a']",
        &["src/main.rs"],
        "none",
    );
    check("Cargo.toml", "[package", &[], "none");
}

#[test]
fn go() {
    let text = "module example.com/shop/api // x\n\ngo 1.22\n\nrequire (\n\tgithub.com/labstack/echo/v4 v4.1.0\n\tgithub.com/lib/pq v1 // indirect\n)\nrequire github.com/redis/go-redis/v9 v9.0.0\nreplace (\n\tgithub.com/gin-gonic/gin v1 => x v1\n)";
    check(
        "api/go.mod",
        text,
        &["api/main.go"],
        "api example.com/shop/api go runs: github.com/labstack/echo github.com/redis/go-redis",
    );
    check("go.mod", "module a", &["cmd"], ". a go runs:");
    check("go.mod", "module a", &[], ". a go:");
    check("go.mod", "go 1.22", &[], "none");
}

#[test]
fn npm() {
    check(
        "web/package.json",
        "{\"name\":\"@a/web\",\"scripts\":{\"start\":\"x\"},\"dependencies\":{\"express\":\"1\",\"left-pad\":\"1\"},\"devDependencies\":{\"pg\":\"1\"}}",
        &[],
        "web @a/web node runs: express",
    );
    check(
        "package.json",
        "{\"name\":\"a\",\"scripts\":{\"test\":\"x\"}}",
        &[],
        ". a node:",
    );
    check(
        "package.json",
        "{\"name\":\"a\",\"workspaces\":[\"b\"],\"scripts\":{\"dev\":\"turbo\"}}",
        &[],
        ". a node:",
    );
    check("package.json", "{\"type\":\"module\"}", &[], "none");
    check(
        "package.json",
        "{\"name\": 1, \"scripts\": []}",
        &[],
        "none",
    );
    check("package.json", "{ broken", &[], "none");
}

#[test]
fn python() {
    check(
        "a/pyproject.toml",
        "[project]\nname='a'\ndependencies=['Flask>=2','psycopg2_binary[x]; python_version<\"4\"']\n[project.scripts]\na='a:m'",
        &[],
        "a a python runs: flask psycopg2-binary",
    );
    check(
        "pyproject.toml",
        "[tool.poetry]\nname='a'\n[tool.poetry.dependencies]\npython='^3'\nfastapi='*'",
        &["app/main.py"],
        ". a python runs: fastapi",
    );
    check(
        "pyproject.toml",
        "[project]\nname='my-api'",
        &["src/my_api/__main__.py"],
        ". my-api python runs:",
    );
    check("pyproject.toml", "[tool.ruff]\nx=1", &["main.py"], "none");
    check(
        "setup.cfg",
        "[metadata]\nname = a\n[options]\ninstall_requires =\n    django>=4\n    redis\n",
        &[],
        ". a python: django redis",
    );
    check("setup.cfg", "[flake8]\nx = 1", &[], "none");
    check(
        "setup.py",
        "from setuptools import setup\nsetup(name='a', install_requires=['flask', x], entry_points={})",
        &[],
        ". a python runs: flask",
    );
    check("setup.py", "# setup(name='a')", &[], "none");
    check(
        "Pipfile",
        "[packages]\nflask='*'\n[dev-packages]\ndjango='*'",
        &["app.py"],
        ". - python runs: flask",
    );
    check(
        "a/requirements.txt",
        "-r base.txt\n# flask\nuvicorn[standard]==0.2 # x\n--hash=a\nredis @ https://e.com/r.whl\n./local\nhttps://e.com/django.whl\ngit+https://e.com/x#egg=Sanic\n",
        &["a/main.py"],
        "a - python runs: redis sanic uvicorn",
    );
    check("a/requirements/base.txt", "flask", &[], "a - python: flask");
    check(
        "requirements/prod.txt",
        "flask",
        &["wsgi.py"],
        ". - python runs: flask",
    );
    check("requirements-dev.txt", "flask", &[], "none");
    check("requirements.txt", "# nothing", &[], "none");
}

#[test]
fn java() {
    let pom = |rest: &str| {
        format!(
            "<?xml version=\"1.0\"?><project xmlns=\"x\"><parent><artifactId>p</artifactId></parent><artifactId>api</artifactId>{rest}</project>"
        )
    };
    let web = "<dependencies><dependency><groupId>g</groupId><artifactId>spring-boot-starter-web</artifactId><exclusions><exclusion><artifactId>jedis</artifactId></exclusion></exclusions></dependency><dependency><artifactId>postgresql</artifactId><scope>test</scope></dependency></dependencies>";
    let plugin = "<build><plugins><plugin><artifactId>spring-boot-maven-plugin</artifactId><dependencies><dependency><artifactId>jedis</artifactId></dependency></dependencies></plugin></plugins></build>";
    check(
        "a/pom.xml",
        &pom(&format!("{web}{plugin}")),
        &[],
        "a api java runs: spring-boot-starter-web",
    );
    check("pom.xml", &pom(""), &[], ". api java:");
    check(
        "pom.xml",
        &pom("<packaging>war</packaging>"),
        &[],
        ". api java runs:",
    );
    check("pom.xml", &pom("<packaging>pom</packaging>"), &[], "none");
    check(
        "pom.xml",
        &pom("<modules><module>a</module></modules>"),
        &[],
        "none",
    );
    check(
        "pom.xml",
        &pom(&format!(
            "<dependencyManagement>{web}</dependencyManagement>"
        )),
        &[],
        ". api java:",
    );
    check("pom.xml", "<project><artifactId>a</project>", &[], "none");
    check("pom.xml", "<project>", &[], "none");
    check("pom.xml", &"<a>".repeat(100_000), &[], "none");
}

#[test]
fn gradle() {
    check(
        "a/build.gradle",
        "plugins { id 'org.springframework.boot' version '3' }\ndependencies {\n implementation 'org.springframework.boot:spring-boot-starter-web'\n runtimeOnly \"org.postgresql:postgresql:${v}\"\n testImplementation 'redis.clients:jedis:1' }",
        &[],
        "a - java runs: postgresql spring-boot-starter-web",
    );
    check(
        "build.gradle.kts",
        "plugins { application }\ndependencies { implementation(libs.spring.boot.starter.web)\n implementation(\"redis.clients:jedis:1\") }",
        &[],
        ". - java runs: jedis spring-boot-starter-web",
    );
    check(
        "build.gradle",
        "// implementation 'a:jedis:1'\nallprojects { }",
        &[],
        "none",
    );
}

#[test]
fn names() {
    let is = |path: &str, expected: bool| assert_eq!(knows(path), expected, "{path}");
    is("a/Cargo.toml", true);
    is("a/requirements-prod.txt", true);
    is("a/requirements/base.txt", true);
    is("a/notes.txt", false);
    is("a/package-lock.json", false);
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(
        text in "(\\[|\\]|=|'|\"|\\{|\\}|<|>|/|&|;|:|@|#egg=|setup\\(|name|module |require \\(|\\n| |é){0,40}"
    ) {
        for path in ["Cargo.toml", "go.mod", "package.json", "pyproject.toml", "setup.cfg",
            "setup.py", "Pipfile", "requirements.txt", "pom.xml", "build.gradle", "build.gradle.kts"]
        {
            read(path, &text, &|_| true);
        }
    }
}
