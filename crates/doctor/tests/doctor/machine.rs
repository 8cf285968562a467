//! What assay itself stands on, and the whole of a project at once.

use std::fs;

use assay_doctor::{Machine, Status, Subject, examine, needs};

use crate::project::{deploy, look, machine, project, service, suite};

#[tokio::test]
async fn the_state_folder_is_written_and_locked_and_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let mut machine = machine(dir.path());
    let checked = look(Subject::StateFolder, &machine).await;
    assert_eq!(checked.status, Status::Ok, "{checked:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

    fs::write(dir.path().join("file"), "").unwrap();
    machine.state = dir.path().join("file");
    let checked = look(Subject::StateFolder, &machine).await;
    assert_eq!(checked.status, Status::Broken, "{checked:?}");
    // Nobody may write there, not even root.
    machine.state = "/proc/self/.assay".into();
    let checked = look(Subject::StateFolder, &machine).await;
    assert_eq!(checked.status, Status::NotPermitted, "{checked:?}");
}

#[tokio::test]
async fn a_repository_is_found_above() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    let checked = look(Subject::Repository, &machine(&inner)).await;
    assert_eq!(checked.status, Status::Missing, "{checked:?}");
    fs::write(dir.path().join(".git"), "gitdir: elsewhere").unwrap();
    let checked = look(Subject::Repository, &machine(&inner)).await;
    assert_eq!(checked.status, Status::Ok, "{checked:?}");
}

#[tokio::test]
async fn logs_and_variables() {
    let dir = tempfile::tempdir().unwrap();
    let mut machine = machine(dir.path());
    let log = |path: &str| Subject::LogFile {
        path: path.to_owned(),
    };
    fs::write(dir.path().join("api.log"), "").unwrap();
    assert_eq!(look(log("api.log"), &machine).await.status, Status::Ok);
    assert_eq!(
        look(log("none.log"), &machine).await.status,
        Status::Missing
    );
    assert_eq!(look(log("."), &machine).await.status, Status::Broken);
    let token = Subject::Variable {
        name: "TOKEN".to_owned(),
    };
    assert_eq!(look(token.clone(), &machine).await.status, Status::Missing);
    machine.variables.insert("TOKEN".to_owned());
    assert_eq!(look(token, &machine).await.status, Status::Ok);
}

#[tokio::test]
async fn a_whole_project_is_examined_in_order_and_shown_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let mut project = project();
    project.root = dir.path().to_owned();
    let port = assay_world::files::free_port().unwrap();
    let mut api = service("api", &format!("http://127.0.0.1:{port}"));
    api.deploy = Some(deploy("no-such-server --port {port}"));
    project.services.insert("api".into(), api);
    project.suites.push(suite("e2e", "libtest", "./e2e", &[]));

    let needs = needs(&project);
    let machine = Machine::here(dir.path(), &dir.path().join(".assay"));
    let checked = examine(&needs, &machine).await;
    let names: Vec<_> = checked.iter().map(|it| it.name.clone()).collect();
    let expected: Vec<_> = needs.iter().map(|it| it.subject.to_string()).collect();
    assert_eq!(names, expected);

    let json = serde_json::to_value(&checked).unwrap();
    let of = |name: &str| {
        let all = json.as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap().clone()
    };
    let server = of("no-such-server");
    assert_eq!(server["status"], "missing");
    assert_eq!(server["subject"]["kind"], "program");
    assert_eq!(server["why"][0], "[service.api.deploy] command");
    assert_eq!(server["required_for"][0], "deploying api");
    assert_eq!(server["blocking"], true);
    assert_eq!(of("./e2e")["status"], "missing");
    for name in ["state folder", "clock"] {
        assert_eq!(of(name)["status"], "ok", "{}", of(name));
    }
    assert_eq!(
        of(&format!("port of api at 127.0.0.1:{port}"))["found"],
        "free"
    );
    // Looking left nothing behind.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
