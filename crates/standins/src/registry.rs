//! A schema registry for the local stack: the part of Confluent's API that clients use to write and read records.
//!
//! Owns ids that are never given twice, in one SQLite file. Checks no compatibility (`/config` says `NONE`): the
//! schemas of this repository are checked when they change, by `buf breaking`.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use serde_json::json;

const SUBJECT_NOT_FOUND: u32 = 40_401;
const VERSION_NOT_FOUND: u32 = 40_402;
const SCHEMA_NOT_FOUND: u32 = 40_403;
const INVALID_SCHEMA: u32 = 42_201;
const STORE_FAILED: u32 = 50_001;

/// The registry's store.
#[derive(Clone)]
pub struct Registry(Arc<Mutex<Connection>>);

impl Registry {
    /// Opens the registry's file, or makes it.
    pub fn open(file: &Path) -> rusqlite::Result<Registry> {
        let index = Connection::open(file)?;
        index.pragma_update(None, "journal_mode", "WAL")?;
        index.pragma_update(None, "synchronous", "FULL")?;
        index.execute_batch(
            "CREATE TABLE IF NOT EXISTS schemas (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, schema TEXT NOT NULL, UNIQUE (type, schema));
             CREATE TABLE IF NOT EXISTS versions (subject TEXT NOT NULL, version INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (subject, version), UNIQUE (subject, id));",
        )?;
        Ok(Registry(Arc::new(Mutex::new(index))))
    }

    /// Serves the registry's API.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(|| async { Json(json!({})) }))
            .route("/config", get(|| async { Json(json!({"compatibilityLevel": "NONE"})) }))
            .route("/schemas/types", get(|| async { Json(json!(["PROTOBUF"])) }))
            .route("/schemas/ids/{id}", get(schema_by_id))
            .route("/subjects", get(subjects))
            .route("/subjects/{subject}", post(look_up))
            .route("/subjects/{subject}/versions", get(versions).post(register))
            .route("/subjects/{subject}/versions/{version}", get(version))
            .with_state(self)
    }

    fn index(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.0.lock().expect("no holder of the lock panics")
    }

    fn register(&self, subject: &str, posted: &Posted) -> rusqlite::Result<i64> {
        let mut index = self.index();
        let change = index.transaction()?;
        change.execute(
            "INSERT OR IGNORE INTO schemas (type, schema) VALUES (?1, ?2)",
            params![posted.schema_type, posted.schema],
        )?;
        let id = id_of(&change, posted)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        change.execute(
            "INSERT OR IGNORE INTO versions (subject, version, id)
             SELECT ?1, 1 + COALESCE((SELECT MAX(version) FROM versions WHERE subject = ?1), 0), ?2",
            params![subject, id],
        )?;
        change.commit()?;
        Ok(id)
    }

    fn find(&self, subject: &str, wanted: &Wanted) -> rusqlite::Result<Option<Found>> {
        let select = "SELECT v.version, s.id, s.type, s.schema FROM versions v JOIN schemas s ON s.id = v.id WHERE v.subject = ?1";
        let index = self.index();
        let found = |row: &rusqlite::Row<'_>| {
            Ok(Found { version: row.get(0)?, id: row.get(1)?, schema_type: row.get(2)?, schema: row.get(3)? })
        };
        match wanted {
            Wanted::Latest => {
                let sql = format!("{select} ORDER BY v.version DESC LIMIT 1");
                index.query_row(&sql, [subject], found).optional()
            }
            Wanted::Version(version) => {
                let sql = format!("{select} AND v.version = ?2");
                index.query_row(&sql, params![subject, version], found).optional()
            }
            Wanted::Id(id) => {
                let sql = format!("{select} AND s.id = ?2");
                index.query_row(&sql, params![subject, id], found).optional()
            }
        }
    }

    fn strings(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        self.index().prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    }
}

fn id_of(index: &Connection, posted: &Posted) -> rusqlite::Result<Option<i64>> {
    index
        .query_row(
            "SELECT id FROM schemas WHERE type = ?1 AND schema = ?2",
            params![posted.schema_type, posted.schema],
            |row| row.get(0),
        )
        .optional()
}

/// A schema as clients post it. Further fields of Confluent's API (references, metadata, rule sets) are not kept.
#[derive(Deserialize)]
struct Posted {
    schema: String,
    #[serde(rename = "schemaType", default = "avro")]
    schema_type: String,
}

fn avro() -> String {
    // Confluent's API means Avro where nothing is said.
    "AVRO".to_owned()
}

enum Wanted {
    Latest,
    Version(i64),
    Id(i64),
}

struct Found {
    version: i64,
    id: i64,
    schema_type: String,
    schema: String,
}

impl Found {
    fn answer(self, subject: &str) -> Response {
        let Found { version, id, schema_type, schema } = self;
        Json(json!({"subject": subject, "version": version, "id": id, "schemaType": schema_type, "schema": schema}))
            .into_response()
    }
}

/// An error in Confluent's form.
struct Refusal(StatusCode, u32, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(status, error_code, message) = self;
        (status, Json(json!({"error_code": error_code, "message": message}))).into_response()
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(cause: rusqlite::Error) -> Refusal {
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, STORE_FAILED, cause.to_string())
    }
}

fn posted(body: &Bytes) -> Result<Posted, Refusal> {
    let refuse = |why: String| Refusal(StatusCode::UNPROCESSABLE_ENTITY, INVALID_SCHEMA, why);
    let posted: Posted = serde_json::from_slice(body).map_err(|error| refuse(error.to_string()))?;
    if posted.schema_type != "PROTOBUF" {
        return Err(refuse("this registry keeps Protobuf schemas only".to_owned()));
    }
    Ok(posted)
}

async fn register(
    State(registry): State<Registry>,
    UrlPath(subject): UrlPath<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let posted = posted(&body)?;
    proto::file_descriptor(&posted.schema)
        .map_err(|why| Refusal(StatusCode::UNPROCESSABLE_ENTITY, INVALID_SCHEMA, why.to_string()))?;
    let id = registry.register(&subject, &posted)?;
    Ok(Json(json!({"id": id})).into_response())
}

async fn look_up(
    State(registry): State<Registry>,
    UrlPath(subject): UrlPath<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let missing = || Refusal(StatusCode::NOT_FOUND, SCHEMA_NOT_FOUND, "Schema not found".to_owned());
    let posted = posted(&body)?;
    let id = id_of(&registry.index(), &posted)?.ok_or_else(missing)?;
    let found = registry.find(&subject, &Wanted::Id(id))?.ok_or_else(missing)?;
    Ok(found.answer(&subject))
}

async fn version(
    State(registry): State<Registry>,
    UrlPath((subject, version)): UrlPath<(String, String)>,
) -> Result<Response, Refusal> {
    let missing =
        || Refusal(StatusCode::NOT_FOUND, VERSION_NOT_FOUND, format!("Version {version} not found."));
    let wanted = match version.as_str() {
        "latest" => Wanted::Latest,
        number => Wanted::Version(number.parse().map_err(|_| missing())?),
    };
    let found = registry.find(&subject, &wanted)?.ok_or_else(missing)?;
    Ok(found.answer(&subject))
}

async fn versions(
    State(registry): State<Registry>,
    UrlPath(subject): UrlPath<String>,
) -> Result<Response, Refusal> {
    let versions: Vec<i64> = registry
        .index()
        .prepare("SELECT version FROM versions WHERE subject = ?1 ORDER BY version")?
        .query_map([&subject], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if versions.is_empty() {
        return Err(Refusal(
            StatusCode::NOT_FOUND,
            SUBJECT_NOT_FOUND,
            format!("Subject '{subject}' not found."),
        ));
    }
    Ok(Json(versions).into_response())
}

async fn subjects(State(registry): State<Registry>) -> Result<Response, Refusal> {
    let subjects = registry.strings("SELECT DISTINCT subject FROM versions ORDER BY subject")?;
    Ok(Json(subjects).into_response())
}

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    format: String,
}

async fn schema_by_id(
    State(registry): State<Registry>,
    UrlPath(id): UrlPath<i64>,
    axum::extract::Query(form): axum::extract::Query<Form>,
) -> Result<Response, Refusal> {
    let missing = || Refusal(StatusCode::NOT_FOUND, SCHEMA_NOT_FOUND, format!("Schema {id} not found"));
    let (schema_type, schema): (String, String) = registry
        .index()
        .query_row("SELECT type, schema FROM schemas WHERE id = ?1", [id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
        .ok_or_else(missing)?;
    let schema = match form.format.as_str() {
        // Confluent's clients ask for the descriptor in this form.
        "serialized" => serialized(&schema)?,
        _ => schema,
    };
    Ok(Json(json!({"schemaType": schema_type, "schema": schema})).into_response())
}

fn serialized(schema: &str) -> Result<String, Refusal> {
    use base64::Engine as _;
    let descriptor = proto::file_descriptor(schema)
        .map_err(|why| Refusal(StatusCode::UNPROCESSABLE_ENTITY, INVALID_SCHEMA, why.to_string()))?;
    Ok(base64::engine::general_purpose::STANDARD.encode(descriptor))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(schema: &str) -> Posted {
        Posted { schema: schema.to_owned(), schema_type: "PROTOBUF".to_owned() }
    }

    #[test]
    fn registering_twice_is_once_and_ids_survive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("registry.sqlite");
        let registry = Registry::open(&file).unwrap();
        let (a, b) =
            (registry.register("s", &posted("a")).unwrap(), registry.register("s", &posted("b")).unwrap());
        assert_eq!(registry.register("s", &posted("a")).unwrap(), a);
        assert_eq!(
            registry.register("t", &posted("a")).unwrap(),
            a,
            "one schema has one id under every subject"
        );
        drop(registry);
        let registry = Registry::open(&file).unwrap();
        let latest = registry.find("s", &Wanted::Latest).unwrap().unwrap();
        assert_eq!((latest.id, latest.version), (b, 2));
        assert!(registry.register("s", &posted("c")).unwrap() > b);
    }
}
