//! What the sections read: facts, events by number, and the index of what they cite.

use std::cell::RefCell;

use assay_model::{
    Body, Cause, Diagnosis, Event, EvidenceRef, Facts, Mend, Remedy, Rollout, Step, Timestamp,
};

use crate::story::{Noted, Story};
use crate::text::{code, counted, len, sentence, utc};

/// Digits of a hash in a citation, as git shows a commit: few enough to read, and a clash within
/// one run is told apart by more of them.
const HASH_DIGITS: usize = 8;

/// Citations behind one claim; the event that is cited after them names the rest.
const CITES_MAX: usize = 3;

/// Sources listed for one blob, which may be cited line by line.
const SOURCES_MAX: usize = 4;

/// Evidence that was cited.
#[derive(Debug)]
pub(crate) struct Cited {
    /// The digits in its citation.
    pub(crate) name: String,
    /// The whole hash.
    pub(crate) hash: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// When it was captured.
    pub(crate) at: Timestamp,
    /// Where it was captured, once for each way in which it was cited.
    pub(crate) sources: Vec<String>,
    /// Sources that were left out.
    pub(crate) sources_more: u64,
}

/// A cause, and the diagnosis that tells most of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// The cause.
    pub(crate) cause: &'a Cause,
    /// Number of the event of its diagnosis.
    pub(crate) seq: u64,
    /// The cycle of its diagnosis.
    pub(crate) cycle: u32,
    /// Its diagnosis.
    pub(crate) diagnosis: &'a Diagnosis,
}

/// Everything that a section may read.
pub(crate) struct View<'a> {
    /// What holds now.
    pub(crate) facts: &'a Facts,
    /// Every event.
    pub(crate) events: &'a [Event],
    /// What held before.
    pub(crate) story: Story<'a>,
    texts: &'a dyn Fn(&EvidenceRef) -> Option<String>,
    index: RefCell<Vec<Cited>>,
}

impl<'a> View<'a> {
    /// A view with an empty index.
    pub(crate) fn new(
        facts: &'a Facts,
        events: &'a [Event],
        texts: &'a dyn Fn(&EvidenceRef) -> Option<String>,
    ) -> Self {
        let story = Story::read(events);
        Self {
            facts,
            events,
            story,
            texts,
            index: RefCell::default(),
        }
    }

    /// The run's name.
    pub(crate) fn run(&self) -> String {
        let run = self
            .facts
            .run
            .as_ref()
            .or_else(|| self.events.first().map(|event| &event.run));
        run.map_or_else(|| "unknown".to_owned(), ToString::to_string)
    }

    /// The bytes of `evidence` as text, where they can be read.
    pub(crate) fn text(&self, evidence: &EvidenceRef) -> Option<String> {
        (self.texts)(evidence)
    }

    /// `[e:1a2b3c4d]`, and remembers it for the index.
    pub(crate) fn cite(&self, evidence: &EvidenceRef) -> String {
        let mut index = self.index.borrow_mut();
        let hash: String = evidence
            .hash
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let label = evidence.source.label();
        if let Some(known) = index.iter_mut().find(|known| known.hash == hash) {
            if !known.sources.contains(&label) {
                if known.sources.len() < SOURCES_MAX {
                    known.sources.push(label);
                } else {
                    known.sources_more += 1;
                }
            }
            return format!("[e:{}]", known.name);
        }
        let mut digits = HASH_DIGITS.min(hash.len());
        while digits < hash.len() && index.iter().any(|known| known.name == hash[..digits]) {
            digits += 1;
        }
        let name = hash[..digits].to_owned();
        let cited = format!("[e:{name}]");
        index.push(Cited {
            name,
            hash,
            bytes: evidence.bytes,
            at: evidence.at,
            sources: vec![label],
            sources_more: 0,
        });
        cited
    }

    /// Citations for a claim that event `seq` makes: its evidence, or the event where it has
    /// none of its own.
    pub(crate) fn cite_all<'e>(
        &self,
        evidence: impl IntoIterator<Item = &'e EvidenceRef>,
        seq: u64,
    ) -> String {
        let mut hashes: Vec<&str> = Vec::new();
        let mut cites: Vec<String> = Vec::new();
        let mut more = 0;
        for one in evidence {
            if hashes.contains(&one.hash.as_str()) {
                continue;
            }
            hashes.push(&one.hash);
            if cites.len() < CITES_MAX {
                cites.push(self.cite(one));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            cites.push(format!("and {more} more with {}", event(seq)));
        } else if cites.is_empty() {
            cites.push(event(seq));
        }
        cites.join(" ")
    }

    /// What was cited so far, in the order of first use.
    pub(crate) fn cited(&self) -> std::cell::Ref<'_, Vec<Cited>> {
        self.index.borrow()
    }

    /// The number of the last event that `wanted` holds for.
    pub(crate) fn last_seq(&self, wanted: impl Fn(&Body) -> bool) -> u64 {
        let found = self.events.iter().rev().find(|event| wanted(&event.body));
        found.map_or(0, |event| event.seq)
    }

    /// The number of the event that planned `remedy`.
    pub(crate) fn remedy_seq(&self, remedy: &Remedy) -> u64 {
        let found = self.events.iter().find(
            |event| matches!(&event.body, Body::RemedyPlanned { remedy: planned } if planned == remedy),
        );
        found.map_or(0, |event| event.seq)
    }

    /// The number of the event that recorded `mend`.
    pub(crate) fn mend_seq(&self, mend: &Mend) -> u64 {
        self.last_seq(|body| {
            matches!(body, Body::Mended { branch, commit, .. }
                if *branch == mend.branch && *commit == mend.commit)
        })
    }

    /// Roll-outs that followed `remedy`, up to the next one.
    pub(crate) fn rollouts_after(&self, remedy: &Remedy) -> Vec<&Noted<'a, Rollout>> {
        let from = self.remedy_seq(remedy);
        let to = self
            .events
            .iter()
            .filter(|event| event.seq > from)
            .find(|event| {
                matches!(&event.body, Body::RemedyPlanned { remedy: planned } if planned != remedy)
            })
            .map_or(u64::MAX, |event| event.seq);
        self.story
            .rollouts
            .iter()
            .filter(|noted| from > 0 && noted.seq > from && noted.seq < to)
            .collect()
    }

    /// Every cause of the run once, in the order in which they were found.
    pub(crate) fn causes(&self) -> Vec<Found<'a>> {
        let mut found: Vec<Found<'a>> = Vec::new();
        for noted in &self.story.diagnoses {
            for cause in &noted.what.causes {
                let this = Found {
                    cause,
                    seq: noted.seq,
                    cycle: noted.cycle,
                    diagnosis: noted.what,
                };
                match found.iter_mut().find(|known| known.cause.id == cause.id) {
                    // A later diagnosis may see less: the incident is over by then.
                    Some(known) if known.cause.whys.len() < cause.whys.len() => *known = this,
                    Some(_) => {}
                    None => found.push(this),
                }
            }
        }
        found
    }

    /// Why a section has nothing to say.
    pub(crate) fn not_run(&self, step: Step) -> String {
        if let Some((seq, error)) = self.story.errors.get(&step) {
            return format!("Not run to its end: {} {}", sentence(error), event(*seq));
        }
        if let Some(only) = self.facts.plan.as_ref().and_then(|plan| plan.only)
            && only != step
        {
            return format!(
                "Not run: this run was asked for the step {} alone. {}",
                code(only.word()),
                event(1)
            );
        }
        if self.facts.step.is_some_and(|going| going.step == step) {
            return "Not finished: this step is in progress.".to_owned();
        }
        match self.facts.end {
            Some(_) => format!(
                "Not run: the {} of this run hold no result of the step {}.",
                counted(len(self.events), "event"),
                code(step.word())
            ),
            None => "Not run: this run has not ended, and holds no result of it yet.".to_owned(),
        }
    }
}

/// `[j:42]`: event 42 of the run's journal.
pub(crate) fn event(seq: u64) -> String {
    format!("[j:{seq}]")
}

/// `cycle 1, 2026-11-23 18:44:55 UTC`.
pub(crate) fn when(cycle: u32, at: Timestamp) -> String {
    format!("cycle {cycle}, {}", utc(at))
}
