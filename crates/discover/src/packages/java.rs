//! pom.xml.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::found::Found;

/// Web frameworks and clients of stores and queues, by the name of their artifact.
pub(super) const NOTABLE: &[&str] = &[
    "amqp-client",
    "clickhouse-jdbc",
    "dropwizard-core",
    "elasticsearch-java",
    "grpc-netty",
    "grpc-netty-shaded",
    "grpc-services",
    "javalin",
    "jedis",
    "kafka-clients",
    "ktor-server-core",
    "ktor-server-netty",
    "lettuce-core",
    "mariadb-java-client",
    "micronaut-http-server-netty",
    "micronaut-management",
    "mongodb-driver-sync",
    "mysql-connector-j",
    "mysql-connector-java",
    "postgresql",
    "quarkus-rest",
    "quarkus-resteasy",
    "quarkus-smallrye-health",
    "spark-core",
    "spring-boot-starter-actuator",
    "spring-boot-starter-data-jpa",
    "spring-boot-starter-data-mongodb",
    "spring-boot-starter-data-redis",
    "spring-boot-starter-web",
    "spring-boot-starter-webflux",
    "spring-boot-starter-websocket",
    "spring-cloud-starter-gateway",
    "spring-cloud-starter-gateway-server-webflux",
    "spring-cloud-config-server",
    "spring-boot-admin-starter-server",
    "spring-boot-starter-webmvc",
    "spring-cloud-starter-netflix-eureka-server",
    "spring-kafka",
    "vertx-web",
];
/// Plugins that make something that can be started.
const STARTERS: [&str; 8] = [
    "spring-boot-maven-plugin",
    "quarkus-maven-plugin",
    "micronaut-maven-plugin",
    "exec-maven-plugin",
    "maven-shade-plugin",
    "jib-maven-plugin",
    "appassembler-maven-plugin",
    "jetty-maven-plugin",
];
/// Elements inside elements; a POM has some ten levels.
const DEPTH_MAX: usize = 64;

/// What a POM says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pom {
    pub(crate) name: Option<String>,
    pub(crate) packaging: Option<String>,
    pub(crate) modules: bool,
    /// Artifacts that are needed to run.
    pub(crate) dependencies: BTreeSet<String>,
    /// Artifacts that only tests need.
    pub(crate) test_dependencies: BTreeSet<String>,
    pub(crate) plugins: BTreeSet<String>,
}

impl Pom {
    /// `None` where the text is no well-formed XML or no POM.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut filling = Filling::default();
        let mut path: Vec<String> = Vec::new();
        let mut value = String::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    if path.len() == DEPTH_MAX {
                        return None;
                    }
                    path.push(start.local_name().as_ref().to_owned());
                    value.clear();
                }
                Event::Text(text) => value.push_str(&text.xml10_content()),
                Event::End(_) => {
                    let names: Vec<&str> = path.iter().map(String::as_str).collect();
                    filling.end(&names, value.trim());
                    path.pop();
                    value.clear();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        (path.is_empty() && filling.pom.name.is_some()).then_some(filling.pom)
    }
}

/// A POM while its elements are read.
#[derive(Default)]
struct Filling {
    pom: Pom,
    artifact: String,
    plugin: String,
    test: bool,
}

impl Filling {
    /// Takes what an element held when it ends; `path` leads to it from the root.
    fn end(&mut self, path: &[&str], value: &str) {
        match path {
            [.., "dependency", "artifactId"] => self.artifact = value.to_owned(),
            [.., "plugin", "artifactId"] => self.plugin = value.to_owned(),
            [.., "dependency", "scope"] => self.test = value == "test",
            [.., "dependency"] => {
                let artifact = std::mem::take(&mut self.artifact);
                let test = std::mem::take(&mut self.test);
                // What is only managed, or needed by a plugin, is not used.
                if path == ["project", "dependencies", "dependency"] {
                    let pom = &mut self.pom;
                    let all = if test {
                        &mut pom.test_dependencies
                    } else {
                        &mut pom.dependencies
                    };
                    all.insert(artifact);
                }
            }
            ["project", "build", "plugins", "plugin"]
            | [
                "project",
                "profiles",
                "profile",
                "build",
                "plugins",
                "plugin",
            ] => {
                self.pom.plugins.insert(std::mem::take(&mut self.plugin));
            }
            ["project", "artifactId"] => self.pom.name = Some(value.to_owned()),
            ["project", "packaging"] => self.pom.packaging = Some(value.to_owned()),
            ["project", "modules"] => self.pom.modules = true,
            _ => {}
        }
    }
}

pub(super) fn read(text: &str) -> Option<Found> {
    let pom = Pom::read(text)?;
    // A parent of modules builds nothing itself.
    if pom.modules || pom.packaging.as_deref() == Some("pom") {
        return None;
    }
    Some(Found {
        name: pom.name,
        language: "java",
        runs: pom.packaging.as_deref() == Some("war")
            || STARTERS.iter().any(|plugin| pom.plugins.contains(*plugin)),
        dependencies: pom.dependencies,
    })
}
