//! The last touch on an answer that is whole: YAML for those who ask for it, indentation for people, compression for
//! what is long.

use super::accept::{self, Encoding};
use super::body::{Body, Builder};
use super::query::Query;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::Value;
use std::io::Write as _;

/// Answers are compressed from this size on.
const LONG: usize = 128 * 1024;

/// What a request says about the looks of its answer.
pub(super) struct Wishes {
    yaml: bool,
    pretty: bool,
    gzip: bool,
}

impl Wishes {
    pub(super) fn of(parts: &Parts) -> Self {
        let text =
            |name| parts.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok()).unwrap_or_default();
        // These are no objects of the API and have one form only.
        let negotiated = !["/openapi", "/version"].iter().any(|start| parts.uri.path().starts_with(start));
        Self {
            yaml: negotiated && accept::encoding(text(header::ACCEPT)) == Encoding::Yaml,
            pretty: negotiated && is_pretty(&Query::parse(parts.uri.query()), text(header::USER_AGENT)),
            gzip: text(header::ACCEPT_ENCODING).split(',').any(|token| token.trim() == "gzip"),
        }
    }

    /// Gives an answer its looks. Streams and what is no JSON stay as they are.
    pub(super) fn grant(&self, response: Response<Body>) -> Response<Body> {
        if !is_json(response.headers()) || !(self.yaml || self.pretty || self.gzip) {
            return response;
        }
        let (mut head, body) = response.into_parts();
        let mut pieces = match body.into_pieces() {
            Ok(pieces) => pieces,
            Err(stream) => return Response::from_parts(head, stream),
        };
        if self.yaml {
            if let Some(text) = yaml(&pieces) {
                pieces = vec![text];
                head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
            }
        } else if self.pretty {
            pieces = vec![indented(&pieces.concat())];
        }
        if self.gzip && pieces.iter().map(Bytes::len).sum::<usize>() > LONG {
            match compressed(&pieces) {
                Ok(body) => {
                    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    head.headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
                    return Response::from_parts(head, body);
                }
                // Writing to memory does not fail; were it to, the answer goes as it is.
                Err(error) => tracing::warn!(%error, "an answer could not be compressed"),
            }
        }
        let mut body = Builder::default();
        pieces.iter().for_each(|piece| body.push(piece));
        Response::from_parts(head, body.finish())
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// Asked for, or a person is likely to look at it.
fn is_pretty(query: &Query, agent: &str) -> bool {
    match query.text("pretty") {
        "" => ["curl", "Wget", "Mozilla/5.0"].iter().any(|start| agent.starts_with(start)),
        // What Go reads as true.
        given => matches!(given, "1" | "t" | "T" | "true" | "TRUE" | "True"),
    }
}

fn yaml(pieces: &[Bytes]) -> Option<Bytes> {
    let value: Value = serde_json::from_slice(&pieces.concat()).ok()?;
    serde_saphyr::to_string(&value).ok().map(Bytes::from)
}

fn compressed(pieces: &[Bytes]) -> std::io::Result<Body> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for piece in pieces {
        encoder.write_all(piece)?;
    }
    Ok(Body::whole(encoder.finish()?))
}

/// JSON on many lines, two spaces a level; empty objects and lists stay short.
fn indented(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len() * 2);
    let (mut level, mut in_text, mut escaped) = (0_usize, false, false);
    let mut bytes = text.trim_ascii_end().iter().copied().peekable();
    let line = |out: &mut Vec<u8>, level: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', 2 * level));
    };
    while let Some(byte) = bytes.next() {
        if in_text {
            out.push(byte);
            in_text = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        match byte {
            b' ' | b'\n' | b'\t' | b'\r' => {}
            b'"' => {
                in_text = true;
                out.push(byte);
            }
            b'{' | b'[' => {
                out.push(byte);
                if let Some(end) = bytes.next_if(|next| matches!(next, b'}' | b']')) {
                    out.push(end);
                } else {
                    level += 1;
                    line(&mut out, level);
                }
            }
            b'}' | b']' => {
                level = level.saturating_sub(1);
                line(&mut out, level);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, level);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
    }
    // The real server ends compact JSON with a line end, and this form not.
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn indentation_is_that_of_everybody_else() {
        let value = json!({"a": [], "b": {}, "c": [1, {"d": "x, \"y\": {z}\\"}], "e": null});
        let expected = serde_json::to_string_pretty(&value).unwrap();
        assert_eq!(indented(format!("{value}\n").as_bytes()), expected);
    }

    #[test]
    fn people_get_indented_answers_unless_they_say_otherwise() {
        let pretty = |query: &str, agent| is_pretty(&Query::parse(Some(query)), agent);
        assert!(
            pretty("", "curl/8.5") && pretty("", "Mozilla/5.0 (X11)") && pretty("pretty=true", "kubectl/v1")
        );
        assert!(
            !pretty("pretty=false", "curl/8.5") && !pretty("", "kubectl/v1") && !pretty("pretty=yes", "curl")
        );
    }

    #[test]
    fn only_long_answers_are_compressed() {
        let wishes = Wishes { yaml: false, pretty: false, gzip: true };
        for (size, compressed) in [(10, false), (LONG + 1, true)] {
            let text = format!("\"{}\"", "x".repeat(size));
            let answer = wishes.grant(super::super::body::json(200, Body::whole(text)));
            assert_eq!(answer.headers().contains_key(header::CONTENT_ENCODING), compressed);
        }
    }
}
