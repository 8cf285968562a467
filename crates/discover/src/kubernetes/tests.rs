use proptest::prelude::*;

use super::*;
use crate::{HealthCheckKind, yaml};

fn clues(files: &[(&str, &str)]) -> Clues {
    let found = files
        .iter()
        .map(|(path, text)| read(path, &yaml::read(text).expect("valid")));
    let mut clues = Clues::default();
    finish(found.collect(), &mut clues);
    clues
}

/// A Deployment whose container has `container` added to it.
fn deployment(name: &str, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{containers: [{{name: c, image: i, {container}}}]}}\n"
    )
}

fn units(clues: &Clues) -> String {
    let units = clues.units.iter().map(|unit| {
        let ports: Vec<_> = unit
            .ports
            .iter()
            .map(|port| port.target.to_string())
            .collect();
        let end = if unit.one_shot { " ends" } else { "" };
        format!(
            "{} {} {}{end}",
            unit.name,
            unit.image.as_deref().unwrap_or("-"),
            ports.join(",")
        )
    });
    units.collect::<Vec<_>>().join("|")
}

fn check(text: &str, expected: &str) {
    assert_eq!(units(&clues(&[("k.yaml", text)])), expected, "{text}");
}

#[test]
fn workloads() {
    check(
        &deployment("api", "ports: [{containerPort: 80}]"),
        "api i 80",
    );
    check(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: i}]}",
        "p i ",
    );
    check(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: j-}\nspec: {template: {spec: {containers: [{image: i}]}}}",
        "j i  ends",
    );
    check(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: i}]}}}}}",
        "c i  ends",
    );
    check(
        "apiVersion: argoproj.io/v1\nkind: Rollout\nmetadata: {name: r}\nspec: {template: {spec: {containers: [{image: i}]}}}",
        "r i ",
    );
    check(
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: k}\nspec: {template: {spec: {containers: [{image: i}]}}}",
        "k i ",
    );
    check(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {}",
        "",
    );
    check("kind: Deployment\nmetadata: {name: d}", "");
    check(
        "apiVersion: v1\nkind: CustomResourceDefinition\nmetadata: {name: d}\nspec: {versions: []}",
        "",
    );
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {{name: p}}\n  spec: {{containers: [{{image: i}}]}}\n---\n{}",
        deployment("d", "")
    );
    check(&list, "p i |d i ");
}

#[test]
fn the_container_that_matters() {
    let pod = |containers: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: api}}\nspec: {{containers: [{containers}]}}"
        )
    };
    check(
        &pod(
            "{name: istio-proxy, image: a, ports: [{containerPort: 1}]}, {name: web, image: b, ports: [{containerPort: 2}]}",
        ),
        "api b 2,1",
    );
    check(
        &pod("{name: web, image: a}, {name: api, image: b}"),
        "api b ",
    );
    check(&pod("{name: envoy, image: a}"), "api a ");
}

#[test]
fn probes() {
    let check = |container: &str, expected: Option<(HealthCheckKind, Option<u64>)>| {
        let found = clues(&[("k.yaml", &deployment("a", container))])
            .units
            .remove(0)
            .health;
        assert_eq!(
            found.map(|h| (h.kind, h.timeout_ms)),
            expected,
            "{container}"
        );
    };
    let http = |scheme: &str, port, path: &str| HealthCheckKind::Http {
        scheme: scheme.to_owned(),
        port,
        path: path.to_owned(),
    };
    check(
        "readinessProbe: {httpGet: {path: /r, port: 80}, timeoutSeconds: 2}",
        Some((http("http", Some(80), "/r"), Some(2_000))),
    );
    check(
        "ports: [{name: web, containerPort: 81}], livenessProbe: {httpGet: {port: web, scheme: HTTPS}}",
        Some((http("https", Some(81), "/"), None)),
    );
    check(
        "livenessProbe: {httpGet: {path: /l, port: 1}}, readinessProbe: {tcpSocket: {port: 2}}",
        Some((HealthCheckKind::Tcp { port: 2 }, None)),
    );
    check(
        "startupProbe: {grpc: {port: 3, service: s}}",
        Some((
            HealthCheckKind::Grpc {
                port: 3,
                service: "s".to_owned(),
            },
            None,
        )),
    );
    check(
        "livenessProbe: {exec: {command: [sh, -c, 'curl localhost:4/x']}}",
        Some((http("http", Some(4), "/x"), None)),
    );
    check(
        "readinessProbe: {httpGet: {path: x, port: nowhere}}",
        Some((http("http", None, "/x"), None)),
    );
    check("readinessProbe: {}", None);
}

#[test]
fn variables() {
    let text = deployment(
        "a",
        "env: [{name: A, value: b}, {name: PASSWORD, value: x}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
    );
    let unit = clues(&[("k.yaml", &text)]).units.remove(0);
    let env: Vec<_> = unit
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(env, ["A=b", "PASSWORD=", "S="]);
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  LOG_LEVEL: x\n  nginx.conf: y\n";
    let found = clues(&[("k.yaml", map)]).variables;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            found[0].name.as_str(),
            found[0].example.as_str(),
            found[0].origin.line
        ),
        ("LOG_LEVEL", "", 5)
    );
}

#[test]
fn fronts() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: n}\nspec: {selector: {app: api}, ports: [{port: 80, targetPort: web}, {port: 81, nodePort: 30081}, {port: 82, targetPort: 83, protocol: UDP}]}";
    let deployment = deployment("api", "ports: [{name: web, containerPort: 8080}]");
    let clues = clues(&[("a.yaml", service), ("b.yaml", &deployment)]);
    let front = &clues.fronts[0];
    let ports: Vec<_> = front
        .ports
        .iter()
        .map(|p| (p.published, p.target, p.protocol.as_str()))
        .collect();
    assert_eq!(
        ports,
        [
            (Some(80), 8080, "tcp"),
            (Some(30081), 81, "tcp"),
            (Some(82), 83, "udp")
        ]
    );
    assert_eq!(
        (
            front.name.as_str(),
            front.namespace.as_deref(),
            front.origin.line
        ),
        ("s", Some("n"), 3)
    );
}

#[test]
fn ingresses() {
    let check = |spec: &str, expected: &str| {
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i}}\nspec: {spec}"
        );
        let rules = clues(&[("i.yaml", &text)]).fronts.remove(0).rules;
        let rules = rules.iter().map(|(host, path, service)| {
            format!("{} {path} {service}", host.as_deref().unwrap_or("*"))
        });
        assert_eq!(rules.collect::<Vec<_>>().join("|"), expected, "{spec}");
    };
    check(
        "{rules: [{host: h, http: {paths: [{path: /a, backend: {service: {name: x, port: {number: 80}}}}]}}]}",
        "h /a x",
    );
    check(
        "{rules: [{http: {paths: [{backend: {serviceName: y, servicePort: 80}}]}}]}",
        "* / y",
    );
    check("{defaultBackend: {service: {name: z}}}", "* / z");
    check("{}", "");
}

#[test]
fn a_base_is_preferred_to_its_overlays() {
    let base = deployment("api", "ports: [{containerPort: 80}]");
    let over = base.replace("image: i", "image: prod");
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {template: {spec: {containers: [{name: c}]}}}";
    let kustomization = "resources: [../../base]\npatches: [{path: patch.yaml}]\npatchesStrategicMerge: [other.yaml]";
    let files = [
        ("base/api.yaml", base.as_str()),
        ("overlays/prod/api.yaml", &over),
        ("overlays/prod/kustomization.yaml", kustomization),
        ("overlays/prod/other.yaml", &over),
        ("overlays/prod/patch.yaml", patch),
    ];
    assert_eq!(units(&clues(&files)), "api i 80");
    assert_eq!(units(&clues(&files[1..3])), "api prod 80");
    assert_eq!(
        units(&clues(&[("patch.yaml", patch), files[0]])),
        "api i 80"
    );
}

#[test]
fn what_may_be_a_manifest() {
    assert!(may_be("a.yaml", "apiVersion: v1\nkind: Pod"));
    assert!(may_be("x/kustomization.yaml", "resources: []"));
    assert!(!may_be("a.yaml", "kind: x"));
}

proptest! {
    #[test]
    fn no_tree_makes_it_panic(spec in "(\\{|\\}|\\[|\\]|,|: |template|spec|containers|ports|name|[a-z0-9]){0,30}") {
        for kind in ["Deployment", "Service", "Ingress", "Pod", "CronJob", "List", "ConfigMap"] {
            let text = format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{{spec}}}\nitems: [{{{spec}}}]\ndata: {{{spec}}}");
            if let Ok(documents) = yaml::read(&text) {
                let mut clues = Clues::default();
                finish(vec![read("f", &documents)], &mut clues);
            }
        }
    }
}
