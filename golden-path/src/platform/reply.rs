//! What a script answers to a request.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use rhai::Dynamic;
use serde_json::{Value, json};

/// An answer, as a value of the scripts: returned to answer, or thrown to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    content_type: &'static str,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: body.to_string(),
        }
    }

    pub(crate) fn html(body: String) -> Self {
        Self {
            status: 200,
            content_type: "text/html; charset=utf-8",
            body,
        }
    }

    /// A refusal with a machine-readable word and a sentence.
    pub(crate) fn refusal(status: u16, error: &str, message: &str) -> Self {
        Self::json(status, &json!({"error": error, "message": message}))
    }

    /// What a handler returned; anything but a reply is the body of a 200.
    pub(crate) fn from_script(value: Dynamic) -> Self {
        match value.try_cast_result::<Self>() {
            Ok(reply) => reply,
            Err(other) => Self::json(200, &to_json(&other)),
        }
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = HeaderValue::from_static(self.content_type);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    }
}

/// A script's value as JSON; what has no JSON form becomes null.
pub(crate) fn to_json(value: &Dynamic) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// JSON as a script's value.
pub(crate) fn to_script(value: &Value) -> Dynamic {
    rhai::serde::to_dynamic(value).unwrap_or(Dynamic::UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_survives_the_way_through_a_script() {
        let value = json!({"a": 1, "b": [1.5, "x", null, true], "c": {"d": -3}});
        assert_eq!(to_json(&to_script(&value)), value);
    }

    #[test]
    fn a_plain_value_is_the_body_of_a_200() {
        let reply = Reply::from_script(to_script(&json!({"a": 1})));
        assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"a":1}"#));
        let reply = Reply::from_script(Dynamic::from(Reply::refusal(404, "not_found", "x")));
        assert_eq!(reply.status, 404);
    }
}
