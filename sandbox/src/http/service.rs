//! The API server as a `tower::Service`, which a server, a client or a test can hold without a socket between them.

use super::{Api, Body, Dropped};
use http::{Request, Response};
use std::task::{Context, Poll};

impl<B> tower::Service<Request<B>> for Api
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Dropped;
    type Future = futures::future::BoxFuture<'static, Result<Response<Body>, Dropped>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move { api.handle(request).await })
    }
}
