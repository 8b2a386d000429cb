//! What the pods of a node use: asked of the node by way of the host's API server, told as far as it is the tenant's.

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;
use v9s::cluster::Cluster;

use super::answer::{self, Body, BodyError, Refusal};
use super::own::Own;
use super::paths::Metrics;
use super::summary;
use super::text::{self, Filter, OfNode, Said};

/// The type of metrics in text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Most that is read of what has to be read whole: 250 pods with ten containers each stay below it.
const WHOLE: usize = 16 << 20;
/// Longest line that metrics may have.
const LONGEST_LINE: usize = 64 << 10;

/// `/stats/summary` of a node.
///
/// # Errors
/// What the host said instead.
pub async fn summary(
    host: &Cluster,
    node: &str,
    own: &Own,
    of_node: OfNode,
) -> Result<Response<Body>, Refusal> {
    let whole = whole(ask(host, node, "/stats/summary").await?).await?;
    let summary: Value = serde_json::from_slice(&whole)
        .map_err(|_| Refusal::new(StatusCode::BAD_GATEWAY, "what the node says of itself cannot be read"))?;
    let told = summary::filtered(summary, own, of_node).to_string();
    Ok(answer::typed(StatusCode::OK, "application/json", answer::full(told)))
}

/// One of the metrics of a node.
///
/// # Errors
/// What the host said instead.
pub async fn metrics(
    host: &Cluster,
    node: &str,
    which: Metrics,
    own: Own,
    of_node: OfNode,
) -> Result<Response<Body>, Refusal> {
    let response = ask(host, node, which.path()).await?;
    let body = match (which, of_node) {
        // The sum comes after its summands: these are few enough to wait for.
        (Metrics::Resource, OfNode::Own) => {
            let whole = whole(response).await?;
            let filter = Filter { own: &own, of_node };
            let (mut said, mut kept) = (Said::default(), String::new());
            String::from_utf8_lossy(&whole).lines().for_each(|line| filter.line(line, &mut said, &mut kept));
            let sums = text::summed(&kept);
            answer::full(sums + &kept)
        }
        _ => {
            let pieces = response.into_body().into_data_stream().map(|piece| piece.map_err(Into::into));
            answer::stream(lines_of_tenant(pieces.boxed(), own, of_node))
        }
    };
    Ok(answer::typed(StatusCode::OK, TEXT, body))
}

/// What is kept of text that comes in pieces, as it comes.
fn lines_of_tenant(
    pieces: BoxStream<'static, Result<Bytes, BodyError>>,
    own: Own,
    of_node: OfNode,
) -> BoxStream<'static, Result<Bytes, BodyError>> {
    struct Cut {
        pieces: BoxStream<'static, Result<Bytes, BodyError>>,
        own: Own,
        of_node: OfNode,
        lines: Lines,
        said: Said,
    }
    let cut = Cut { pieces, own, of_node, lines: Lines::default(), said: Said::default() };
    futures::stream::unfold(Some(cut), |cut| async move {
        let mut cut = cut?;
        loop {
            let (lines, ended) = match cut.pieces.next().await {
                Some(Ok(piece)) => (cut.lines.add(&piece), false),
                Some(Err(error)) => return Some((Err(error), None)),
                None => (cut.lines.rest(), true),
            };
            let mut kept = String::new();
            let filter = Filter { own: &cut.own, of_node: cut.of_node };
            lines.iter().for_each(|line| filter.line(line, &mut cut.said, &mut kept));
            match (kept.is_empty(), ended) {
                (true, true) => return None,
                (true, false) => {}
                (false, ended) => return Some((Ok(kept.into()), (!ended).then_some(cut))),
            }
        }
    })
    .boxed()
}

/// Pieces put together to lines.
#[derive(Default)]
struct Lines {
    open: Vec<u8>,
}

impl Lines {
    /// The lines that this piece completes. One that grows beyond all measure is dropped.
    fn add(&mut self, piece: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            if self.open.len() + part.len() <= LONGEST_LINE {
                self.open.extend_from_slice(part);
            }
            if parts.peek().is_some() {
                lines.extend(self.rest());
            }
        }
        lines
    }

    /// The line that was begun.
    fn rest(&mut self) -> Vec<String> {
        let line = std::mem::take(&mut self.open);
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned()).into_iter().collect()
    }
}

async fn ask(host: &Cluster, node: &str, path: &str) -> Result<Response<kube::client::Body>, Refusal> {
    const WHAT: &str = "what is used on the node";
    let request = Request::builder()
        .method(Method::GET)
        .uri(format!("/api/v1/nodes/{node}/proxy{path}"))
        .body(kube::client::Body::empty())
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the node's name makes no sense to the host"))?;
    let response = host.answer(request).await.map_err(|failure| {
        tracing::warn!(%failure, node, path, "the host cannot be asked what is used on a node");
        answer::unreached(WHAT, &failure)
    })?;
    if response.status().is_success() {
        return Ok(response);
    }
    let code = response.status();
    let message = answer::message(response.into_body(), host.request_timeout()).await;
    tracing::debug!(%code, message, node, path, "the host does not tell what is used on a node");
    // Of what else the host says of its nodes nothing is the tenant's business.
    Err(match code {
        StatusCode::FORBIDDEN => Refusal::unavailable(format!(
            "{WHAT} cannot be had: the host does not allow the syncer to get nodes/proxy; its role must have that right"
        )),
        StatusCode::NOT_FOUND => Refusal::new(code, "the host has no such node"),
        _ => Refusal::unavailable(format!("{WHAT} cannot be had: the node does not answer the host")),
    })
}

async fn whole(response: Response<kube::client::Body>) -> Result<Bytes, Refusal> {
    let read = Limited::new(response.into_body(), WHOLE).collect().await;
    let read = read.map_err(|error| {
        tracing::warn!(%error, "what a node uses cannot be read whole");
        Refusal::new(StatusCode::BAD_GATEWAY, "what the node says of itself cannot be read whole")
    })?;
    Ok(read.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_together_from_pieces_of_any_size() {
        let text = "one\n\ntwo\nthree";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut seen: Vec<String> =
                text.as_bytes().chunks(size).flat_map(|piece| lines.add(piece)).collect();
            seen.extend(lines.rest());
            assert_eq!(seen, ["one", "two", "three"], "{size}");
        }
    }

    #[tokio::test]
    async fn metrics_are_cut_down_while_they_come() {
        let text = "# HELP a An a.\n# TYPE a gauge\na{namespace=\"x\",pod=\"y\"} 1\na{namespace=\"tenants\",pod=\"web-x\"} 2\nb 1";
        for size in [1, 7, text.len()] {
            let pieces: Vec<Result<Bytes, BodyError>> =
                text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let told =
                lines_of_tenant(futures::stream::iter(pieces).boxed(), text::tests::own(), OfNode::Own);
            let told: Vec<Bytes> = told.map(|piece| piece.unwrap()).collect().await;
            let told = String::from_utf8(told.concat()).unwrap();
            assert_eq!(told, "# HELP a An a.\n# TYPE a gauge\na{namespace=\"shop\",pod=\"web\"} 2\n");
        }
    }

    #[tokio::test]
    async fn metrics_that_break_off_are_no_whole_answer() {
        let pieces: Vec<Result<Bytes, BodyError>> =
            vec![Ok("a{namespace=\"tenants\",pod=\"web-x\"} 2\n".into()), Err("cut".into())];
        let mut told =
            lines_of_tenant(futures::stream::iter(pieces).boxed(), text::tests::own(), OfNode::Own);
        assert!(told.next().await.unwrap().is_ok());
        assert!(told.next().await.unwrap().is_err());
        assert!(told.next().await.is_none());
    }
}
