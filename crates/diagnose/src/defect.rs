//! From a failure to the place that must change: manifest, change, configuration.

use assay_model::{CauseClass, Defect, EvidenceRef, Manifest, RestartPolicy, ServiceName};

use crate::build::{Build, find_module, module_paths, narrowed, project_path};
use crate::candidate::Candidate;
use crate::config_line;
use crate::scene::Scene;
use crate::signature::fill;

/// Where a failure comes from, as far as it can be told.
#[derive(Default)]
pub(crate) struct Located {
    pub(crate) class: Option<CauseClass>,
    pub(crate) defect: Option<Defect>,
    /// Why this place, for the chain of whys.
    pub(crate) text: String,
    pub(crate) evidence: Vec<EvidenceRef>,
    /// An ignore file left a module out that stands in the tree.
    pub(crate) ignored: Option<String>,
    /// The change since the last good revision touches the place.
    pub(crate) in_change: bool,
    /// The project's file that asked for what is missing, or that failed: `file:line`.
    pub(crate) importer: Option<String>,
    /// The project's file in which the failure shows.
    pub(crate) file: Option<(String, u64)>,
    /// What would have to be known to get further.
    pub(crate) missing: Vec<String>,
    /// The restart policy is why the process stayed down.
    pub(crate) policy: bool,
}

/// Looks for the place that must change.
pub(crate) fn locate(scene: &Scene<'_>, candidate: &Candidate<'_>) -> Located {
    if candidate.sightings.is_empty() {
        return if candidate.exits.is_empty() {
            Located::default()
        } else {
            stayed_down(scene, candidate)
        };
    }
    let Some(build) = Build::of(scene, candidate) else {
        let mut located = Located::default();
        if candidate.revision.is_some() {
            located.missing.push(format!(
                "the manifest and the change of the revision of {} that fails",
                candidate.node
            ));
        }
        return located;
    };
    let frames = &candidate.sightings[0].frames;
    let frame = build.frame(frames);
    let mut located = match candidate.captures.get("module") {
        Some(module) if !candidate.captures.contains_key("symbol") => {
            missing_module(&build, module, frame.as_ref())
        }
        _ => at_line(&build, candidate, frame.as_ref()),
    };
    let raw = frames
        .last()
        .map(|frame| format!("{}:{}", frame.file, frame.line));
    located.importer = frame.map(|(file, line)| format!("{file}:{line}")).or(raw);
    if build.manifest.is_none() {
        located
            .missing
            .push(format!("the manifest of revision {}", build.revision.id));
    }
    located
}

fn missing_module(build: &Build<'_>, module: &str, frame: Option<&(String, u64)>) -> Located {
    let Some(manifest) = &build.manifest else {
        return Located::default();
    };
    let importer = frame.map(|(file, _)| file.as_str());
    let wanted = module_paths(module, importer);
    let excluded = manifest.excluded.keys().map(String::as_str);
    if let Some(path) = find_module(&wanted, excluded) {
        let left_out = &manifest.excluded[path];
        let ignore = project_path(manifest, &left_out.file);
        let touched = build
            .changed(&ignore, left_out.line)
            .is_some_and(|(_, new)| new);
        let mut evidence = vec![narrowed(&build.revision.manifest, &ignore, left_out.line)];
        if touched {
            evidence.extend(build.cite_change(&ignore, left_out.line));
        }
        let since = if touched {
            "; the line came with this revision"
        } else {
            ""
        };
        return Located {
            class: Some(CauseClass::Packaging),
            text: format!(
                "{ignore}:{} `{}` leaves {} out of the bundle, though it stands in the source \
                 tree{since}",
                left_out.line,
                left_out.pattern,
                project_path(manifest, path)
            ),
            defect: Some(Defect {
                file: ignore,
                line: left_out.line,
                text: left_out.pattern.clone(),
            }),
            evidence,
            ignored: Some(project_path(manifest, path)),
            in_change: touched,
            ..Located::default()
        };
    }
    let shipped = find_module(&wanted, manifest.files.keys().map(String::as_str));
    let how = match shipped {
        Some(path) => format!("which the bundle holds only as {path}"),
        None => "which is neither in the bundle nor in the source tree".to_owned(),
    };
    source_line(build, manifest, frame, |place| {
        format!("{place} imports {module}, {how}")
    })
}

fn at_line(build: &Build<'_>, candidate: &Candidate<'_>, frame: Option<&(String, u64)>) -> Located {
    let Some(manifest) = &build.manifest else {
        return Located::default();
    };
    let template = candidate.signature.defect.as_deref();
    let Some(template) = template else {
        return Located::default();
    };
    let mut values = candidate.captures.clone();
    source_line(build, manifest, frame, |place| {
        if let Some((file, line)) = place.rsplit_once(':') {
            values.insert("file".to_owned(), file.to_owned());
            values.insert("line".to_owned(), line.to_owned());
        }
        fill(template, &values)
    })
}

/// A defect in a line of code, with the literal line where the change shows it.
fn source_line(
    build: &Build<'_>,
    manifest: &Manifest,
    frame: Option<&(String, u64)>,
    mut text: impl FnMut(&str) -> String,
) -> Located {
    let Some((file, line)) = frame else {
        return Located {
            class: Some(CauseClass::Code),
            missing: vec![format!(
                "a call chain that ends in a file of revision {}",
                build.revision.id
            )],
            ..Located::default()
        };
    };
    let path = project_path(manifest, file);
    let mut located = Located {
        class: Some(CauseClass::Code),
        text: text(&format!("{path}:{line}")),
        file: Some((path.clone(), *line)),
        ..Located::default()
    };
    match build.changed(&path, *line) {
        Some((literal, touched)) => {
            if touched {
                located.text.push_str("; the line came with this revision");
            }
            located.in_change = touched;
            located.evidence.extend(build.cite_change(&path, *line));
            located.defect = Some(Defect {
                file: path,
                line: *line,
                text: literal,
            });
        }
        None => located.missing.push(format!(
            "the text of {path}:{line}, which the change to revision {} does not show",
            build.revision.id
        )),
    }
    located
}

/// A process that is not started again stays down because of its restart policy.
fn stayed_down(scene: &Scene<'_>, candidate: &Candidate<'_>) -> Located {
    let policy = restart_policy(scene, &candidate.node);
    let down = scene.instances().any(|(service, _, instance)| {
        *service == candidate.node && instance.state == assay_model::InstanceState::Exited
    });
    if policy != Some(RestartPolicy::Never) || !down {
        return Located {
            missing: vec![
                if candidate.exits.iter().any(|exit| exit.signal.is_some()) {
                    format!(
                        "who or what ended the process of {}: the log of the host",
                        candidate.node
                    )
                } else {
                    format!(
                        "why the process of {} ends: no signature knows what its log says",
                        candidate.node
                    )
                },
            ],
            ..Located::default()
        };
    }
    let Some(config) = &scene.observed.config else {
        return Located {
            missing: vec!["the text of the configuration".to_owned()],
            ..Located::default()
        };
    };
    let file = &scene.observed.project.config_file;
    let at = config_line::find(&config.text, &candidate.node, "restart");
    let mut located = Located {
        policy: true,
        ..Located::default()
    };
    match at {
        Some((line, text)) => {
            located.text = format!(
                "{file}:{line} `{}` leaves a process of {} down that has ended by itself",
                text.trim(),
                candidate.node
            );
            located
                .evidence
                .push(narrowed(&config.evidence, file, line));
            located.defect = Some(Defect {
                file: file.clone(),
                line,
                text,
            });
        }
        None => {
            located.text = format!(
                "{file} leaves a process of {} down that has ended by itself",
                candidate.node
            );
            located.evidence.push(config.evidence.clone());
        }
    }
    located
}

fn restart_policy(scene: &Scene<'_>, node: &ServiceName) -> Option<RestartPolicy> {
    Some(
        scene
            .observed
            .project
            .services
            .get(node)?
            .deploy
            .as_ref()?
            .restart,
    )
}
