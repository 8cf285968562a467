//! `kubernetes`: pods, through the user's own `kubectl`, which knows how to reach and to log in
//! to every kind of cluster. Only `get` and `logs` are ever called.

mod story;

use assay_model::{Blind, KubernetesObserve, Sighting, Source, Timestamp};
use assay_world::clock::stamp;
use assay_world::process::Command;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use self::story::{ContainerStory, Event, Pod, evidence};
use crate::look::{CannotSee, INSTANCES_MAX, Look, Seen, blind};
use crate::programs::{Programs, RunError, run, run_whole};
use crate::tail::{LOG_LINES_MAX, Tail};

pub(crate) const NAME: &str = "kubernetes";

/// What the API server has for one request: less than the look itself, so that `kubectl` can say
/// what went wrong.
const REQUEST_TIMEOUT: &str = "--request-timeout=4s";

/// Logs that are read at once; each takes a process.
const AT_ONCE_MAX: usize = 4;

/// What `kubectl` says, and the way out of it.
const HINTS: [(&str, &str); 8] = [
    (
        "does not exist",
        "`kubectl config get-contexts` lists the contexts",
    ),
    (
        "no context",
        "`kubectl config get-contexts` lists the contexts",
    ),
    (
        "Forbidden",
        "`kubectl auth can-i get pods,pods/log,events` tells what this user may",
    ),
    (
        "forbidden",
        "`kubectl auth can-i get pods,pods/log,events` tells what this user may",
    ),
    ("must be logged in", "log in to the cluster again"),
    ("Unauthorized", "log in to the cluster again"),
    (
        "was refused",
        "is the cluster up, and the context the right one? `kubectl config current-context`",
    ),
    (
        "Unable to connect",
        "is the cluster up, and the context the right one? `kubectl config current-context`",
    ),
];

/// The pods could not be seen.
#[derive(Debug, Error)]
pub(crate) enum KubernetesError {
    /// `kubectl` gave no answer.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It answered something else than a list.
    #[error("the answer of `{command}` is not understood")]
    Shape {
        command: String,
        #[source]
        source: serde_json::Error,
    },
    /// No pod has these labels.
    #[error("no pod with {selector} in {place}")]
    None { selector: String, place: String },
}

impl CannotSee for KubernetesError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Run(error) => {
                let said = error.said();
                let known = HINTS.iter().find(|(words, _)| said.contains(words));
                known
                    .map(|(_, hint)| (*hint).to_owned())
                    .or_else(|| error.hint())
            }
            Self::Shape { .. } => None,
            Self::None { selector, .. } => Some(format!(
                "`kubectl get pods --selector={selector} --all-namespaces` shows where they are"
            )),
        }
    }
}

/// `kubectl` with the user's choice of cluster and namespace.
struct Kubectl<'a> {
    programs: &'a Programs,
    which: &'a KubernetesObserve,
    look: &'a Look,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Value>,
}

/// Looks at pods, each of their containers being an instance.
pub(crate) async fn look(
    which: &KubernetesObserve,
    programs: &Programs,
    look: &Look,
) -> Result<Seen, KubernetesError> {
    let kubectl = Kubectl {
        programs,
        which,
        look,
    };
    let get_pods = kubectl.command(["get", "pods", &format!("--selector={}", which.selector)]);
    let (pods, events) = tokio::join!(kubectl.list::<Pod>(&get_pods), kubectl.events());
    let mut pods = pods?;
    if pods.is_empty() {
        let place = match &which.namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => "the context's namespace".to_owned(),
        };
        return Err(KubernetesError::None {
            selector: which.selector.clone(),
            place,
        });
    }
    pods.sort_by_key(|(pod, _)| pod.created());
    let surplus = pods.len().saturating_sub(INSTANCES_MAX);
    pods.drain(..surplus);
    let mut seen = Seen::default();
    let events = events.unwrap_or_else(|error| {
        seen.blind.push(blind(NAME, &error));
        Vec::new()
    });
    let containers: Vec<(ContainerStory<'_>, &Value)> = pods
        .iter()
        .flat_map(|(pod, raw)| {
            pod.containers(which.container.as_deref())
                .map(move |it| (it, raw))
        })
        .collect();
    seen.serving = story::serving(containers.iter().map(|(container, _)| container));
    let mut looks: Vec<BoxFuture<'_, _>> = Vec::new();
    for (container, raw) in &containers {
        let sighting = kubectl.sighting(container, raw, &events, &get_pods);
        looks.push(sighting.boxed());
    }
    let sightings: Vec<_> = stream::iter(looks).buffered(AT_ONCE_MAX).collect().await;
    for (sighting, no_log) in sightings {
        seen.instances.push(sighting);
        seen.blind.extend(no_log);
    }
    Ok(seen)
}

impl Kubectl<'_> {
    fn command<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> Command {
        let mut command = Command::new(&self.programs.kubectl).args(words);
        if let Some(context) = &self.which.context {
            command = command.args([format!("--context={context}")]);
        }
        if let Some(namespace) = &self.which.namespace {
            command = command.args([format!("--namespace={namespace}")]);
        }
        command.args([REQUEST_TIMEOUT])
    }

    /// A list in JSON; each item as it is understood and as it came. What is not understood is
    /// left out.
    async fn list<T: for<'de> Deserialize<'de>>(
        &self,
        command: &Command,
    ) -> Result<Vec<(T, Value)>, KubernetesError> {
        let command = command.clone().args(["--output=json"]);
        let answer = run_whole(&command, self.look).await?;
        let list: List =
            serde_json::from_slice(&answer).map_err(|source| KubernetesError::Shape {
                command: command.to_string(),
                source,
            })?;
        let understood = |item: Value| Some((T::deserialize(&item).ok()?, item));
        Ok(list.items.into_iter().filter_map(understood).collect())
    }

    async fn events(&self) -> Result<Vec<Event>, KubernetesError> {
        if !self.look.wants_everything() {
            return Ok(Vec::new());
        }
        let of_pods = "--field-selector=involvedObject.kind=Pod";
        let command = self.command(["get", "events", of_pods]);
        let listed = self.list::<Event>(&command).await?;
        Ok(listed.into_iter().map(|(event, _)| event).collect())
    }

    /// One container of a pod, and why its log could not be read.
    async fn sighting(
        &self,
        container: &ContainerStory<'_>,
        raw: &Value,
        events: &[Event],
        get_pods: &Command,
    ) -> (Sighting, Option<Blind>) {
        let instance = container.observed(events, self.look);
        let (log, error) = if self.look.wants_everything() {
            match self.logs(container).await {
                Ok(log) => (log, None),
                Err(error) => (None, Some(blind(NAME, &KubernetesError::Run(error)))),
            }
        } else {
            (None, None)
        };
        let mut record = format!("{:#}\n", evidence(raw));
        let told = instance.events.iter();
        record.extend(
            told.map(|event| format!("{} {} {}\n", stamp(event.at), event.kind, event.message)),
        );
        let source = Source::Command {
            command: format!("{get_pods} --output=json"),
        };
        let sighting = Sighting {
            wanted: container.is_wanted(),
            instance,
            log,
            record: Some((source, record.into_bytes())),
        };
        (sighting, error)
    }

    /// The log of the container as it runs, after that of the one that ended before it.
    async fn logs(
        &self,
        container: &ContainerStory<'_>,
    ) -> Result<Option<(Source, String)>, RunError> {
        let mut tail = Tail::default();
        if container.has_ended_before(self.look) {
            let before = self.log_command(container).args(["--previous"]);
            // Nodes forget ended containers whenever they need the room.
            if let Ok(output) = run(&before, self.look).await {
                self.read(&output.stdout, &mut tail);
            }
        }
        let command = self.log_command(container);
        if container.has_started() {
            let output = run(&command, self.look).await?;
            self.read(&output.stdout, &mut tail);
        }
        let source = Source::Command {
            command: command.to_string(),
        };
        Ok(tail.into_text().map(|log| (source, log)))
    }

    fn log_command(&self, container: &ContainerStory<'_>) -> Command {
        let since = format!("--since-time={}", stamp(self.look.window.from));
        let lines = format!("--tail={LOG_LINES_MAX}");
        let name = format!("--container={}", container.name());
        let pod = container.pod_name();
        self.command(["logs", pod, &name, "--timestamps", &since, &lines])
    }

    fn read(&self, output: &[u8], tail: &mut Tail) {
        for line in String::from_utf8_lossy(output).lines() {
            let (at, text) = line.split_once(' ').unwrap_or((line, ""));
            match at.parse::<Timestamp>() {
                Ok(at) if self.look.holds(at) => tail.push(at, text),
                Ok(_) => {}
                Err(_) => tail.push_bare(line),
            }
        }
    }
}
