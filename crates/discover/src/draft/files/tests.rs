use super::*;

fn check(files: &[&str], expected: &str) {
    let units = files.iter().map(|file| (*file, "api")).collect::<Vec<_>>();
    check_units(&units, &[expected]);
}

fn check_units(units: &[(&str, &str)], expected: &[&str]) {
    let clues = Clues {
        units: units.iter().map(|(file, name)| unit(file, name)).collect(),
        ..Clues::default()
    };
    let chosen = choose(&clues);
    let files: Vec<&str> = chosen
        .units
        .iter()
        .map(|unit| unit.origin.file.as_str())
        .collect();
    assert_eq!(files, expected, "{units:?}");
}

fn unit(file: &str, name: &str) -> Unit {
    let platform = match file {
        file if file.contains("Procfile") => Platform::Procfile,
        file if file.contains("compose") => Platform::Compose,
        _ => Platform::Kubernetes,
    };
    let origin = crate::clue::Origin {
        file: file.to_owned(),
        line: 1,
    };
    Unit {
        name: name.to_owned(),
        origin,
        platform,
        namespace: None,
        image: None,
        build: None,
        ports: Vec::new(),
        env: BTreeMap::new(),
        depends_on: Vec::new(),
        depends_on_at: None,
        command: Vec::new(),
        health: None,
        labels: BTreeMap::new(),
        profiles: Vec::new(),
        container_name: None,
        one_shot: false,
    }
}

#[test]
fn the_base_wins() {
    check(
        &["docker-compose.prod.yml", "docker-compose.yml"],
        "docker-compose.yml",
    );
    check(&["compose.yaml", "docker-compose.yml"], "compose.yaml");
    check(
        &["docker-compose.prod.yml", "docker-compose.dev.yml"],
        "docker-compose.dev.yml",
    );
    check(
        &["docker-compose.ci.yml", "docker-compose.x.yml"],
        "docker-compose.x.yml",
    );
    check(&["a/compose.yml", "compose.yml"], "compose.yml");
    check(
        &["examples/compose.yml", "deploy/x/compose.yml"],
        "deploy/x/compose.yml",
    );
    check(&["examples/compose.yml"], "examples/compose.yml");
    check(&["examples/compose.yml", "Procfile"], "Procfile");
    check(
        &["k8s/overlays/prod/api.yml", "k8s/base/api.yml"],
        "k8s/base/api.yml",
    );
    check(&["Procfile.dev", "Procfile"], "Procfile");
}

#[test]
fn an_override_is_read_with_its_base() {
    check_units(
        &[("compose.override.yml", "debug"), ("compose.yml", "api")],
        &["compose.override.yml", "compose.yml"],
    );
}

#[test]
fn stacks_that_do_not_collide_are_used_together() {
    check_units(
        &[
            ("a/compose.yml", "a"),
            ("b/compose.yml", "b"),
            ("c/compose.yml", "a"),
        ],
        &["a/compose.yml", "b/compose.yml"],
    );
}

#[test]
fn what_is_left_out_is_named() {
    let clues = Clues {
        units: vec![
            unit("compose.yml", "api"),
            unit("compose.mon.yml", "grafana"),
            unit("test/compose.yml", "api"),
        ],
        ..Clues::default()
    };
    let notes = choose(&clues).notes.join("\n");
    for expected in [
        "used compose.yml",
        "compose.mon.yml",
        "Only there: grafana",
        "test/compose.yml",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
}
