//! A client of the API, as anybody's would be: HTTP, a bearer token, an Idempotency-Key on every upload.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proto::ImageId;
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::args::StackArgs;
use crate::stack::files::Addresses;
use standins::issuer::{Issuer, Role};

/// How long the command's own tokens live.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const UPLOAD_TRIES_MAX: u32 = 8;
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(50);

/// Speaks to the API for one caller.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// An image, as the API shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) id: ImageId,
    pub(crate) customer_id: String,
    pub(crate) status: String,
    pub(crate) source: ImageSource,
    #[serde(default)]
    pub(crate) renditions: Vec<Rendition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) placeholder: Option<Placeholder>,
    pub(crate) failure: Option<Failure>,
    pub(crate) uploaded_at: String,
    pub(crate) processed_at: Option<String>,
    pub(crate) expires_at: String,
}

/// What was uploaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ImageSource {
    pub(crate) format: Option<String>,
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<String>,
    pub(crate) filename: Option<String>,
}

/// What was made of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rendition {
    pub(crate) name: String,
    pub(crate) format: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) url: String,
}

/// What stands for it until its renditions are there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Placeholder {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thumbhash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dominant_colour: Option<String>,
}

/// Why nothing was made of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) detail: String,
}

/// A refusal (RFC 9457).
#[derive(Debug, Deserialize)]
struct Problem {
    code: String,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
struct Accepted {
    id: ImageId,
}

/// What becomes of an upload.
pub(crate) enum Upload {
    /// Taken; its result will come.
    Accepted(ImageId),
    /// Refused for good, with the API's stable code.
    Refused { code: String, detail: String },
}

/// Why the live stream does not open.
#[derive(Debug)]
pub(crate) enum NoStream {
    /// Nobody answers.
    Unreachable(anyhow::Error),
    /// Not now; perhaps after this time.
    Later { cause: anyhow::Error, after: Option<Duration> },
    /// Not for us.
    Refused(anyhow::Error),
}

impl Client {
    /// Makes a client for the stack that the arguments name.
    pub(crate) fn open(args: &StackArgs) -> anyhow::Result<Client> {
        let base = match &args.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => Addresses::read(&args.data)?.http,
        };
        let token = match &args.token {
            Some(token) => token.clone(),
            None => Issuer::open(&args.data)?.token(&args.customer, Role::Customer, TOKEN_LIFETIME)?,
        };
        Client::at(&base, &token)
    }

    /// Makes a client for an address and a token.
    pub(crate) fn at(base: &str, token: &str) -> anyhow::Result<Client> {
        let http = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).build()?;
        Ok(Client { http, base: base.to_owned(), token: token.to_owned() })
    }

    /// Uploads one image. Waits out overload and outages, a bounded number of times, always under the same key.
    pub(crate) async fn upload(&self, filename: &str, bytes: Bytes) -> anyhow::Result<Upload> {
        let key = uuid::Uuid::new_v4().to_string();
        let filename_encoded = utf8_percent_encode(filename, NON_ALPHANUMERIC);
        let url = format!("{}/v1/images?filename={filename_encoded}", self.base);
        for attempt in 1.. {
            let request = self
                .http
                .post(&url)
                .header("idempotency-key", &key)
                .header(header::CONTENT_TYPE, "image/*")
                .body(bytes.clone());
            let pause = match self.send(request).await {
                Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                    return Ok(Upload::Accepted(answer.json::<Accepted>().await?.id));
                }
                Ok(answer) if !is_passing(answer.status()) => return refused(answer).await,
                Ok(answer) if attempt == UPLOAD_TRIES_MAX => {
                    bail!("upload `{filename}`: {}", answer.status())
                }
                Err(cause) if attempt == UPLOAD_TRIES_MAX => return Err(cause),
                Ok(answer) => retry_after(&answer).unwrap_or(Duration::from_secs(1)),
                Err(_) => Duration::from_secs(1),
            };
            tokio::time::sleep(pause).await;
        }
        unreachable!("the loop returns at its last try")
    }

    /// Returns an image; none where there is none for this caller.
    pub(crate) async fn image(&self, id: ImageId) -> anyhow::Result<Option<Image>> {
        let answer = self.send(self.http.get(format!("{}/v1/images/{id}", self.base))).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(Some(answer.json().await.context("understand the image")?)),
            _ => Err(problem(answer).await),
        }
    }

    /// Waits until an image has come to its end.
    pub(crate) async fn ended(&self, id: ImageId, deadline: Duration) -> anyhow::Result<Image> {
        let begun = Instant::now();
        loop {
            if let Some(image) = self.image(id).await?.filter(|image| image.status != "uploaded") {
                return Ok(image);
            }
            anyhow::ensure!(
                begun.elapsed() < deadline,
                "image {id} has no result after {} s",
                deadline.as_secs()
            );
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    /// Opens the live stream, behind the block with the id `last_id` or now.
    pub(crate) async fn stream(
        &self,
        last_id: Option<&str>,
    ) -> Result<impl Stream<Item = anyhow::Result<Bytes>> + use<>, NoStream> {
        let mut request = self.http.get(format!("{}/v1/stream", self.base));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let answer = self.send(request).await.map_err(NoStream::Unreachable)?;
        match answer.status() {
            StatusCode::OK => Ok(answer.bytes_stream().map_err(anyhow::Error::from)),
            status if is_passing(status) => {
                Err(NoStream::Later { after: retry_after(&answer), cause: problem(answer).await })
            }
            _ => Err(NoStream::Refused(problem(answer).await)),
        }
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        request.bearer_auth(&self.token).send().await.with_context(|| format!("reach {}", self.base))
    }
}

fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 429)
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let secs: u64 = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs).min(RETRY_AFTER_MAX))
}

async fn refused(answer: Response) -> anyhow::Result<Upload> {
    let status = answer.status();
    let Problem { code, detail } =
        answer.json().await.with_context(|| format!("understand a refusal with status {status}"))?;
    anyhow::ensure!(status != StatusCode::UNAUTHORIZED, "the token is not accepted: {detail}");
    Ok(Upload::Refused { code, detail })
}

async fn problem(answer: Response) -> anyhow::Error {
    let status = answer.status();
    match answer.json::<Problem>().await {
        Ok(Problem { code, detail }) => anyhow::anyhow!("{status}: {code}: {detail}"),
        Err(_) => anyhow::anyhow!("{status}"),
    }
}
