//! What a pod's containers went through: from what the API says of pods and of events.

use assay_model::{Exit, InstanceObservation, InstanceState, RevisionId, RuntimeEvent, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::look::{EVENTS_MAX, Look, one_line, revision_of_image};

/// A pod, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Pod {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    restart_policy: String,
    #[serde(default)]
    containers: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    #[serde(default)]
    phase: String,
    reason: Option<String>,
    message: Option<String>,
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    r#type: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
    last_transition_time: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    restart_count: u32,
    #[serde(default, rename = "imageID")]
    image_id: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    state: State,
    #[serde(default)]
    last_state: State,
}

#[derive(Debug, Default, Deserialize)]
struct State {
    waiting: Option<Waiting>,
    running: Option<Running>,
    terminated: Option<Terminated>,
}

#[derive(Debug, Deserialize)]
struct Waiting {
    reason: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    started_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    #[serde(default)]
    exit_code: i32,
    signal: Option<i32>,
    reason: Option<String>,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

/// An event of the cluster.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    count: Option<u32>,
    involved_object: Involved,
    first_timestamp: Option<Timestamp>,
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    series: Option<Series>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Involved {
    #[serde(default)]
    name: String,
    #[serde(default)]
    field_path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    count: Option<u32>,
    last_observed_time: Option<Timestamp>,
}

impl Event {
    /// When it happened last.
    fn at(&self) -> Option<Timestamp> {
        let series = self.series.as_ref();
        series
            .and_then(|series| series.last_observed_time)
            .or(self.last_timestamp)
            .or(self.event_time)
            .or(self.first_timestamp)
    }

    /// Whether it is of this container, or of its pod as a whole.
    fn is_of(&self, container: &ContainerStory<'_>) -> bool {
        let path = &self.involved_object.field_path;
        self.involved_object.name == container.pod_name()
            && (!path.contains('{') || path.contains(&format!("{{{}}}", container.name())))
    }

    fn as_runtime(&self, at: Timestamp) -> RuntimeEvent {
        let count = self.count.or(self.series.as_ref().and_then(|it| it.count));
        let mut message = one_line(&self.message);
        if let Some(count) = count.filter(|count| *count > 1) {
            message.push_str(&format!(" ({count} times)"));
        }
        RuntimeEvent {
            at,
            kind: self.reason.clone(),
            message,
            warning: self.r#type == "Warning",
        }
    }
}

/// One container of a pod, through all its restarts. A pod without a node has none yet, and
/// stands for itself.
pub(super) struct ContainerStory<'a> {
    pod: &'a Pod,
    status: Option<&'a ContainerStatus>,
    name: &'a str,
    /// The pod has others that are looked at too.
    is_one_of_many: bool,
}

impl Pod {
    pub(super) fn created(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp
    }

    /// The containers that are asked for, and those that keep them from starting.
    pub(super) fn containers(
        &self,
        wanted: Option<&str>,
    ) -> impl Iterator<Item = ContainerStory<'_>> {
        let asked = |name: &str| wanted.is_none_or(|wanted| wanted == name);
        let stuck = self.status.init_container_statuses.iter();
        let stuck = stuck.filter(|status| status.is_stuck());
        let main = self.status.container_statuses.iter();
        let main = main.filter(|status| asked(&status.name));
        let mut found: Vec<ContainerStory<'_>> = stuck
            .chain(main)
            .map(|status| ContainerStory {
                pod: self,
                status: Some(status),
                name: &status.name,
                is_one_of_many: false,
            })
            .collect();
        if found.is_empty() {
            let first = self.spec.containers.iter().find(|it| asked(&it.name));
            found.extend(first.map(|named| ContainerStory {
                pod: self,
                status: None,
                name: &named.name,
                is_one_of_many: false,
            }));
        }
        let many = found.len() > 1;
        found.into_iter().map(move |mut container| {
            container.is_one_of_many = many;
            container
        })
    }
}

impl ContainerStatus {
    /// An initial container that has ended well, or runs, is no news.
    fn is_stuck(&self) -> bool {
        let failed = |state: &State| {
            let ended = state.terminated.as_ref();
            ended.is_some_and(|ended| ended.exit_code != 0)
        };
        failed(&self.state)
            || (failed(&self.last_state) && !self.ready)
            || self
                .waiting_reason()
                .is_some_and(|reason| reason.contains("BackOff") || reason.starts_with("Err"))
    }

    fn waiting_reason(&self) -> Option<&str> {
        self.state.waiting.as_ref()?.reason.as_deref()
    }

    /// Its last processes, oldest first. The API remembers two.
    fn ended(&self) -> impl Iterator<Item = &Terminated> {
        let states = [&self.last_state, &self.state];
        states
            .into_iter()
            .filter_map(|state| state.terminated.as_ref())
    }
}

impl Terminated {
    fn exit(&self) -> Option<Exit> {
        let at = self.finished_at?;
        let signal = self.signal.filter(|signal| *signal != 0);
        let uptime_ms = self.started_at.map_or(0, |started| {
            u64::try_from(at.duration_since(started).as_millis()).unwrap_or(0)
        });
        Some(Exit {
            at,
            code: signal.is_none().then_some(self.exit_code),
            signal,
            uptime_ms,
            requested: false,
            out_of_memory: self.reason.as_deref() == Some("OOMKilled"),
        })
    }
}

impl<'a> ContainerStory<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn pod_name(&self) -> &'a str {
        &self.pod.metadata.name
    }

    fn is_being_deleted(&self) -> bool {
        self.pod.metadata.deletion_timestamp.is_some()
    }

    /// It has a log.
    pub(super) fn has_started(&self) -> bool {
        self.status
            .is_some_and(|status| status.state.running.is_some() || status.ended().next().is_some())
    }

    /// The process before the one of now has ended in the window, and its log is another one.
    pub(super) fn has_ended_before(&self, look: &Look) -> bool {
        let before = self.status.and_then(|it| it.last_state.terminated.as_ref());
        let ended = before.and_then(|before| before.finished_at);
        // Without a process of now, the log of now is that of the one before.
        let is_other = self.status.is_some_and(|it| it.state.waiting.is_none());
        is_other && ended.is_some_and(|at| at >= look.window.from)
    }

    /// A pod that ended well and stays so, or that is being deleted, is not wanted.
    pub(super) fn is_wanted(&self) -> bool {
        !self.is_being_deleted() && !["Succeeded", "Failed"].contains(&&*self.pod.status.phase)
    }

    fn state(&self) -> InstanceState {
        let Some(status) = self.status else {
            return match self.pod.status.phase.as_str() {
                "Pending" => InstanceState::Pending,
                "Running" => InstanceState::Running,
                "Succeeded" | "Failed" => InstanceState::Exited,
                _ => InstanceState::Unknown,
            };
        };
        let state = &status.state;
        if let Some(waiting) = &state.waiting {
            return match waiting.reason.as_deref() {
                Some("CrashLoopBackOff") => InstanceState::BackingOff,
                _ if status.last_state.terminated.is_some() => InstanceState::BackingOff,
                _ => InstanceState::Pending,
            };
        }
        if state.running.is_some() {
            return InstanceState::Running;
        }
        let Some(ended) = &state.terminated else {
            return InstanceState::Pending;
        };
        let comes_back = match self.pod.spec.restart_policy.as_str() {
            "Never" => false,
            "OnFailure" => ended.exit_code != 0,
            _ => true,
        };
        if self.is_being_deleted() {
            InstanceState::Stopped
        } else if comes_back && self.is_wanted() {
            InstanceState::BackingOff
        } else {
            InstanceState::Exited
        }
    }

    fn revision(&self) -> RevisionId {
        let image = self.status.map_or("", |status| {
            if status.image_id.is_empty() {
                // Without a digest, the tag is all that is known.
                status.image.rsplit('/').next().unwrap_or_default()
            } else {
                &status.image_id
            }
        });
        revision_of_image(image)
    }

    fn starts(&self, look: &Look) -> u32 {
        let Some(status) = self.status else { return 0 };
        let running = status.state.running.as_ref();
        let known = running
            .and_then(|running| running.started_at)
            .into_iter()
            .chain(status.ended().filter_map(|ended| ended.started_at))
            .filter(|at| look.holds(*at))
            .count();
        let is_young = self.pod.created().is_some_and(|at| look.holds(at));
        if is_young && self.has_started() {
            return status.restart_count.saturating_add(1);
        }
        u32::try_from(known).unwrap_or(u32::MAX)
    }

    pub(super) fn observed(&self, events: &[Event], look: &Look) -> InstanceObservation {
        let pod = self.pod_name();
        let exits = self.status.into_iter().flat_map(ContainerStatus::ended);
        let mut exits: Vec<Exit> = exits
            .filter_map(Terminated::exit)
            .filter(|exit| look.holds(exit.at))
            .collect();
        if self.is_being_deleted()
            && let Some(last) = exits.last_mut()
        {
            last.requested = self.pod.metadata.deletion_timestamp <= Some(last.at);
        }
        InstanceObservation {
            id: if self.is_one_of_many {
                format!("{pod}/{}", self.name)
            } else {
                pod.to_owned()
            },
            observer: "kubernetes".to_owned(),
            revision: self.revision(),
            state: self.state(),
            starts: self.starts(look),
            exits,
            log: None,
            exits_evidence: None,
            events: if look.wants_everything() {
                self.events(events, look)
            } else {
                Vec::new()
            },
        }
    }

    fn events(&self, events: &[Event], look: &Look) -> Vec<RuntimeEvent> {
        let mut told: Vec<RuntimeEvent> = events
            .iter()
            .filter(|event| event.is_of(self))
            .filter_map(|event| Some(event.as_runtime(event.at()?)))
            .collect();
        told.extend(self.complaints());
        told.retain(|event| look.holds(event.at));
        told.sort_by_key(|event| event.at);
        let surplus = told.len().saturating_sub(EVENTS_MAX);
        told.split_off(surplus)
    }

    /// What the pod itself says is wrong: that outlives the events, which a cluster forgets after
    /// an hour.
    fn complaints(&self) -> Vec<RuntimeEvent> {
        let status = &self.pod.status;
        let mut told = Vec::new();
        let mut tell = |at: Option<Timestamp>, kind: &str, message: Option<&str>| {
            if let Some(at) = at.or(self.pod.created()) {
                told.push(RuntimeEvent {
                    at,
                    kind: kind.to_owned(),
                    message: one_line(message.unwrap_or_default()),
                    warning: true,
                });
            }
        };
        let changed = |name: &str| {
            let condition = status.conditions.iter().find(|it| it.r#type == name);
            condition.and_then(|it| it.last_transition_time)
        };
        if let Some(reason) = &status.reason {
            tell(changed("Ready"), reason, status.message.as_deref());
        }
        let unplaced = |it: &&Condition| it.r#type == "PodScheduled" && it.status == "False";
        if let Some(it) = status.conditions.iter().find(unplaced) {
            let reason = it.reason.as_deref().unwrap_or("PodScheduled");
            tell(it.last_transition_time, reason, it.message.as_deref());
        }
        let waiting = self.status.and_then(|it| it.state.waiting.as_ref());
        if let Some(waiting) = waiting.filter(|waiting| waiting.message.is_some()) {
            let reason = waiting.reason.as_deref().unwrap_or("waiting");
            tell(
                changed("ContainersReady"),
                reason,
                waiting.message.as_deref(),
            );
        }
        told
    }

    fn is_ready(&self) -> bool {
        !self.is_being_deleted() && self.status.is_some_and(|status| status.ready)
    }
}

/// The revision of all containers that get traffic, where it is one.
pub(super) fn serving<'a, 's: 'a>(
    containers: impl Iterator<Item = &'a ContainerStory<'s>>,
) -> Option<RevisionId> {
    let mut revisions: Vec<RevisionId> = containers
        .filter(|container| container.is_ready())
        .map(ContainerStory::revision)
        .collect();
    revisions.sort();
    revisions.dedup();
    (revisions.len() == 1).then(|| revisions.remove(0))
}

/// What is kept as evidence of a pod: its name and its status, in the API's words. Its
/// specification and its annotations, which hold environments, are not part of it.
pub(super) fn evidence(pod: &Value) -> Value {
    let metadata = &pod["metadata"];
    let mut kept = serde_json::Map::new();
    for name in [
        "name",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
    ] {
        if let Some(value) = metadata.get(name) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    json!({ "metadata": kept, "status": pod["status"] })
}
