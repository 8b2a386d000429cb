//! A webhook server for tests: HTTPS on loopback, answers by a function, remembers what it was asked.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Answer = dyn Fn(&Value) -> BoxFuture<'static, Value> + Send + Sync;

/// A running server; it ends with the test's runtime.
pub struct Hook {
    /// `https://127.0.0.1:PORT/review`.
    pub url: String,
    /// Its certificate, as configurations want it.
    pub bundle: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Hook {
    /// Starts one. `answer` makes the `response` of a `request`; its UID is filled in.
    pub async fn start(answer: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Result<Self> {
        Self::acting(move |request| std::future::ready(answer(request))).await
    }

    /// One that does something before it answers.
    pub async fn acting<F>(act: impl Fn(&Value) -> F + Send + Sync + 'static) -> Result<Self>
    where
        F: Future<Output = Value> + Send + 'static,
    {
        let key = KeyPair::generate()?;
        let names = ["127.0.0.1", "localhost", "hook.team.svc"].map(str::to_owned);
        let certificate = CertificateParams::new(names)?.self_signed(&key)?;
        let bundle = STANDARD.encode(certificate.pem());
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://{}/review", listener.local_addr()?);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Answer> = Arc::new(move |request: &Value| act(request).boxed());
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&asked), answer));
        Ok(Self { url, bundle, asked })
    }

    /// One that agrees to everything.
    pub async fn agreeing() -> Result<Self> {
        Self::start(|_| json!({"allowed": true})).await
    }

    /// All that it was asked.
    pub fn all(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// The requests it was asked about, about objects of this name.
    pub fn asked(&self, name: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|request| request["name"] == name).cloned().collect()
    }

    /// `clientConfig` that leads here.
    pub fn client(&self) -> Value {
        json!({"url": self.url, "caBundle": self.bundle})
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, asked: Arc<Mutex<Vec<Value>>>, answer: Arc<Answer>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, asked, answer) = (tls.clone(), Arc::clone(&asked), Arc::clone(&answer));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(|request| respond(request, &asked, answer.as_ref()));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    asked: &Mutex<Vec<Value>>,
    answer: &Answer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let review: Value = serde_json::from_slice(&body).unwrap_or_default();
    let request = &review["request"];
    asked.lock().unwrap().push(request.clone());
    let mut response = answer(request).await;
    response["uid"] = request["uid"].clone();
    let review =
        json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response});
    let answer = Response::builder().header("content-type", "application/json");
    Ok(answer.body(Full::new(Bytes::from(review.to_string()))).unwrap())
}

/// A patch as a response carries it.
pub fn patch(steps: &Value) -> Value {
    json!({"allowed": true, "patchType": "JSONPatch", "patch": STANDARD.encode(steps.to_string())})
}
