//! What is known of one thing, as a table of the draft.

use super::edges::Edge;
use super::known::Known;
use super::names;
use super::probe;
use super::run;
use super::stores::Store;
use super::types::{Draft, DraftDependency, DraftProbe, DraftService, Guess};
use super::unlisted;
use crate::clue::Platform;

/// Writes services and dependencies; gives back the edges that were left out.
pub(crate) fn tables(known: &Known<'_>, draft: &mut Draft) -> Vec<Edge> {
    let (edges, closing) = known.edges();
    let disabled: Vec<Option<String>> = (0..known.things.len())
        .map(|index| known.disabled(index))
        .collect();
    for index in 0..known.things.len() {
        match &known.stores[index] {
            Some(store) => {
                let store = dependency(known, index, store, disabled[index].clone());
                draft.dependencies.push(store);
            }
            None => draft
                .services
                .push(service(known, index, &edges, &disabled)),
        }
    }
    closing
}

fn service(
    known: &Known<'_>,
    index: usize,
    edges: &[Edge],
    disabled: &[Option<String>],
) -> DraftService {
    let (thing, home) = (&known.things[index], &known.homes[index]);
    let address = known.addresses[index].as_ref();
    let (probe, mut remarks) = asked(known, index);
    let mut depends_on = Vec::new();
    let mut unlisted = Vec::new();
    for edge in edges.iter().filter(|edge| edge.from == index) {
        let name = known.things[edge.to].name.clone();
        match disabled[edge.to] {
            None => depends_on.push(edge.found.map(name)),
            Some(_) => unlisted.push(name),
        }
    }
    if !unlisted.is_empty() {
        remarks.push(format!(
            "Also depends on what is only a comment here: {}.",
            names::list(&unlisted)
        ));
    }
    if let Some(address) = address.filter(|address| address.value.scheme == "https") {
        let host = &address.value.host;
        remarks.push(format!(
            "If its certificate is not for {host}, set `tls = {{ server_name = \"…\" }}` in its \
             probe."
        ));
    }
    remarks.extend(elsewhere(known, index));
    depends_on.sort_by(|a, b| a.value.cmp(&b.value));
    DraftService {
        name: thing.name.clone(),
        origin: thing.lead().origin.clone(),
        disabled: disabled[index].clone(),
        unasked: known.unasked(index),
        url: address.map(|address| address.map(address.value.url())),
        probe,
        depends_on,
        source: home.source.clone(),
        container: home.container.clone(),
        // Without a source there is nothing to bundle.
        deploy: address
            .and(home.source.as_ref())
            .and_then(|_| run::deploy(thing, home, &named_urls(known, index, disabled))),
        observe: run::observe(thing),
        remarks,
    }
}

/// How a service is asked, and what else is worth a remark.
fn asked(known: &Known<'_>, index: usize) -> (Option<Guess<DraftProbe>>, Vec<String>) {
    let (thing, home) = (&known.things[index], &known.homes[index]);
    if let Some(address) = &known.addresses[index] {
        let (probe, remarks) =
            probe::of_service(thing, known.clues, home, &known.homes, &address.value);
        return (Some(probe), remarks);
    }
    // A person who fills in the address of an image finds the path there.
    let is_image = thing.lead().platform == Platform::Dockerfile;
    let route = is_image.then(|| probe::by_route(known.clues, home, &known.homes));
    (route.flatten(), Vec::new())
}

/// Variables that take the address of another service: name, service.
fn named_urls(
    known: &Known<'_>,
    index: usize,
    disabled: &[Option<String>],
) -> Vec<(String, String)> {
    let own = known.told.iter().filter(|told| told.from == index);
    own.filter(|told| told.takes_url() && disabled[told.to].is_none())
        .filter(|told| known.addresses[told.to].is_some() && known.stores[told.to].is_none())
        .map(|told| (told.by.name.clone(), known.things[told.to].name.clone()))
        .collect()
}

/// Who else describes a thing.
fn elsewhere(known: &Known<'_>, index: usize) -> Option<String> {
    let others: Vec<String> = known.things[index].units[1..]
        .iter()
        .map(|unit| format!("{}:{}", unit.origin.file, unit.origin.line))
        .collect();
    (!others.is_empty()).then(|| format!("Also described in {}.", names::list(&others)))
}

fn dependency(
    known: &Known<'_>,
    index: usize,
    store: &Guess<&'static Store>,
    disabled: Option<String>,
) -> DraftDependency {
    let (thing, kind) = (&known.things[index], store.value);
    let address = known.addresses[index].as_ref();
    let led_here = &known.led_here[index];
    let url = address.map(|address| {
        let login = unlisted::Login::of(kind, &thing.units, led_here);
        address.map(login.url(&address.value))
    });
    let observe = run::observe(thing);
    let probe = match address {
        Some(address) => Some(probe::of_store(store, address.value.scheme)),
        None => observe.as_ref().map(|seen| Guess {
            why: "it has no address".to_owned(),
            ..seen.map(DraftProbe::Runtime)
        }),
    };
    let asks = unlisted::asks_for_password(kind, &thing.units, led_here);
    let url_variable = asks
        .filter(|_| url.is_some())
        .map(|()| unlisted::variable(kind, led_here));
    let mut remarks = Vec::new();
    if address.is_none() && observe.is_none() {
        remarks.push("It has no address on this machine, so it is not probed.".to_owned());
    }
    if !thing.lead().profiles.is_empty() {
        let profiles = names::list(&thing.lead().profiles);
        remarks.push(format!("Only started with the compose profile {profiles}."));
    }
    remarks.extend(elsewhere(known, index));
    DraftDependency {
        name: thing.name.clone(),
        origin: thing.lead().origin.clone(),
        kind: store.map(kind.kind.clone()),
        disabled,
        unasked: known.unasked(index),
        url,
        url_variable,
        probe,
        observe,
        remarks,
    }
}
