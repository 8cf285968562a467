//! Images that no other file starts.

use super::files::is_aside;
use super::home;
use super::join::{self, Thing, is_started};
use super::names::{folder_of, image_name, is_below, is_inside, last_part, list, normal};
use super::stores;
use crate::clue::{Build, Clues, Dockerfile, Platform, Port, Unit};

/// Folders that say that something is built there and not what.
const PLAIN_FOLDERS: [&str; 10] = [
    ".docker",
    "build",
    "container",
    "containers",
    "deploy",
    "deployment",
    "docker",
    "image",
    "infra",
    "src",
];

/// Servers whose images listen on 80 without a word in the Dockerfile that builds on them.
const WEB_SERVERS: [&str; 3] = ["caddy", "httpd", "nginx"];

/// A unit for each Dockerfile that none of `units` is built from.
pub(crate) fn units(units: &[&Unit], clues: &Clues, project: &str) -> Vec<Unit> {
    let things = join::join(units, project);
    let mut built: Vec<&str> = Vec::new();
    let mut images: Vec<String> = Vec::new();
    for thing in things
        .iter()
        .filter(|thing| is_started(thing.lead().platform))
    {
        let home = home::of(thing, clues);
        built.extend(home.dockerfile.map(|file| file.origin.file.as_str()));
        for unit in &thing.units {
            built.extend(unit.build.as_ref().map(|build| build.dockerfile.as_str()));
            let image = unit.image.as_deref().and_then(image_name);
            images.extend(image.map(|(name, _)| normal(&name)));
        }
    }
    let is_lonely = |file: &&Dockerfile| {
        let name = name(file, project);
        is_main(file)
            && !built.contains(&file.origin.file.as_str())
            && !images.contains(&normal(&name))
    };
    let lonely = clues.dockerfiles.iter().filter(is_lonely);
    lonely.map(|file| unit(file, clues, project)).collect()
}

/// Takes out the images that nothing starts, where files start other services; a note on them.
pub(crate) fn left_out(things: &mut Vec<Thing<'_>>) -> Option<String> {
    let starts = |thing: &Thing<'_>| {
        let unit = thing.lead();
        let image = unit.image.as_deref().filter(|_| unit.build.is_none());
        is_started(unit.platform) && image.and_then(stores::of_image).is_none()
    };
    if !things.iter().any(starts) {
        return None;
    }
    let mut left = Vec::new();
    things.retain(|thing| {
        let unit = thing.lead();
        let is_lonely = unit.platform == Platform::Dockerfile;
        if is_lonely {
            left.push(unit.origin.file.clone());
        }
        !is_lonely
    });
    (!left.is_empty()).then(|| {
        let left = list(&left);
        format!("Left out, images that no file starts: {left}.")
    })
}

/// Whether a Dockerfile is that of a service, and neither a variant nor what others build on.
fn is_main(file: &Dockerfile) -> bool {
    let path = &file.origin.file;
    let name = last_part(path);
    let is_plain = name.eq_ignore_ascii_case("Dockerfile") || name == "Containerfile";
    let is_store = file.from.as_deref().and_then(stores::of_image).is_some();
    let runs = !file.command.is_empty() || !ports_of(file).is_empty();
    is_plain && runs && !is_store && !is_aside(path) && is_inside(path)
}

fn ports_of(file: &Dockerfile) -> Vec<u16> {
    let base = file.from.as_deref().and_then(image_name);
    let serves = base.is_some_and(|(name, _)| WEB_SERVERS.contains(&name.as_str()));
    match file.exposes.is_empty() && serves {
        true => vec![80],
        false => file.exposes.clone(),
    }
}

/// The folder's name, or that of the project.
fn name(file: &Dockerfile, project: &str) -> String {
    let parts = folder_of(&file.origin.file).rsplit('/');
    let mut telling = parts.filter(|part| *part != "." && !PLAIN_FOLDERS.contains(part));
    telling.next().unwrap_or(project).to_owned()
}

fn unit(file: &Dockerfile, clues: &Clues, project: &str) -> Unit {
    let folder = folder_of(&file.origin.file);
    let listed = clues.variables.iter().find_map(|variable| {
        let is_port = variable.name == "PORT" && folder_of(&variable.origin.file) == folder;
        let port = variable.example.trim().parse::<u16>().ok();
        port.filter(|port| is_port && *port != 0)
    });
    let configured = || {
        let own = clues.settings.iter();
        let mut own = own.filter(|setting| is_below(&setting.origin.file, folder));
        own.next().map(|setting| setting.port)
    };
    let told = listed.or_else(|| configured().filter(|_| ports_of(file).is_empty()));
    let context = match PLAIN_FOLDERS.contains(&last_part(folder)) {
        true => ".",
        false => folder,
    };
    let ports = told.map_or_else(|| ports_of(file), |port| vec![port]);
    Unit {
        name: name(file, project),
        origin: file.origin.clone(),
        platform: Platform::Dockerfile,
        namespace: None,
        image: None,
        build: Some(Build {
            context: context.to_owned(),
            dockerfile: file.origin.file.clone(),
        }),
        ports: ports.into_iter().map(port).collect(),
        env: Default::default(),
        depends_on: Vec::new(),
        depends_on_at: None,
        command: file.command.clone(),
        health: file.health.clone(),
        labels: Default::default(),
        profiles: Vec::new(),
        container_name: None,
        one_shot: false,
    }
}

fn port(number: u16) -> Port {
    Port {
        published: Some(number),
        host: None,
        target: number,
        protocol: "tcp".to_owned(),
        name: None,
    }
}
