//! What a server answered, read whole.

use reqwest::Response;
use reqwest::header::HeaderValue;
use serde_json::Value;

/// An answer; two are equal when a client could not tell them apart, the time aside.
#[derive(Debug, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Every header but `date`.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// The body where it is JSON.
    json: Option<Value>,
}

impl Reply {
    /// Reads an answer to its end.
    pub async fn of(response: Response) -> Reply {
        let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        let (status, headers) =
            (response.status().as_u16(), headers.filter(|(name, _)| name != "date").collect());
        let body = response.bytes().await.expect("the whole body").to_vec();
        let json = serde_json::from_slice(&body).ok();
        Reply { status, headers, body, json }
    }

    /// Returns a header's value, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns the body, which must be JSON.
    pub fn json(&self) -> &Value {
        self.json.as_ref().unwrap_or_else(|| panic!("the answer is JSON: {self:?}"))
    }

    /// Returns the body alone, which must be JSON.
    pub fn into_json(self) -> Value {
        self.json.expect("the answer is JSON")
    }

    /// Returns the code of a refusal.
    pub fn code(&self) -> &str {
        self.json()["code"].as_str().unwrap_or_default()
    }

    /// Returns the image's id.
    pub fn id(&self) -> &str {
        self.json()["id"].as_str().unwrap_or_default()
    }

    /// Returns after how many seconds to ask again, where it says so.
    pub fn retry_after(&self) -> Option<u64> {
        let text = self.header("retry-after");
        (!text.is_empty()).then(|| text.parse().expect("whole seconds"))
    }
}
