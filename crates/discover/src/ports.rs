//! Ports as compose files and Dockerfiles write them.

use crate::Port;
use crate::yaml::{Node, Value};

/// Ports of one range. Ranges are used for passive FTP and media, by the hundred; nobody probes
/// them one by one.
const RANGE_MAX: usize = 32;

/// `80` or `8000-8010`; `None` for anything else.
pub(crate) fn range(text: &str) -> Option<Vec<u16>> {
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port != 0);
    match text.split_once('-') {
        None => Some(vec![number(text)?]),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| (first..=last).take(RANGE_MAX).collect())
        }
    }
}

/// The short form: `[[host:]published:]target[/protocol]`, each a port or a range.
pub(crate) fn short(text: &str) -> Vec<Port> {
    let (addresses, protocol) = text.trim().split_once('/').unwrap_or((text.trim(), "tcp"));
    let (rest, target) = match addresses.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, addresses),
    };
    let (host, published) = match rest {
        None => (None, None),
        Some(rest) => match rest.rsplit_once(':') {
            Some((host, published)) => (Some(host), Some(published)),
            None if rest.contains('.') => (Some(rest), None),
            None => (None, Some(rest)),
        },
    };
    let Some(targets) = range(target) else {
        return Vec::new();
    };
    join(&targets, published, host, protocol, None)
}

/// The long form: a mapping with `target`, `published`, `host_ip` and `protocol`.
pub(crate) fn long(node: &Node) -> Vec<Port> {
    let Some(targets) = node.str_at("target").and_then(range) else {
        return Vec::new();
    };
    join(
        &targets,
        node.str_at("published"),
        node.str_at("host_ip"),
        node.str_at("protocol").unwrap_or("tcp"),
        node.str_at("name"),
    )
}

fn join(
    targets: &[u16],
    published: Option<&str>,
    host: Option<&str>,
    protocol: &str,
    name: Option<&str>,
) -> Vec<Port> {
    let published = published.and_then(range).unwrap_or_default();
    let host = host
        .map(|host| host.trim_matches(['[', ']']))
        .filter(|host| !host.is_empty());
    let ports = targets.iter().enumerate().map(|(at, target)| Port {
        published: published.get(at).copied(),
        host: host.map(str::to_owned),
        target: *target,
        protocol: protocol.to_ascii_lowercase(),
        name: name.map(str::to_owned),
    });
    ports.collect()
}

/// `ports` and `expose` of a compose service, those that are reachable from the machine first.
pub(crate) fn of_service(service: &Node) -> Vec<Port> {
    let mut out: Vec<Port> = Vec::new();
    let mut add = |port: Port| {
        let known = out.iter().any(|other| {
            other.target == port.target
                && other.protocol == port.protocol
                && (other.published == port.published || port.published.is_none())
        });
        if !known {
            out.push(port);
        }
    };
    for port in service.get("ports").map_or(&[][..], Node::one_or_many) {
        match &port.value {
            Value::Text(text) => short(text).into_iter().for_each(&mut add),
            _ => long(port).into_iter().for_each(&mut add),
        }
    }
    let on_host = service.str_at("network_mode") == Some("host");
    for text in service.get("expose").map_or(&[][..], Node::one_or_many) {
        for mut port in text.as_str().map(short).unwrap_or_default() {
            port.published = on_host.then_some(port.target);
            add(port);
        }
    }
    out.sort_by_key(|port| port.published.is_none());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(ports: &[Port]) -> String {
        let ports = ports.iter().map(|port| {
            let published = port
                .published
                .map_or("-".to_owned(), |port| port.to_string());
            let host = port.host.as_deref().unwrap_or("*");
            format!("{host} {published} {} {}", port.target, port.protocol)
        });
        ports.collect::<Vec<_>>().join("|")
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(show(&short(text)), expected, "{text}");
    }

    #[test]
    fn short_forms() {
        check("80", "* - 80 tcp");
        check("8080:80", "* 8080 80 tcp");
        check("127.0.0.1:8080:80", "127.0.0.1 8080 80 tcp");
        check("127.0.0.1::80", "127.0.0.1 - 80 tcp");
        check("127.0.0.1:80", "127.0.0.1 - 80 tcp");
        check("[::1]:8080:80/TCP", "::1 8080 80 tcp");
        check("53:53/udp", "* 53 53 udp");
        check("8000-8001:80-81", "* 8000 80 tcp|* 8001 81 tcp");
        check("8000-8010:80", "* 8000 80 tcp");
        check("3000-3001", "* - 3000 tcp|* - 3001 tcp");
        check(":80", "* - 80 tcp");
        check("", "");
        check("x:y", "");
        check("70000:80", "* - 80 tcp");
        check("81-80", "");
        check("0:80", "* - 80 tcp");
    }

    #[test]
    fn services() {
        let check = |text: &str, expected: &str| {
            let root = crate::yaml::read(text).expect("valid").remove(0);
            assert_eq!(show(&of_service(&root)), expected, "{text}");
        };
        check("expose: [90]\nports: ['1:2']", "* 1 2 tcp|* - 90 tcp");
        check(
            "ports: [{target: 80, published: '8080', host_ip: 127.0.0.1, protocol: tcp}]",
            "127.0.0.1 8080 80 tcp",
        );
        check(
            "ports: [{target: 80, published: 8080}, 8080:80]",
            "* 8080 80 tcp",
        );
        check("expose: [80]\nports: [8080:80]", "* 8080 80 tcp");
        check("ports: 80:80", "* 80 80 tcp");
        check("network_mode: host\nexpose: [80]", "* 80 80 tcp");
        check("ports: [{published: 1}, [], ~]", "");
        check("x: 1", "");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[0-9:/.\\[\\]-]){0,40}") {
            prop_assert!(short(&text).len() <= RANGE_MAX);
        }
    }
}
