//! go.mod.

use super::found::{Beside, Found, owned};

/// Web frameworks and clients of stores and queues, without the version of their path.
pub(super) const NOTABLE: &[&str] = &[
    "github.com/ClickHouse/clickhouse-go",
    "github.com/IBM/sarama",
    "github.com/beego/beego",
    "github.com/elastic/go-elasticsearch",
    "github.com/gin-gonic/gin",
    "github.com/go-chi/chi",
    "github.com/go-redis/redis",
    "github.com/go-sql-driver/mysql",
    "github.com/gofiber/fiber",
    "github.com/gomodule/redigo",
    "github.com/gorilla/mux",
    "github.com/gorilla/websocket",
    "github.com/jackc/pgx",
    "github.com/jmoiron/sqlx",
    "github.com/labstack/echo",
    "github.com/lib/pq",
    "github.com/nats-io/nats.go",
    "github.com/rabbitmq/amqp091-go",
    "github.com/redis/go-redis",
    "github.com/segmentio/kafka-go",
    "github.com/twmb/franz-go",
    "go.mongodb.org/mongo-driver",
    "google.golang.org/grpc",
    "gorm.io/driver/mysql",
    "gorm.io/driver/postgres",
    "gorm.io/gorm",
];

pub(super) fn read(text: &str, beside: &Beside<'_>) -> Option<Found> {
    let mut module = None;
    let mut dependencies = Vec::new();
    let mut block = None;
    for line in text.lines() {
        let (code, comment) = line.split_once("//").unwrap_or((line, ""));
        let words: Vec<&str> = code.split_whitespace().collect();
        match (block, words.as_slice()) {
            (_, []) => {}
            (Some(_), [")", ..]) => block = None,
            (None, [verb, "(", ..]) => block = Some(*verb),
            (None, ["module", name, ..]) => module = owned(Some(name.trim_matches('"'))),
            (None, ["require", path, ..]) | (Some("require"), [path, ..])
                if comment.trim() != "indirect" =>
            {
                dependencies.push(without_version(path.trim_matches('"')).to_owned());
            }
            _ => {}
        }
    }
    module.as_ref()?;
    Some(Found {
        name: module,
        language: "go",
        runs: beside.has_any(&[
            "main.go",
            "cmd",
            "server.go",
            "src/main.go",
            "server/main.go",
        ]),
        dependencies: dependencies.into_iter().collect(),
    })
}

/// `github.com/labstack/echo` for `github.com/labstack/echo/v4`.
fn without_version(path: &str) -> &str {
    match path.rsplit_once("/v") {
        Some((module, major)) if major.bytes().all(|byte| byte.is_ascii_digit()) => module,
        _ => path,
    }
}
