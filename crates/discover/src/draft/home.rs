//! Where the source of a thing is, and how its image is built.

use super::files::is_aside;
use super::join::Thing;
use super::names::{folder_of, image_name, is_below, is_inside, last_part, normal};
use super::types::{Guess, Sureness};
use crate::clue::{Build, Clues, Dockerfile, Origin, Package, Platform, Unit};
use crate::paths;
use crate::procfile::{self, Named};

/// Web frameworks, by the names of their packages.
const FRAMEWORKS: [&str; 62] = [
    "@angular/core",
    "@hapi/hapi",
    "@nestjs/core",
    "@remix-run/node",
    "@sveltejs/kit",
    "actix-web",
    "aiohttp",
    "asp.net",
    "astro",
    "axum",
    "bottle",
    "chi",
    "django",
    "echo",
    "elysia",
    "express",
    "falcon",
    "fastapi",
    "fastify",
    "fiber",
    "flask",
    "gin",
    "github.com/gin-gonic/gin",
    "github.com/go-chi/chi",
    "github.com/go-chi/chi/v5",
    "github.com/gofiber/fiber/v2",
    "github.com/gorilla/mux",
    "github.com/labstack/echo",
    "github.com/labstack/echo/v4",
    "gorilla/mux",
    "gunicorn",
    "hono",
    "hyper",
    "koa",
    "ktor-server-core",
    "laravel",
    "litestar",
    "micronaut-http-server",
    "next",
    "nuxt",
    "phoenix",
    "poem",
    "pyramid",
    "quart",
    "quarkus-rest",
    "quarkus-resteasy",
    "rails",
    "react-scripts",
    "restify",
    "rocket",
    "salvo",
    "sanic",
    "sinatra",
    "spring-boot-starter-actuator",
    "spring-boot-starter-web",
    "spring-boot-starter-webflux",
    "starlette",
    "streamlit",
    "tornado",
    "uvicorn",
    "vite",
    "warp",
];

/// Where a thing lives in the repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Home<'a> {
    pub(crate) source: Option<Guess<Vec<String>>>,
    pub(crate) container: Option<Guess<Build>>,
    pub(crate) dockerfile: Option<&'a Dockerfile>,
    /// Files of code that its own command names.
    pub(crate) files: Vec<String>,
}

impl Home<'_> {
    /// How near the nearest of its folders above `file` is; `None` where none is above it.
    pub(crate) fn nearness(&self, file: &str) -> Option<usize> {
        let above = self
            .folders()
            .iter()
            .filter(|folder| is_below(file, folder));
        above
            .map(|folder| match folder.as_str() {
                "." => 0,
                folder => folder.len(),
            })
            .max()
    }

    /// Its folders; none where they are not known.
    pub(crate) fn folders(&self) -> &[String] {
        self.source.as_ref().map_or(&[], |source| &source.value)
    }

    /// The packages in its folders, those of nested folders of other things aside.
    fn packages<'c>(&self, clues: &'c Clues) -> Vec<&'c Package> {
        let folders = self.folders();
        let of_root = folders == ["."];
        clues
            .packages
            .iter()
            .filter(|package| match of_root {
                true => package.folder == ".",
                false => folders.iter().any(|own| is_below(&package.folder, own)),
            })
            .collect()
    }

    /// A notable dependency of its packages, and the manifest that names it.
    pub(crate) fn notable<'c>(
        &self,
        clues: &'c Clues,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<(&'c str, &'c Origin)> {
        self.packages(clues).into_iter().find_map(|package| {
            let name = package.notable.iter().find(|name| wanted(name))?;
            Some((name.as_str(), &package.origin))
        })
    }

    /// The web framework that it is made with.
    pub(crate) fn framework<'c>(&self, clues: &'c Clues) -> Option<(&'c str, &'c Origin)> {
        self.notable(clues, |name| FRAMEWORKS.contains(&name))
    }
}

/// Finds the home of a thing, as far as it lies in the repository.
pub(crate) fn of<'c>(thing: &Thing<'_>, clues: &'c Clues) -> Home<'c> {
    let mut home = anywhere(thing, clues);
    home.source = home.source.and_then(|mut source| {
        source.value.retain(|folder| is_inside(folder));
        (!source.value.is_empty()).then_some(source)
    });
    let is_inside = |build: &Build| is_inside(&build.context) && is_inside(&build.dockerfile);
    home.container = home.container.filter(|guess| is_inside(&guess.value));
    home
}

fn anywhere<'c>(thing: &Thing<'_>, clues: &'c Clues) -> Home<'c> {
    let built = thing
        .units
        .iter()
        .find_map(|unit| Some((unit, unit.build.as_ref()?)));
    let Some((unit, build)) = built else {
        return unbuilt(thing, clues);
    };
    let origin = &unit.origin;
    let dockerfile = clues
        .dockerfiles
        .iter()
        .find(|file| file.origin.file == build.dockerfile);
    let is_file = is_inside(&build.dockerfile) && build.dockerfile != ".";
    let is_usable = is_inside(&build.context) && is_file;
    let container = is_usable.then(|| match unit.platform {
        Platform::Dockerfile => {
            let why = "a Dockerfile, which its folder suggests to build there";
            Guess::new(build.clone(), Some(origin), Sureness::Guess, why)
        }
        _ => Guess::certain(build.clone(), origin, "its build"),
    });
    let source = if build.context != "." && is_inside(&build.context) {
        let mut folders = vec![build.context.clone()];
        folders.extend(copied(build, dockerfile, clues));
        folders.dedup();
        let mut source = Guess::certain(folders, origin, "its build context");
        if unit.platform == Platform::Dockerfile {
            source = Guess::likely(source.value, origin, "the folder of its Dockerfile");
        }
        Some(source)
    } else {
        from_root(thing, build, dockerfile, origin, clues)
    };
    Home {
        source,
        container,
        dockerfile,
        files: Vec::new(),
    }
}

/// The source of something that is built from the repository's root.
fn from_root(
    thing: &Thing<'_>,
    build: &Build,
    dockerfile: Option<&Dockerfile>,
    origin: &Origin,
    clues: &Clues,
) -> Option<Guess<Vec<String>>> {
    let is_package = |folder: &str| clues.packages.iter().any(|own| own.folder == folder);
    let beside = folder_of(&build.dockerfile);
    if beside != "." && is_inside(beside) && is_package(beside) {
        let mut folders = vec![beside.to_owned()];
        let copies = copied(build, dockerfile, clues);
        folders.extend(copies.into_iter().filter(|copy| copy != beside));
        let why = "the folder of its Dockerfile";
        return Some(Guess::likely(folders, origin, why));
    }
    let copies = copied(build, dockerfile, clues);
    if let Some(dockerfile) = dockerfile.filter(|_| !copies.is_empty()) {
        let why = "what its Dockerfile copies";
        return Some(Guess::likely(copies, &dockerfile.origin, why));
    }
    if let Some((folder, origin, why)) = folder_like(&[&thing.name], clues, true) {
        return Some(Guess::likely(vec![folder], origin, why));
    }
    // Without a Dockerfile that can be told, the root is where anything may be.
    let why = "its build context";
    let is_of_root = is_package(".") && beside == "." && build.dockerfile != ".";
    is_of_root.then(|| Guess::likely(vec![".".to_owned()], origin, why))
}

/// Folders of packages that a Dockerfile copies, in its order.
fn copied(build: &Build, dockerfile: Option<&Dockerfile>, clues: &Clues) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    for copy in dockerfile.map_or(&[][..], |file| &file.copies) {
        let copy = copy.trim_start_matches("./").trim_end_matches('/');
        let path = match build.context.as_str() {
            "." => copy.to_owned(),
            context => format!("{context}/{copy}"),
        };
        let package = clues
            .packages
            .iter()
            .filter(|package| package.folder != "." && is_below(&path, &package.folder))
            .max_by_key(|package| package.folder.len());
        // A manifest alone is copied so that a workspace can be resolved; its source is not used.
        let is_manifest = clues
            .packages
            .iter()
            .any(|package| package.origin.file == path);
        if let Some(package) = package.filter(|_| !is_manifest && is_inside(&path))
            && !folders.contains(&package.folder)
        {
            folders.push(package.folder.clone());
        }
    }
    folders.retain(|folder| *folder != build.context);
    folders
}

/// The home of something that no file builds: an image, or a line of a Procfile.
fn unbuilt<'c>(thing: &Thing<'_>, clues: &'c Clues) -> Home<'c> {
    if let Some(unit) = thing.on(Platform::Procfile) {
        return of_line(unit, clues);
    }
    if let Some(unit) = thing.on(Platform::Dotnet) {
        return of_project(unit, clues);
    }
    let images: Vec<(String, String)> = thing
        .units
        .iter()
        .filter_map(|unit| image_name(unit.image.as_deref()?))
        .collect();
    // A public image has one word, or an owner; one of this project often is a word that no
    // public image is, so only names that fit a folder of the repository count.
    let mut names: Vec<&str> = images.iter().map(|(name, _)| name.as_str()).collect();
    let is_own = thing.on(Platform::Compose).is_none();
    if is_own {
        names.push(&thing.name);
    }
    let Some((folder, origin, why)) = folder_like(&names, clues, is_own) else {
        return Home::default();
    };
    let mut below = clues
        .dockerfiles
        .iter()
        .filter(|file| is_below(&file.origin.file, &folder));
    let beside = below
        .clone()
        .find(|file| folder_of(&file.origin.file) == folder);
    let dockerfile = beside.or_else(|| below.next());
    let container = dockerfile.map(|file| {
        let from_root = file.copies.iter().any(|copy| is_below(copy, &folder));
        let own = folder_of(&file.origin.file);
        let context = if from_root { "." } else { own };
        let build = Build {
            context: context.to_owned(),
            dockerfile: file.origin.file.clone(),
        };
        Guess::new(
            build,
            Some(&file.origin),
            Sureness::Guess,
            "the Dockerfile of its folder",
        )
    });
    let source = Guess::likely(vec![folder], origin, why);
    Home {
        source: Some(source),
        container,
        dockerfile,
        files: Vec::new(),
    }
}

/// The home of a line of a Procfile: the folders of what it names, else its own.
fn of_line<'c>(unit: &Unit, clues: &'c Clues) -> Home<'c> {
    let Named { files, folders } = procfile::named(unit);
    let is_there = |file: &&String| {
        let routes = clues.routes.iter().map(|route| &route.origin.file);
        let uses = clues.uses.iter().map(|by| &by.origin.file);
        routes.chain(uses).any(|other| other == *file)
    };
    let is_used = |folder: &&String| {
        let packages = clues.packages.iter().map(|package| &package.folder);
        let mut routes = clues.routes.iter();
        packages.into_iter().any(|other| other == *folder)
            || routes.any(|route| is_below(&route.origin.file, folder))
    };
    // A module is found from the folder that its line is run in, so that it stays the home.
    let own = folder_of(&unit.origin.file);
    let is_path = |file: &&String| {
        let mut words = unit.command.iter();
        words.any(|word| paths::join(own, word).as_ref() == Some(file))
    };
    let of_files = files.iter().filter(is_path).filter(is_there);
    let of_files = of_files.map(|file| folder_of(file).to_owned());
    let mut named: Vec<String> = of_files
        .chain(folders.iter().filter(is_used).cloned())
        .filter(|folder| is_inside(folder))
        .collect();
    named.sort();
    named.dedup();
    let source = match &named[..] {
        [_] => Guess::likely(named, &unit.origin, "the folder of what its line names"),
        _ => Guess::likely(vec![own.to_owned()], &unit.origin, "its folder"),
    };
    Home {
        source: Some(source),
        files,
        ..Home::default()
    }
}

/// The home of a .NET project: its folder, and those of the projects that it is made with.
fn of_project<'c>(unit: &Unit, clues: &'c Clues) -> Home<'c> {
    let package = clues
        .packages
        .iter()
        .filter(|package| package.language == "dotnet" && is_inside(&package.folder))
        .filter(|package| is_below(&unit.origin.file, &package.folder))
        .max_by_key(|package| package.folder.len());
    let source = package.map(|package| {
        let mut folders = vec![package.folder.clone()];
        folders.extend(package.uses.iter().filter(|own| is_inside(own)).cloned());
        Guess::certain(folders, &package.origin, "its project")
    });
    Home {
        source,
        ..Home::default()
    }
}

/// A folder that is called like one of `names`, the nearest to the root first: that of a package,
/// else, if `any`, one that holds a Dockerfile.
fn folder_like<'c>(
    names: &[&str],
    clues: &'c Clues,
    any: bool,
) -> Option<(String, &'c Origin, &'static str)> {
    let wanted: Vec<String> = names.iter().map(|name| normal(name)).collect();
    let is_wanted = |name: &str| wanted.contains(&normal(name));
    let package = clues
        .packages
        .iter()
        .filter(|package| package.folder != "." && is_inside(&package.folder))
        .filter(|package| !is_aside(&package.origin.file))
        .filter(|package| {
            let own = package.name.as_deref().map(last_part);
            is_wanted(last_part(&package.folder)) || own.is_some_and(is_wanted)
        })
        .min_by_key(|package| (package.folder.matches('/').count(), &package.folder));
    if let Some(package) = package {
        let why = "a package of this name";
        return Some((package.folder.clone(), &package.origin, why));
    }
    let folders = clues.dockerfiles.iter().filter_map(|file| {
        let folder = folder_of(&file.origin.file);
        let parts: Vec<&str> = folder.split('/').collect();
        let at = parts.iter().position(|part| is_wanted(part))?;
        let usable = is_inside(folder) && !is_aside(&file.origin.file);
        usable.then(|| (at, parts[..=at].join("/"), &file.origin))
    });
    let (_, folder, origin) = folders.filter(|_| any).min()?;
    Some((folder, origin, "a folder of this name with a Dockerfile"))
}
