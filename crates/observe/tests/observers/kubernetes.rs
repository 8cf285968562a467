//! Pods, read from recorded answers of `kubectl` through a program that serves them by its
//! arguments.

use std::fs;
use std::time::{Duration, Instant};

use assay_model::{Detail, InstanceState, KubernetesObserve, Observe, Sighting, Sightings};

use crate::support::{Bench, check_blind, log, reasons};

const FROM: &str = "2026-11-23T10:00:00Z";
const TO: &str = "2026-11-23T11:00:00Z";

fn pods(container: Option<&str>) -> Observe {
    Observe::Kubernetes(KubernetesObserve {
        selector: "app=api".to_owned(),
        namespace: Some("shop".to_owned()),
        context: Some("staging".to_owned()),
        container: container.map(str::to_owned),
    })
}

/// A bench whose `kubectl` answers from a folder of `tests/kubectl`, and writes down what it was
/// asked. It knows only what reads.
fn recorded(scene: &str) -> Bench {
    let mut bench = Bench::new();
    let here = format!("{}/tests/kubectl/{scene}", env!("CARGO_MANIFEST_DIR"));
    let script = format!(
        r#"
echo "$*" >> '{root}/asked'
verb=$1; what=$2; previous=; container=
for word; do case $word in
  --previous) previous=-previous ;;
  --container=*) container=-${{word#*=}} ;;
esac; done
case $verb in
  get) exec cat "{here}/$what.json" ;;
  logs) file="{here}/logs-$what$container$previous.txt"
    [ -f "$file" ] && exec cat "$file"
    echo "Error from server (BadRequest): no log of $what$container" >&2; exit 1 ;;
  *) exit 64 ;;
esac"#,
        root = bench.root().display()
    );
    bench.programs.kubectl = bench.script("bin/kubectl", &script);
    bench
}

/// A bench whose `kubectl` fails with these last words.
fn failing(words: &str) -> Bench {
    let mut bench = Bench::new();
    let line =
        format!("echo 'E1123 10:00:00 memcache.go:265] noise' >&2\necho '{words}' >&2; exit 1");
    bench.programs.kubectl = bench.script("bin/kubectl", &line);
    bench
}

fn instance<'a>(seen: &'a Sightings, id: &str) -> &'a Sighting {
    let found = seen
        .instances
        .iter()
        .find(|it| it.instance.id.ends_with(id));
    found.unwrap_or_else(|| panic!("no {id} in {seen:#?}"))
}

/// Checks one instance: state, whether it is wanted, starts, and exits in words.
#[track_caller]
fn check(
    seen: &Sightings,
    id: &str,
    state: InstanceState,
    wanted: bool,
    starts: u32,
    exits: &[&str],
) {
    let found = instance(seen, id);
    let told: Vec<String> = found
        .instance
        .exits
        .iter()
        .map(|exit| format!("{} after {} ms", exit.describe(), exit.uptime_ms))
        .collect();
    assert_eq!(
        (
            found.instance.state,
            found.wanted,
            found.instance.starts,
            told
        ),
        (
            state,
            wanted,
            starts,
            exits.iter().map(|&it| it.to_owned()).collect()
        ),
        "{id}"
    );
}

#[track_caller]
fn check_events(seen: &Sightings, id: &str, expected: &[&str]) {
    let events = instance(seen, id).instance.events.iter();
    let told: Vec<String> = events
        .map(|event| {
            let mark = if event.warning { "!" } else { "" };
            let at = &event.at.to_string()[11..19];
            format!("{at} {}{mark} {}", event.kind, event.message)
        })
        .collect();
    assert_eq!(told, expected, "{id}");
}

#[tokio::test]
async fn each_kind_of_trouble_is_told() {
    let seen = recorded("trouble").look(pods(None), FROM, TO).await;
    use InstanceState::{BackingOff, Exited, Pending, Running};
    check(
        &seen,
        "2xkqz",
        BackingOff,
        true,
        5,
        &["exit code 3 after 2000 ms"],
    );
    let oom = "exit code 137, out of memory after 3898000 ms";
    check(&seen, "7m2ld", Running, true, 1, &[oom]);
    check(&seen, "9fvtw", Pending, true, 0, &[]);
    check(&seen, "bq8hn", Pending, true, 0, &[]);
    check(
        &seen,
        "c5r6p/migrate",
        BackingOff,
        true,
        2,
        &["exit code 1 after 1000 ms"],
    );
    check(&seen, "c5r6p/api", Pending, true, 0, &[]);
    check(
        &seen,
        "dwz4k",
        Exited,
        false,
        1,
        &["signal 15 after 599000 ms"],
    );
    check(&seen, "f2x9s/proxy", Running, true, 1, &[]);
    assert_eq!(seen.instances.len(), 9);
    let ids: Vec<_> = seen.instances.iter().map(|it| &it.instance.id).collect();
    assert!(
        ids[0].ends_with("7m2ld") && ids[8].ends_with("f2x9s/proxy"),
        "{ids:?}"
    );
    assert_eq!(
        instance(&seen, "2xkqz").instance.revision.as_str(),
        "1f0d5c3a9b7e"
    );
    assert_eq!(seen.serving, None, "two images serve");
}

#[tokio::test]
async fn events_are_those_of_the_container() {
    let seen = recorded("trouble").look(pods(None), FROM, TO).await;
    check_events(
        &seen,
        "2xkqz",
        &[
            "10:03:00 Started Started container api (5 times)",
            "10:03:02 CrashLoopBackOff! back-off 40s restarting failed container=api pod=api-6d4cf56db6-2xkqz_shop",
            "10:04:00 BackOff! Back-off restarting failed container api in pod (17 times)",
        ],
    );
    check_events(
        &seen,
        "9fvtw",
        &[
            "10:10:01 ImagePullBackOff! Back-off pulling image \"registry.example.com/shop/api:1.4.2\"",
            "10:15:00 Failed! Failed to pull image \"registry.example.com/shop/api:1.4.2\": not found (3 times)",
        ],
    );
    check_events(
        &seen,
        "bq8hn",
        &[
            "10:11:00 Unschedulable! 0/3 nodes are available: 3 Insufficient memory.",
            "10:11:30 FailedScheduling! 0/3 nodes are available: 3 Insufficient memory.",
        ],
    );
    check_events(
        &seen,
        "dwz4k",
        &["10:20:00 Evicted! The node was low on resource: memory."],
    );
    check_events(&seen, "f2x9s/api", &[]);
    check_events(
        &seen,
        "f2x9s/proxy",
        &["10:41:00 Unhealthy! Liveness probe failed"],
    );
}

#[tokio::test]
async fn logs_of_now_and_before() {
    let seen = recorded("trouble").look(pods(None), FROM, TO).await;
    let check = |id: &str, expected: &str| assert_eq!(log(instance(&seen, id)), expected, "{id}");
    check(
        "2xkqz",
        "2026-11-23T10:03:00.123Z starting\n2026-11-23T10:03:01.500Z KeyError: 'DATABASE_URL'\n",
    );
    check(
        "7m2ld",
        "2026-11-23T10:04:59.000Z allocating\n2026-11-23T10:05:01.000Z up\n",
    );
    check(
        "c5r6p/migrate",
        "2026-11-23T10:12:05.000Z relation \"users\" does not exist\n",
    );
    check("9fvtw", "");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_takes_nothing_else_away() {
    let seen = recorded("trouble").look(pods(None), FROM, TO).await;
    let told = reasons(&seen);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("no log of api-6d4cf56db6-f2x9s-proxy"),
        "{told:?}"
    );
}

#[tokio::test]
async fn only_what_reads_is_asked() {
    let bench = recorded("trouble");
    bench.look(pods(None), FROM, TO).await;
    let asked = fs::read_to_string(bench.root().join("asked")).unwrap();
    for line in asked.lines() {
        let reads = ["get pods ", "get events ", "logs "];
        assert!(reads.iter().any(|it| line.starts_with(it)), "{line}");
        for word in [
            "--context=staging",
            "--namespace=shop",
            "--request-timeout=4s",
        ] {
            assert!(line.contains(word), "{line}");
        }
    }
    let log = asked.lines().find(|it| it.contains("2xkqz")).unwrap();
    assert!(
        log.contains("--since-time=2026-11-23T10:00:00.000Z --tail=8192"),
        "{log}"
    );
}

#[tokio::test]
async fn one_container_may_be_asked_for() {
    let seen = recorded("trouble").look(pods(Some("api")), FROM, TO).await;
    assert!(
        seen.instances
            .iter()
            .all(|it| !it.instance.id.ends_with("proxy"))
    );
    assert_eq!(seen.serving.unwrap().as_str(), "1f0d5c3a9b7e");
}

#[tokio::test]
async fn states_alone_need_one_call() {
    let bench = recorded("trouble");
    let seen = bench.look_for(pods(None), FROM, TO, Detail::State).await;
    assert_eq!(seen.instances.len(), 9);
    assert!(seen.instances.iter().all(|it| it.log.is_none()));
    let asked = fs::read_to_string(bench.root().join("asked")).unwrap();
    assert_eq!(asked.lines().count(), 1, "{asked}");
}

#[tokio::test]
async fn evidence_has_the_status_and_no_environment() {
    let seen = recorded("trouble").look(pods(None), FROM, TO).await;
    let (_, record) = instance(&seen, "2xkqz").record.as_ref().unwrap();
    let record = String::from_utf8_lossy(record);
    assert!(
        record.contains("CrashLoopBackOff") && record.contains("17 times"),
        "{record}"
    );
    assert!(!record.contains("secret"), "{record}");
}

#[tokio::test]
async fn no_pod_is_said() {
    let seen = recorded("empty").look(pods(None), FROM, TO).await;
    check_blind(
        &seen,
        "no pod with app=api in namespace shop",
        "--all-namespaces",
    );
}

#[tokio::test]
async fn refusals_have_a_way_out() {
    for (said, hint) in [
        (r#"error: context "staging" does not exist"#, "get-contexts"),
        (
            r#"Error from server (Forbidden): pods is forbidden: User "bob" cannot list"#,
            "auth can-i",
        ),
        (
            "The connection to the server localhost:8080 was refused - did you specify",
            "is the cluster up",
        ),
        (
            "error: You must be logged in to the server (Unauthorized)",
            "log in",
        ),
        (
            "Unable to connect to the server: dial tcp: lookup k8s: no such host",
            "is the cluster up",
        ),
    ] {
        let seen = failing(said).look(pods(None), FROM, TO).await;
        check_blind(&seen, said, hint);
    }
    let seen = Bench::new().look(pods(None), FROM, TO).await;
    check_blind(
        &seen,
        "cannot find the program no-such-program-here",
        "PATH",
    );
}

#[tokio::test]
async fn answers_that_are_none_are_named() {
    let mut bench = Bench::new();
    bench.programs.kubectl = bench.script("bin/kubectl", "echo '<html>proxy</html>'");
    let seen = bench.look(pods(None), FROM, TO).await;
    check_blind(&seen, "is not understood", "");
    bench.programs.kubectl = bench.script("bin/kubectl", "yes '{' | head -c 20000000");
    let seen = bench.look(pods(None), FROM, TO).await;
    check_blind(&seen, "answered more than 16 MiB", "");
}

#[tokio::test]
async fn a_cluster_that_hangs_is_cut_off_and_named() {
    let mut bench = Bench::new();
    bench.programs.kubectl = bench.script("bin/kubectl", "sleep 600 & wait");
    let begun = Instant::now();
    let seen = bench.look(pods(None), FROM, TO).await;
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    check_blind(&seen, "gave no answer within 44", "kubectl");
}
