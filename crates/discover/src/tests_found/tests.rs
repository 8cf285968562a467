use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Shows suites as `runner folder:line [paths] e2e $VARIABLES`, one after the other.
#[track_caller]
fn check(path: &str, text: &str, files: &[&str], expected: &[&str]) {
    let files: HashSet<&str> = files.iter().copied().collect();
    let found = read(path, text, &|file| files.contains(file));
    let shown: Vec<String> = found
        .iter()
        .map(|suite| {
            let mut shown = format!("{} {}", suite.runner, suite.folder);
            if suite.origin.line > 0 {
                shown += &format!(":{}", suite.origin.line);
            }
            shown += &format!(" [{}]", suite.paths.join(" "));
            shown += if suite.end_to_end { " e2e" } else { "" };
            suite
                .variables
                .iter()
                .for_each(|name| shown += &format!(" ${name}"));
            shown
        })
        .collect();
    assert_eq!(shown, expected, "{path}: {text}");
}

#[test]
fn pytest() {
    check(
        "pytest.ini",
        "[pytest]\ntestpaths = tests",
        &["tests"],
        &["pytest .:1 [tests]"],
    );
    check(
        "a/pytest.ini",
        "[pytest]\nx=1",
        &["a/tests"],
        &["pytest a:1 [a/tests]"],
    );
    check("pytest.ini", "[pytest]\nx=1", &[], &["pytest .:1 []"]);
    check(
        "e2e/pytest.ini",
        "[pytest]\nx=1",
        &[],
        &["pytest e2e:1 [] e2e"],
    );
    check("tox.ini", "[tox]\nenvlist=py3", &["tests"], &[]);
    check(
        "tox.ini",
        "[tox]\nx=1\n[pytest]\nx=1",
        &["tests"],
        &["pytest .:3 [tests]"],
    );
    check(
        "setup.cfg",
        "[tool:pytest]\ntestpaths =\n    a\n    b\n",
        &["a", "b"],
        &["pytest .:1 [a b]"],
    );
    check("setup.cfg", "[pytest]\nx=1", &["tests"], &[]);
}

#[test]
fn pytest_in_pyproject_and_dependencies() {
    check(
        "pyproject.toml",
        "[tool.pytest.ini_options]\ntestpaths=['tests/e2e']",
        &["tests/e2e"],
        &["pytest .:1 [tests/e2e] e2e"],
    );
    check(
        "pyproject.toml",
        "[tool.pytest.ini_options]\ntestpaths='a b'",
        &["a", "b"],
        &["pytest .:1 [a b]"],
    );
    check("pyproject.toml", "[tool.ruff]\nx=1", &["tests"], &[]);
    check(
        "pyproject.toml",
        "[project]\nname='a'\n[dependency-groups]\ndev=['pytest>=8']",
        &["tests"],
        &["pytest . [tests]"],
    );
    check(
        "pyproject.toml",
        "[tool.poetry.group.dev.dependencies]\npytest='*'",
        &["tests"],
        &["pytest . [tests]"],
    );
    check(
        "pyproject.toml",
        "[project]\ndependencies=['pytest-mock']",
        &["tests"],
        &[],
    );
    check(
        "a/requirements-dev.txt",
        "pytest==8",
        &["a/tests"],
        &["pytest a [a/tests]"],
    );
    check(
        "a/requirements-dev.txt",
        "pytest==8",
        &["a/tests", "a/pytest.ini"],
        &[],
    );
    check("a/requirements.txt", "pytest==8", &[], &[]);
    check(
        "Pipfile",
        "[dev-packages]\npytest='*'",
        &["test"],
        &["pytest . [test]"],
    );
}

#[test]
fn suites_are_divided() {
    let ini = "[pytest]\nx=1";
    check(
        "pytest.ini",
        ini,
        &["tests", "tests/unit", "tests/e2e"],
        &["pytest .:1 [tests/unit]", "pytest .:1 [tests/e2e] e2e"],
    );
    check(
        "pytest.ini",
        ini,
        &["tests", "tests/integration"],
        &["pytest .:1 [tests]", "pytest .:1 [tests/integration] e2e"],
    );
}

#[test]
fn conftest() {
    let text = "import os\nU = os.environ['API_URL']\nV = os.environ.get(\"WEB_HOST\", 'x')\nW = os.getenv('SECRET_KEY')\nX = os.getenv('BASE_URL') # os.getenv('NOT_URL')";
    check(
        "a/tests/conftest.py",
        text,
        &[],
        &["pytest a [a/tests] $API_URL $WEB_HOST $BASE_URL"],
    );
    check("e2e/conftest.py", "", &[], &["pytest e2e [e2e] e2e"]);
    check("tests/conftest.py", "", &[], &["pytest . [tests]"]);
    check("conftest.py", "", &[], &["pytest . [.]"]);
    check("tests/e2e/conftest.py", "", &["tests/conftest.py"], &[]);
    check(
        "tests/e2e/conftest.py",
        text,
        &["tests/conftest.py"],
        &["pytest tests/e2e [tests/e2e] e2e $API_URL $WEB_HOST $BASE_URL"],
    );
}

#[test]
fn playwright() {
    check(
        "web/playwright.config.ts",
        "export default defineConfig({ testDir: './e2e', use: { baseURL: process.env.BASE_URL ?? 'http://x' } })",
        &[],
        &["playwright web [web/e2e] e2e $BASE_URL"],
    );
    check(
        "playwright.config.js",
        "const { WEB_URL, CI } = process.env\nmodule.exports = { testDir: path.join(__dirname, 'tests') }",
        &[],
        &["playwright . [tests] e2e $WEB_URL"],
    );
    check(
        "playwright.config.mjs",
        "export default { /* testDir: 'x' */ }",
        &[],
        &["playwright . [.] e2e"],
    );
    check(
        "playwright.config.ts",
        "x = { projects: [{ testDir: 'a' }, { testDir: 'b' }, { testDir: 'a' }], b: process.env['PORT'] }",
        &[],
        &["playwright . [a b] e2e $PORT"],
    );
    check("playwright.config.json", "{}", &[], &[]);
    check("playwrighter.config.ts", "", &[], &[]);
}

#[test]
fn npm() {
    check(
        "a/package.json",
        "{\"devDependencies\":{\"jest\":\"1\"}}",
        &["a/test", "a/src"],
        &["jest a [a/test]"],
    );
    check(
        "package.json",
        "{\"devDependencies\":{\"vitest\":\"1\"}}",
        &["src"],
        &["vitest . [src]"],
    );
    check(
        "package.json",
        "{\"scripts\":{\"test\":\"NODE_ENV=x node_modules/.bin/mocha --exit\"}}",
        &["test"],
        &["mocha . [test]"],
    );
    check(
        "package.json",
        "{\"scripts\":{\"test\":\"echo jestful\"}}",
        &["test"],
        &[],
    );
    check(
        "package.json",
        "{\"dependencies\":{\"react-scripts\":\"1\"}}",
        &["src"],
        &["jest . [src]"],
    );
    check(
        "package.json",
        "{\"devDependencies\":{\"cypress\":\"1\"}}",
        &["cypress", "cypress/e2e"],
        &["cypress . [cypress/e2e] e2e"],
    );
    check(
        "package.json",
        "{\"jest\":{}}",
        &["test", "e2e"],
        &["jest . [test]", "jest . [e2e] e2e"],
    );
    check(
        "package.json",
        "{\"jest\":{}}",
        &["test", "e2e", "playwright.config.ts"],
        &["jest . [test]"],
    );
    check(
        "package.json",
        "{\"jest\":{}}",
        &["test", "test/e2e", "test/unit"],
        &["jest . [test/unit]", "jest . [test/e2e] e2e"],
    );
    check("package.json", "[]", &["test"], &[]);
}

#[test]
fn configuration_of_npm_runners() {
    check(
        "cypress.config.ts",
        "export default { e2e: { baseUrl: process.env.BASE_URL } }",
        &["package.json"],
        &["cypress . [] e2e $BASE_URL"],
    );
    check(
        "jest.config.js",
        "module.exports = {}",
        &["package.json"],
        &[],
    );
    check(
        "vitest.config.ts",
        "export default {}",
        &["tests"],
        &["vitest . [tests]"],
    );
}

#[test]
fn libtest_and_go() {
    check(
        "a/Cargo.toml",
        "[package]\nname='a'",
        &["a/tests"],
        &["libtest a [a/tests]"],
    );
    check(
        "Cargo.toml",
        "[package]\nname='a'",
        &["tests", "tests/e2e.rs"],
        &["libtest . [tests] e2e"],
    );
    check("Cargo.toml", "[package]\nname='a'", &[], &[]);
    check("Cargo.toml", "[workspace]", &["tests"], &[]);
    check(
        "a/go.mod",
        "module a",
        &["a/test/e2e"],
        &["go a [a]", "go a [a/test/e2e] e2e"],
    );
    check("go.mod", "go 1.22", &[], &[]);
}

#[test]
fn junit() {
    let pom = "<project><artifactId>a</artifactId><dependencies><dependency><artifactId>junit-jupiter</artifactId><scope>test</scope></dependency></dependencies></project>";
    check(
        "pom.xml",
        pom,
        &["src/test/java"],
        &["junit . [src/test/java]"],
    );
    check("pom.xml", pom, &["src/it"], &["junit . [src/it] e2e"]);
    check("pom.xml", pom, &[], &[]);
    check(
        "pom.xml",
        &pom.replace("junit-jupiter", "mockito"),
        &["src/test/java"],
        &[],
    );
    check(
        "build.gradle",
        "test { useJUnitPlatform() }",
        &["src/test/kotlin"],
        &["junit . [src/test/kotlin]"],
    );
    check(
        "build.gradle.kts",
        "dependencies { testImplementation(libs.junit.jupiter) }",
        &["src/test/kotlin"],
        &["junit . [src/test/kotlin]"],
    );
    check(
        "build.gradle",
        "// useJUnitPlatform()",
        &["src/test/java"],
        &[],
    );
    check("other.txt", "", &[], &[]);
}

#[test]
fn names() {
    let is = |path: &str, expected: bool| assert_eq!(knows(path), expected, "{path}");
    is("a/playwright.config.ts", true);
    is("a/jest.config.mjs", true);
    is("a/conftest.py", true);
    is("a/requirements-dev.txt", true);
    is("a/vite.config.ts", false);
    is("a/test.py", false);
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(
        text in "(\\[|\\]|=|'|\"|\\{|\\}|<|>|/|&|;|:|testDir|process|env|\\.|\\(|\\)|\\n| |é){0,40}"
    ) {
        for path in ["Cargo.toml", "go.mod", "package.json", "pyproject.toml", "setup.cfg",
            "tox.ini", "pytest.ini", "conftest.py", "Pipfile", "requirements.txt", "pom.xml",
            "build.gradle", "playwright.config.ts", "cypress.config.js"]
        {
            read(path, &text, &|_| true);
        }
    }
}
