//! What is known of every thing before any is written down.

use std::collections::BTreeSet;

use super::address;
use super::edges::{self, Edge};
use super::home::{self, Home};
use super::hosts::{Directory, Mention, mentions};
use super::join::{Thing, is_started};
use super::names;
use super::place::Address;
use super::run;
use super::stores::{self, Store};
use super::types::Guess;
use super::variables::{Told, told};
use crate::clue::{Clues, Platform};

/// What is known of every thing.
pub(crate) struct Known<'a> {
    pub(crate) clues: &'a Clues,
    pub(crate) things: &'a [Thing<'a>],
    pub(crate) homes: Vec<Home<'a>>,
    pub(crate) stores: Vec<Option<Guess<&'static Store>>>,
    pub(crate) addresses: Vec<Option<Guess<Address>>>,
    /// Addresses in variables that lead to each thing, with the variables' names.
    pub(crate) led_here: Vec<Vec<(String, Mention)>>,
    /// Variables by which the code of one thing names another.
    pub(crate) told: Vec<Told<'a>>,
    directory: Directory,
    /// Whether a file starts services on this machine.
    runs_here: bool,
}

impl<'a> Known<'a> {
    pub(crate) fn of(clues: &'a Clues, things: &'a [Thing<'a>]) -> Self {
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
        let runs_here = things.iter().zip(&stores).any(|(thing, store)| {
            let here = thing.here();
            store.is_none() && here.iter().any(|unit| is_started(unit.platform))
        });
        let mut known = Self {
            told: told(things, &homes, clues),
            clues,
            things,
            homes,
            stores,
            addresses: Vec::new(),
            led_here,
            directory,
            runs_here,
        };
        known.addresses = (0..things.len())
            .map(|index| known.address(index))
            .collect();
        known
    }

    /// Where a thing is reached: on this machine, else in a cluster if nothing runs here, as both
    /// would be two environments in one.
    fn address(&self, index: usize) -> Option<Guess<Address>> {
        let thing = &self.things[index];
        let of = |units: &[_]| match &self.stores[index] {
            Some(store) => address::of_store(units, self.clues, &store.value.ports),
            None => address::of_service(units, self.clues, &self.homes[index]),
        };
        let of_cluster = !self.runs_here || (thing.is_of_cluster() && self.stores[index].is_none());
        of(&thing.here()).or_else(|| of(&thing.started()).filter(|_| of_cluster))
    }

    /// Who needs whom; and the edges that would close a circle.
    pub(crate) fn edges(&self) -> (Vec<Edge>, Vec<Edge>) {
        edges::find(
            self.things,
            &self.homes,
            &self.directory,
            &self.told,
            self.clues,
        )
    }

    /// Why a thing is only proposed as a comment.
    pub(crate) fn disabled(&self, index: usize) -> Option<String> {
        let (thing, unit) = (&self.things[index], self.things[index].lead());
        if self.runs_here && thing.is_of_cluster() {
            let why = "Only described for Kubernetes, and other services are reached on this \
                       machine: that would be two environments in one.";
            return Some(why.to_owned());
        }
        if self.stores[index].is_some() {
            return None;
        }
        if self.addresses[index].is_none() && run::observe(thing).is_none() {
            let why = match unit.platform {
                Platform::Kubernetes => "No Service leads to it, and its pods have no label.",
                Platform::Procfile => "Its line takes no port.",
                Platform::Dockerfile => "Nothing says on which port it listens.",
                Platform::Dotnet => "Its launch settings name no address.",
                Platform::Compose => "It publishes no port.",
            };
            return Some(why.to_owned());
        }
        if !is_started(unit.platform) {
            return self.not_started(index);
        }
        let others_start = self.things.iter().any(|other| {
            other.lead().platform == unit.platform && other.lead().profiles.is_empty()
        });
        (!unit.profiles.is_empty() && others_start).then(|| {
            let profiles = names::list(&unit.profiles);
            format!("Only started with the compose profile {profiles}.")
        })
    }

    /// Why code or an image is not proposed in full.
    fn not_started(&self, index: usize) -> Option<String> {
        let others_start = (0..self.things.len()).any(|other| {
            self.stores[other].is_none() && is_started(self.things[other].lead().platform)
        });
        if others_start {
            return Some("Other services have a file that starts them; it has none.".to_owned());
        }
        let url = |index: usize| {
            let address = self.addresses[index].as_ref();
            address.map(|address| address.value.url())
        };
        let rivals: Vec<&str> = (0..self.things.len())
            .filter(|other| *other != index && url(*other) == url(index))
            .map(|other| self.things[other].name.as_str())
            .collect();
        (!rivals.is_empty()).then(|| {
            let rivals = names::list(&rivals);
            format!("The same port is that of {rivals}: only one of them can have it.")
        })
    }

    /// Why a thing has no address, and who sees it nevertheless.
    pub(crate) fn unasked(&self, index: usize) -> Option<String> {
        let thing = &self.things[index];
        if self.addresses[index].is_some() || run::observe(thing).is_none() {
            return None;
        }
        let seen = match thing.on(Platform::Compose) {
            Some(_) => "publishes no port: seen through docker only",
            None => "no Service leads to it: seen through kubectl only",
        };
        Some(seen.to_owned())
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
