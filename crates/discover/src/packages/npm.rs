//! package.json.

use serde_json::Value;

use super::found::{Found, owned};

/// Web frameworks and clients of stores and queues.
pub(super) const NOTABLE: &[&str] = &[
    "@angular/core",
    "@clickhouse/client",
    "@elastic/elasticsearch",
    "@grpc/grpc-js",
    "@hapi/hapi",
    "@hono/node-server",
    "@nestjs/core",
    "@nestjs/terminus",
    "@prisma/client",
    "@remix-run/node",
    "@sveltejs/kit",
    "amqplib",
    "astro",
    "bullmq",
    "drizzle-orm",
    "express",
    "fastify",
    "hono",
    "ioredis",
    "kafkajs",
    "knex",
    "koa",
    "mongodb",
    "mongoose",
    "mysql",
    "mysql2",
    "nats",
    "next",
    "nuxt",
    "pg",
    "postgres",
    "react",
    "redis",
    "restify",
    "sequelize",
    "socket.io",
    "svelte",
    "typeorm",
    "vite",
    "vue",
    "ws",
];

pub(super) fn read(text: &str) -> Option<Found> {
    let manifest: Value = serde_json::from_str(text).ok()?;
    let scripts = manifest.get("scripts").and_then(Value::as_object);
    let script = |name: &str| scripts.is_some_and(|scripts| scripts.contains_key(name));
    let dependencies = manifest.get("dependencies").and_then(Value::as_object);
    let name = owned(manifest.get("name").and_then(Value::as_str));
    // `{ "type": "module" }` only tells Node.js how to read a folder.
    if name.is_none() && scripts.is_none() && dependencies.is_none() {
        return None;
    }
    // The root of a monorepo starts what its workspaces hold.
    let root = manifest.get("workspaces").is_some();
    Some(Found {
        name,
        language: "node",
        runs: !root
            && ["start", "dev", "serve", "start:prod"]
                .into_iter()
                .any(script),
        dependencies: dependencies
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect(),
    })
}
