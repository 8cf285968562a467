//! .NET projects that are started by themselves: where `launchSettings.json` has them listen, and
//! what a host of Aspire calls them and hands to them.

mod aspire;
mod launch;
mod place;

use std::collections::BTreeMap;

use crate::clue::{Clues, Package, Platform, Port, Unit};

pub(crate) use aspire::{Host, is_host, read as read_host};
pub(crate) use launch::{Launch, is_settings, read as read_launch};

/// Adds a unit for each web project, and for each store that a host of Aspire starts.
pub(crate) fn finish(launches: Vec<Launch>, hosts: Vec<Host>, clues: &mut Clues) {
    let launches: BTreeMap<String, Launch> = launches
        .into_iter()
        .map(|launch| (launch.folder.clone(), launch))
        .collect();
    let mut units: Vec<Unit> = Vec::new();
    for package in &clues.packages {
        let launch = launches.get(&package.folder);
        let listens = launch.is_some_and(|launch| !launch.urls.is_empty());
        let is_web = package.notable.iter().any(|name| name == "asp.net");
        if package.language == "dotnet" && (is_web || listens) {
            units.push(project(package, launch, &hosts));
        }
    }
    for store in hosts.iter().flat_map(|host| &host.stores) {
        if units.iter().all(|unit| unit.name != store.name) {
            let mut unit = bare(store.name.clone(), store.origin.clone());
            unit.image = Some(store.image.to_owned());
            units.push(unit);
        }
    }
    clues.units.extend(units);
}

fn project(package: &Package, launch: Option<&Launch>, hosts: &[Host]) -> Unit {
    let own = package.name.as_deref().unwrap_or_default();
    let listed = hosts
        .iter()
        .flat_map(|host| &host.projects)
        // `Projects.Basket_API` is what Aspire makes of `Basket.API`.
        .find(|project| project.class == class(own));
    let name = listed.map_or_else(|| kebab(own), |project| project.name.clone());
    let mut unit = bare(name, package.origin.clone());
    if let Some(project) = listed {
        unit.depends_on = project.depends_on.clone();
        unit.depends_on_at = Some(project.origin.clone());
    }
    if let Some(launch) = launch.filter(|launch| !launch.urls.is_empty()) {
        unit.origin = launch.origin.clone();
        unit.ports = launch.urls.iter().map(port).collect();
    }
    unit
}

/// The name that the compiler can use for a project.
fn class(name: &str) -> String {
    name.replace(['.', '-', ' '], "_")
}

/// `Basket.API` → `basket-api`.
fn kebab(name: &str) -> String {
    name.to_ascii_lowercase().replace(['.', '_', ' '], "-")
}

fn port(url: &(String, u16)) -> Port {
    let (scheme, number) = url;
    Port {
        published: Some(*number),
        host: None,
        target: *number,
        protocol: "tcp".to_owned(),
        name: Some(scheme.clone()),
    }
}

fn bare(name: String, origin: crate::Origin) -> Unit {
    Unit {
        name,
        origin,
        platform: Platform::Dotnet,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clue::Origin;

    fn package(folder: &str, name: &str, notable: &[&str]) -> Package {
        Package {
            origin: Origin {
                file: format!("{folder}/{name}.csproj"),
                line: 0,
            },
            folder: folder.to_owned(),
            name: Some(name.to_owned()),
            language: "dotnet".to_owned(),
            runs: true,
            notable: notable.iter().map(|name| (*name).to_owned()).collect(),
            uses: Vec::new(),
        }
    }

    fn check(host: &str, launch: &str, expected: &str) {
        let mut clues = Clues {
            packages: vec![
                package("src/Basket.API", "Basket.API", &["asp.net"]),
                package("src/Worker", "Worker", &[]),
            ],
            ..Clues::default()
        };
        let launches = read_launch("src/Basket.API/Properties/launchSettings.json", launch);
        finish(
            launches.into_iter().collect(),
            read_host("Host/Program.cs", host).into_iter().collect(),
            &mut clues,
        );
        let found: Vec<String> = clues
            .units
            .iter()
            .map(|unit| {
                let ports: Vec<u16> = unit.ports.iter().map(|port| port.target).collect();
                format!(
                    "{} {ports:?} {:?} {:?}",
                    unit.name, unit.depends_on, unit.image
                )
            })
            .collect();
        assert_eq!(found.join("; "), expected);
    }

    #[test]
    fn web_projects_are_units() {
        check("", "", "basket-api [] [] None");
        let launch = r#"{"profiles": {"http": {"applicationUrl": "http://localhost:5221"}}}"#;
        check("", launch, "basket-api [5221] [] None");
        let host = "var r = builder.AddRedis(\"cache\");
            builder.AddProject<Projects.Basket_API>(\"basket\").WithReference(r);";
        check(
            host,
            launch,
            "basket [5221] [\"cache\"] None; cache [] [] Some(\"redis\")",
        );
    }
}
