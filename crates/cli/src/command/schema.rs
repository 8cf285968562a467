//! `assay schema`: JSON Schemas of the configuration and of every JSON output.

use assay_model::Event;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::args::SchemaArgs;
use crate::document;
use crate::failure::Failure;
use crate::output::Output;
use crate::terminal;

/// A name, what it is the schema of, and how it is made.
pub(crate) type Schema = (&'static str, &'static str, fn() -> Value);

/// Every schema.
pub(crate) const SCHEMAS: &[Schema] = &[
    ("config", "assay.toml", config),
    ("event", "one event of a run: --format jsonl", of::<Event>),
    ("audit", "assay audit", of::<document::AuditDocument>),
    ("check", "assay check", of::<document::CheckDocument>),
    ("demo", "assay demo", of::<document::RunDocument>),
    ("deploy", "assay deploy", of::<document::RunDocument>),
    ("doctor", "assay doctor", of::<document::DoctorDocument>),
    ("execute", "assay execute", of::<document::ExecuteDocument>),
    (
        "incidents",
        "assay demo --list",
        of::<document::IncidentsDocument>,
    ),
    ("init", "assay init", of::<document::InitDocument>),
    ("observe", "assay observe", of::<document::ObserveDocument>),
    ("ready", "assay ready", of::<document::ReadyDocument>),
    ("resume", "assay resume", of::<document::RunDocument>),
    ("run", "assay run", of::<document::RunDocument>),
    ("runs", "assay runs", of::<document::RunsDocument>),
    ("show", "assay show", of::<document::ShowDocument>),
    ("verify", "assay verify", of::<document::VerifyDocument>),
];

pub(crate) fn run(args: &SchemaArgs, output: Output) -> Result<u8, Failure> {
    let Some(name) = &args.name else {
        let rows: Vec<Value> = SCHEMAS
            .iter()
            .map(|(name, what, _)| serde_json::json!({ "name": name, "of": what }))
            .collect();
        output.list(&serde_json::json!({ "schemas": rows }), &rows, || {
            let lines = SCHEMAS
                .iter()
                .map(|(name, what, _)| format!("{name:<12}{what}\n"));
            lines.collect()
        });
        return Ok(0);
    };
    let found = SCHEMAS.iter().find(|(known, _, _)| known == name);
    let Some((_, _, schema)) = found else {
        let known = SCHEMAS.iter().map(|(name, _, _)| *name);
        return Err(Failure::unknown("schema", name, known));
    };
    terminal::print(&format!("{:#}", schema()));
    Ok(0)
}

/// JSON Schema 2020-12 of what is printed.
fn of<T: JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.to_value()
}

fn config() -> Value {
    serde_json::from_str(assay_config::SCHEMA).unwrap_or_default()
}
