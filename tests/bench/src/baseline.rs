//! The bare client: the same lists that v9s reads, page by page, with every byte thrown away.
//!
//! What it takes is what the API server and the wire take; v9s is measured against it in the same run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;

/// What was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Read {
    /// From the first request to the last byte.
    pub took: Duration,
    /// Body bytes as they are after decompression.
    pub bytes: u64,
    /// Requests sent.
    pub requests: u32,
}

/// One list: path and query without `limit` and `continue`.
#[derive(Debug, Clone)]
pub struct List {
    /// Such as `/api/v1/pods`.
    pub path: &'static str,
    /// Such as a `labelSelector`, percent-encoded; may be empty.
    pub query: String,
    /// What is accepted: full objects or metadata only.
    pub accept: &'static str,
}

/// Reads all lists side by side, each in pages of `page` objects.
pub async fn read(client: &Client, lists: &[List], page: u32) -> Result<Read> {
    let started = Instant::now();
    let each = futures::future::try_join_all(lists.iter().map(|list| read_one(client, list, page))).await?;
    let sum = each.into_iter().fold(Read::default(), |sum, one| Read {
        took: sum.took,
        bytes: sum.bytes + one.bytes,
        requests: sum.requests + one.requests,
    });
    Ok(Read { took: started.elapsed(), ..sum })
}

async fn read_one(client: &Client, list: &List, page: u32) -> Result<Read> {
    let mut read = Read::default();
    let mut next = String::new();
    loop {
        let uri = format!("{}?limit={page}{}{next}", list.path, list.query);
        let request = Request::get(&uri).header(http::header::ACCEPT, list.accept).body(Body::empty())?;
        let response = client.send(request).await.with_context(|| format!("GET {uri}"))?;
        if !response.status().is_success() {
            bail!("GET {uri} was answered with {}", response.status());
        }
        let mut head = Vec::new();
        let mut body = response.into_body().into_data_stream();
        while let Some(chunk) = body.try_next().await.with_context(|| format!("reading {uri}"))? {
            read.bytes += chunk.len() as u64;
            if head.len() < HEAD {
                head.extend_from_slice(&chunk);
            }
        }
        read.requests += 1;
        match continue_token(&head) {
            Some(token) => next = format!("&continue={token}"),
            None => return Ok(read),
        }
    }
}

/// What a Kubernetes answer in protobuf begins with.
const PROTOBUF: &[u8] = b"k8s\0";
/// The list's own metadata stands before its items and fits in this many bytes.
const HEAD: usize = 4096;

/// The `continue` of a list. It is base64 for URLs and needs no encoding.
fn continue_token(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head.get(..head.len().min(HEAD))?);
    let token = if head.starts_with(PROTOBUF) {
        // A token is JSON inside: it begins like this, and what follows it is no letter.
        let rest = text.get(text.find("eyJ")?..)?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        rest.get(..end.unwrap_or(rest.len()))?
    } else {
        let before_items = text.split("\"items\"").next()?;
        before_items.split_once("\"continue\":\"")?.1.split('"').next()?
    };
    (!token.is_empty()).then(|| token.to_owned())
}
