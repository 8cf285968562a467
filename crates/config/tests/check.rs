//! What `check` says of a configuration in a folder that is really there.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail like the test"
)]

use std::fs;
use std::path::Path;

use assay_config::{Severity, check};

/// Writes `files` (a name that ends in `/` is a folder) and `config`, and compares the problems as
/// `LINE severity message (label) [hint]`.
fn check_in(files: &[&str], config: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    for name in files {
        let path = folder.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }
    assert_eq!(problems(folder.path(), config), expected, "{config}");
}

fn problems(folder: &Path, config: &str) -> Vec<String> {
    let path = folder.join("assay.toml");
    fs::write(&path, config).unwrap();
    let checked = check(&path).unwrap();
    let Some(problems) = checked.problems else {
        return Vec::new();
    };
    let line = |problem: &assay_config::Problem| {
        let (line, _) = problems.position(problem);
        let hint = problem.hint.as_ref().map(|hint| format!(" [{hint}]"));
        format!(
            "{line} {} {} ({}){}",
            problem.severity.word(),
            problem.message,
            problem.label,
            hint.unwrap_or_default()
        )
    };
    let errors = problems.iter().any(|p| p.severity == Severity::Error);
    assert_eq!(problems.has_errors(), errors);
    problems.iter().map(line).collect()
}

const API: &str = "[project]\nname = \"x\"\n[service.api]\nurl = \"http://127.0.0.1:8000\"\n";

#[test]
fn paths_are_looked_for() {
    let config = format!("{API}source = [\"services/api\", \"libs\"]\n");
    check_in(&["services/api/", "libs/"], &config, &[]);
    check_in(
        &["service/api/"],
        &config,
        &[
            "5 error `service.api.source` names `services/api`, which is not there (no such file \
             or folder) [did you mean `service/api`?]",
            "5 error `service.api.source` names `libs`, which is not there (no such file or \
             folder)",
        ],
    );
    let config = format!(
        "{API}container = {{ dockerfile = \"api/Dockerfile\", context = \"api/main.py\" }}\n"
    );
    check_in(
        &["api/Dockerfile/", "api/main.py"],
        &config,
        &[
            "5 error `service.api.container.dockerfile` names `api/Dockerfile` (a folder, not a \
             file)",
            "5 error `service.api.container.context` names `api/main.py` (a file, not a folder)",
        ],
    );
    let config = format!(
        "{API}probe = {{ command = [\"./check.sh\"] }}\nlogs = {{ file = \"var/a.log\" }}\n"
    );
    check_in(
        &["check.sh"],
        &config,
        &[
            "5 error `service.api.probe.command` names `./check.sh` (nobody may run it) [chmod +x \
             ./check.sh]",
            "6 warning `service.api.logs.file` names `var/a.log` (neither the file nor its folder \
             is there yet)",
        ],
    );
    check_in(
        &["var/"],
        &format!("{API}logs = {{ file = \"var/a.log\" }}\n"),
        &[],
    );
}

#[test]
fn addresses_agree() {
    let config = format!(
        "{API}[service.web]\nurl = \"http://127.0.0.1:8000\"\n[service.old]\nurl = \
         \"http://127.0.0.1:443\"\n[dependency.db]\nurl = \"postgres://127.0.0.1\"\n"
    );
    check_in(
        &[],
        &config,
        &[
            "6 warning `service.web.url` is the address of `service.api.url`, too (two names for \
             one place) [give each its own address, or one of them a path of its own]",
            "8 warning `service.old.url` mixes scheme and port (443 is the port of https)",
        ],
    );
    let config = format!("{API}[service.web]\nurl = \"http://127.0.0.1:8000/web\"\n");
    check_in(&[], &config, &[]);
    let config = format!(
        "{API}[service.web]\nurl = \"https://web.example.com\"\n[service.auth]\nurl = \
         \"https://auth.example.com\"\n"
    );
    check_in(
        &[],
        &config,
        &[
            "4 warning `service.api.url` is on this machine (most services of this environment are \
           elsewhere) [`service.web.url` is not]",
        ],
    );
}

#[test]
fn nothing_points_at_another_environment() {
    let config = "[project]\nname = \"x\"\n[environment.staging]\n[service.api]\nurl = \
                  \"https://api.stg.example.com\"\n[service.auth]\nurl = \
                  \"https://auth.prod.example.com\"\n[suite.e2e]\nrunner = \"pytest\"\nenv = { A = \
                  \"https://api.prod.example.com/v1\", B = \"https://other.example.com\", C = \
                  \"{service.api.url}\", D = \"https://api.stg.example.com\", E = \"no url\" }\n";
    check_in(
        &[],
        config,
        &[
            "7 error `service.auth.url` points at another environment (`auth.prod.example.com` \
             says production, this environment is staging)",
            "10 error `suite.e2e.env.A` points at another environment (`api.prod.example.com` \
             says production, this environment is staging)",
            "10 warning `suite.e2e.env.A` points outside this environment \
             (`api.prod.example.com` is no service or dependency of this file)",
            "10 warning `suite.e2e.env.B` points outside this environment (`other.example.com` is \
             no service or dependency of this file)",
            "10 warning `suite.e2e.env.D` is the literal address of api (its traffic would go \
             past assay, and prove nothing) [write `{service.api.url}`]",
        ],
    );
}

#[test]
fn the_graph_is_walked() {
    let config = format!(
        "{API}depends_on = [\"auth\"]\ndeploy = {{ env = {{ WEB = \"{{service.web.url}}/x\", AUTH \
         = \"{{service.auth.url}}\" }} }}\n[service.auth]\nurl = \"http://127.0.0.1:8001\"\n\
         depends_on = [\"web\"]\n[service.web]\nurl = \"http://127.0.0.1:8002\"\ndepends_on = \
         [\"api\"]\n"
    );
    check_in(
        &[],
        &config,
        &[
            "5 warning api depends on itself: api → auth → web → api (no order of starting them \
             is right) [leave out the call that it can do without at its start]",
            "6 warning api is given the address of web (`web` is not in its `depends_on`) [add \
             \"web\" to `service.api.depends_on`]",
        ],
    );
}

#[test]
fn variables_and_services_are_missed() {
    check_in(
        &[],
        "[project]\nname = \"x\"\nsecrets = [\"ASSAY_TEST_NOBODY_SETS_THIS\"]\n",
        &[
            "1 warning assay.toml names no service (nothing can be looked at) [add a \
             [service.NAME] with a url, or run `assay init --merge`]",
            "3 warning secret `ASSAY_TEST_NOBODY_SETS_THIS` is not set (its value could not be \
             kept out of evidence) [set `ASSAY_TEST_NOBODY_SETS_THIS` before running assay]",
        ],
    );
}
