//! From clues to a draft.
//!
//! `files` chooses which of the files count, `join` makes things of units, `stores` tells backing
//! stores from services; `address`, `home`, `probe`, `run` and `edges` then say one kind of thing
//! each, and `suites` comes last because variables of tests name services.

mod address;
mod edges;
mod files;
mod home;
mod hosts;
mod join;
mod names;
mod probe;
mod run;
mod stores;
mod suites;
mod types;
mod unlisted;

use std::collections::{BTreeMap, BTreeSet};

pub use types::{
    Draft, DraftDependency, DraftDeploy, DraftObserve, DraftProbe, DraftService, DraftSuite, Guess,
    Sureness,
};

use crate::clue::{Clues, Platform, Unit};
use address::Address;
use edges::Edge;
use home::Home;
use hosts::{Directory, Mention, mentions};
use join::Thing;
use stores::Store;

/// Reasons for files not being read that are told; more of them drown the rest.
const REASONS_MAX: usize = 8;

impl Draft {
    /// What the clues suggest. Pure: the same clues give the same draft.
    pub fn from_clues(clues: &Clues, project_name: &str) -> Self {
        let chosen = files::choose(clues);
        let mut notes = chosen.notes;
        let (once, lasting): (Vec<&Unit>, Vec<&Unit>) =
            chosen.units.iter().partition(|unit| unit.one_shot);
        let things = join::join(&lasting, project_name);
        let survey = Survey::of(clues, &things);
        let mut draft = Self {
            project: match project_name.trim() {
                "" => "unnamed".to_owned(),
                name => name.to_owned(),
            },
            ..Self::default()
        };
        let closing = survey.write(&mut draft);
        notes.extend(note_of_units("Run to their end, no services", &once));
        for edge in closing {
            notes.push(format!(
                "Left out that {} depends on {}: it would close a circle.",
                things[edge.from].name, things[edge.to].name
            ));
        }
        unlisted::add(&mut draft, clues);
        let (suites, note) = suites::draft(&clues.tests, &draft.services);
        draft.suites = suites;
        notes.extend(note);
        draft.services.sort_by(|a, b| a.name.cmp(&b.name));
        draft.dependencies.sort_by(|a, b| a.name.cmp(&b.name));
        notes.extend(unreadable(clues));
        draft.notes = notes;
        draft
    }
}

fn note_of_units(what: &str, units: &[&Unit]) -> Option<String> {
    let named: Vec<String> = units
        .iter()
        .map(|unit| format!("{} ({}:{})", unit.name, unit.origin.file, unit.origin.line))
        .collect();
    (!named.is_empty()).then(|| format!("{what}: {}.", names::list(&named)))
}

/// What could not be read, by the reason.
fn unreadable(clues: &Clues) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for broken in &clues.unreadable {
        let place = match broken.origin.line {
            0 => broken.origin.file.clone(),
            line => format!("{}:{line}", broken.origin.file),
        };
        let reason = broken.reason.trim_end_matches('.');
        by_reason.entry(reason).or_default().push(place);
    }
    let notes = by_reason
        .into_iter()
        .map(|(reason, places)| format!("Not read: {}: {reason}.", names::list(&places)));
    let mut notes: Vec<String> = notes.collect();
    let rest = notes.len().saturating_sub(REASONS_MAX);
    if rest > 0 {
        notes.truncate(REASONS_MAX);
        notes.push(format!("Not read: {rest} more kinds of broken files."));
    }
    notes
}

/// What is known of every thing before any is written down.
struct Survey<'a> {
    clues: &'a Clues,
    things: &'a [Thing<'a>],
    homes: Vec<Home<'a>>,
    directory: Directory,
    stores: Vec<Option<Guess<&'static Store>>>,
    addresses: Vec<Option<Guess<Address>>>,
    /// Whether any service has an address on this machine.
    runs_here: bool,
    /// Addresses in variables that lead to each thing, with the variables' names.
    led_here: Vec<Vec<(String, Mention)>>,
}

impl<'a> Survey<'a> {
    fn of(clues: &'a Clues, things: &'a [Thing<'a>]) -> Self {
        let homes: Vec<Home<'a>> = things.iter().map(|thing| home::of(thing, clues)).collect();
        let directory = Directory::of(things, clues);
        let led_here = lead(clues, things, &directory);
        let stores: Vec<_> = things
            .iter()
            .zip(&led_here)
            .map(|(thing, led)| {
                let led: Vec<Mention> = led.iter().map(|(_, mention)| mention.clone()).collect();
                stores::tell(thing, clues, &led)
            })
            .collect();
        let address = |index: usize, units: &[&'a Unit]| match &stores[index] {
            Some(store) => address::of_store(units, clues, &store.value.ports),
            None => {
                let place = place_in_procfile(&things[index], clues);
                address::of_service(units, clues, &homes[index], place)
            }
        };
        let local: Vec<Option<Guess<Address>>> = (0..things.len())
            .map(|index| address(index, &things[index].here()))
            .collect();
        let runs_here = (0..things.len()).any(|index| {
            let is_service = stores[index].is_none();
            is_service && local[index].is_some()
        });
        // Addresses of this machine and of a cluster would be two environments in one.
        let addresses = (0..things.len()).map(|index| match &local[index] {
            None if !runs_here || things[index].is_of_cluster() => {
                let found = address(index, &things[index].units);
                found.filter(|_| !runs_here || stores[index].is_none())
            }
            local => local.clone(),
        });
        let addresses = addresses.collect();
        Self {
            clues,
            things,
            homes,
            directory,
            stores,
            addresses,
            runs_here,
            led_here,
        }
    }

    /// Writes services and dependencies; gives back the edges that were left out.
    fn write(&self, draft: &mut Draft) -> Vec<Edge> {
        let (edges, closing) = edges::find(self.things, &self.homes, &self.directory, self.clues);
        let disabled: Vec<Option<String>> = (0..self.things.len())
            .map(|index| self.disabled(index))
            .collect();
        for index in 0..self.things.len() {
            match &self.stores[index] {
                Some(store) => draft.dependencies.push(self.dependency(index, store)),
                None => {
                    let service = self.service(index, &edges, &disabled);
                    draft.services.push(service);
                }
            }
        }
        closing
    }

    /// Why a service is only proposed as a comment.
    fn disabled(&self, index: usize) -> Option<String> {
        let (thing, unit) = (&self.things[index], self.things[index].lead());
        if self.stores[index].is_some() {
            return None;
        }
        if self.addresses[index].is_none() {
            let inside: Vec<String> = unit
                .ports
                .iter()
                .map(|port| port.target.to_string())
                .collect();
            return Some(match (unit.platform, inside.is_empty()) {
                (Platform::Kubernetes, _) => "No Service leads to it.".to_owned(),
                (Platform::Procfile, _) => "Its line takes no port.".to_owned(),
                (Platform::Compose, true) => "It publishes no port.".to_owned(),
                (Platform::Compose, false) => format!(
                    "It listens on {} inside and publishes no port.",
                    names::list(&inside)
                ),
            });
        }
        let others_start = self.things.iter().any(|other| {
            other.lead().platform == unit.platform && other.lead().profiles.is_empty()
        });
        if !unit.profiles.is_empty() && others_start {
            let profiles = names::list(&unit.profiles);
            return Some(format!("Only started with the compose profile {profiles}."));
        }
        (self.runs_here && thing.is_of_cluster()).then(|| {
            "Only described for Kubernetes, and other services are reached on this machine: \
             that would be two environments in one."
                .to_owned()
        })
    }

    fn service(&self, index: usize, edges: &[Edge], disabled: &[Option<String>]) -> DraftService {
        let (thing, home) = (&self.things[index], &self.homes[index]);
        let address = self.addresses[index].as_ref();
        let probed = address
            .map(|address| probe::of_service(thing, self.clues, home, &self.homes, &address.value));
        let (probe, mut remarks) = match probed {
            Some((probe, remarks)) => (Some(probe), remarks),
            None => (None, Vec::new()),
        };
        let mut depends_on = Vec::new();
        let mut unlisted = Vec::new();
        for edge in edges.iter().filter(|edge| edge.from == index) {
            let name = self.things[edge.to].name.clone();
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
                "If its certificate is not for {host}, set `tls = {{ server_name = \"…\" }}` in \
                 its probe."
            ));
        }
        remarks.extend(self.elsewhere(index));
        depends_on.sort_by(|a, b| a.value.cmp(&b.value));
        DraftService {
            name: thing.name.clone(),
            origin: thing.lead().origin.clone(),
            disabled: disabled[index].clone(),
            url: address.map(|address| address.map(address.value.url())),
            probe,
            depends_on,
            source: home.source.clone(),
            container: home.container.clone(),
            deploy: address.and_then(|_| run::deploy(thing)),
            observe: run::observe(thing),
            remarks,
        }
    }

    /// Who else describes a thing.
    fn elsewhere(&self, index: usize) -> Option<String> {
        let others: Vec<String> = self.things[index].units[1..]
            .iter()
            .map(|unit| format!("{}:{}", unit.origin.file, unit.origin.line))
            .collect();
        (!others.is_empty()).then(|| format!("Also described in {}.", names::list(&others)))
    }

    fn dependency(&self, index: usize, store: &Guess<&'static Store>) -> DraftDependency {
        let (thing, kind) = (&self.things[index], store.value);
        let address = self.addresses[index].as_ref();
        let led_here = &self.led_here[index];
        let url = address.map(|address| {
            let login = unlisted::Login::of(kind, &thing.units, led_here);
            address.map(login.url(&address.value))
        });
        let probe = address.map(|address| probe::of_store(store, address.value.scheme));
        let asks = unlisted::asks_for_password(kind, &thing.units, led_here);
        let url_variable = asks
            .filter(|_| url.is_some())
            .map(|()| unlisted::variable(kind, led_here));
        let mut remarks = Vec::new();
        if address.is_none() {
            remarks.push("It has no address on this machine, so it is not probed.".to_owned());
        }
        if !thing.lead().profiles.is_empty() {
            let profiles = names::list(&thing.lead().profiles);
            remarks.push(format!("Only started with the compose profile {profiles}."));
        }
        remarks.extend(self.elsewhere(index));
        DraftDependency {
            name: thing.name.clone(),
            origin: thing.lead().origin.clone(),
            kind: store.map(kind.kind.clone()),
            url,
            url_variable,
            probe,
            observe: run::observe(thing),
            remarks,
        }
    }
}

/// The addresses in variables that lead to each thing.
fn lead(clues: &Clues, things: &[Thing<'_>], directory: &Directory) -> Vec<Vec<(String, Mention)>> {
    let mut led_here: Vec<Vec<(String, Mention)>> = vec![Vec::new(); things.len()];
    let own = things
        .iter()
        .flat_map(|thing| &thing.units)
        .flat_map(|unit| &unit.env)
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let listed = clues
        .variables
        .iter()
        .map(|variable| (variable.name.as_str(), variable.example.as_str()));
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (name, value) in own.chain(listed).filter(|pair| seen.insert(*pair)) {
        for mention in mentions(name, value) {
            if let Some(index) = directory.find(&mention.host, mention.port) {
                led_here[index].push((name.to_owned(), mention));
            }
        }
    }
    led_here
}

/// How many lines of the same Procfile stand before that of a thing.
fn place_in_procfile(thing: &Thing<'_>, clues: &Clues) -> usize {
    let Some(unit) = thing.on(Platform::Procfile) else {
        return 0;
    };
    clues
        .units
        .iter()
        .filter(|other| other.platform == Platform::Procfile)
        .filter(|other| other.origin.file == unit.origin.file)
        .filter(|other| !other.one_shot && other.origin.line < unit.origin.line)
        .count()
}
