//! The program that resolves names, told what the syncer tells it, before a real API server.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use v9s::provision::values;
use v9s_syncer::dns::Dns;
use v9s_testkit::cache::Toolset;
use v9s_testkit::real::assets::{Assets, Program};

use crate::pair::{Pair, create, get};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const A: u16 = 1;
const PTR: u16 = 12;
/// Names that are not there yet are remembered for half a minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// `NXDOMAIN`.
const NO_SUCH_NAME: u8 = 3;

/// CoreDNS, on loopback; dropping it ends it.
struct CoreDns {
    child: Child,
    log: PathBuf,
    port: u16,
}

impl CoreDns {
    fn start(corefile: &str, kubeconfig: &str, folder: &Path) -> Result<Self> {
        let (config, custom) = (folder.join("kubeconfig"), folder.join("custom"));
        std::fs::write(&config, kubeconfig)?;
        std::fs::create_dir_all(&custom)?;
        let port = free_port()?;
        let local = |port: u16| format!("127.0.0.1:{port}");
        // What a pod has to itself and finds at its usual places is elsewhere here.
        let mut told = corefile.to_owned();
        for (usual, here) in [
            (".:1053 {", format!(".:{port} {{")),
            ("    health {", format!("    health {} {{", local(free_port()?))),
            ("    ready\n", format!("    ready {}\n", local(free_port()?))),
            ("prometheus :9153", format!("prometheus {}", local(free_port()?))),
            (
                "        pods insecure\n",
                format!("        pods insecure\n        kubeconfig {}\n", config.display()),
            ),
            ("/etc/coredns/custom", custom.display().to_string()),
        ] {
            ensure!(told.contains(usual), "{usual} is not in\n{told}");
            told = told.replace(usual, &here);
        }
        let server =
            format!("example.test:{port} {{\n    hosts {{\n        192.0.2.9 a.example.test\n    }}\n}}\n");
        std::fs::write(custom.join("mine.server"), server)?;
        let file = folder.join("Corefile");
        std::fs::write(&file, told)?;
        let log = folder.join("log");
        let program = Assets::of(Toolset::Dns)?.path(Program::Coredns)?;
        let child = Command::new(program)
            .arg("-conf")
            .arg(&file)
            .stdout(std::fs::File::create(&log)?)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { child, log, port })
    }

    /// Code of the answer, the name that it is about, and what it says.
    fn ask(&mut self, name: &str, kind: u16) -> Result<Answer> {
        if let Some(ended) = self.child.try_wait()? {
            bail!("CoreDNS has ended: {ended}; {}", std::fs::read_to_string(&self.log).unwrap_or_default());
        }
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.send_to(&question(name, kind), ("127.0.0.1", self.port))?;
        let mut answer = [0; 1500];
        let length = socket.recv(&mut answer)?;
        read(answer.get(..length).unwrap_or_default()).context("an answer that cannot be read")
    }

    /// Asks until it says this.
    async fn until(&mut self, name: &str, kind: u16, expected: &[&str]) -> Result<()> {
        let (mut last, began) = (None, tokio::time::Instant::now());
        while began.elapsed() < PATIENCE {
            last = Some(self.ask(name, kind));
            if let Some(Ok(answer)) = &last
                && answer.data == expected
            {
                ensure!(
                    answer.names.iter().all(|answered| answered == name),
                    "answered under another name: {answer:?}"
                );
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{name} never becomes {expected:?}: {last:?}")
    }
}

impl Drop for CoreDns {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[derive(Debug)]
struct Answer {
    code: u8,
    names: Vec<String>,
    data: Vec<String>,
}

/// RFC 1035, 4.1.
fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(63));
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes
}

fn read(bytes: &[u8]) -> Option<Answer> {
    let number = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (code, count) = (bytes.get(3)? & 0x0f, number(6)?);
    let (_, mut at) = name(bytes, 12)?;
    at += 4;
    let (mut names, mut data) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (about, after) = name(bytes, at)?;
        let (kind, length) = (number(after)?, usize::from(number(after + 8)?));
        let content = after + 10;
        match (kind, bytes.get(content..content + length)?) {
            (A, &[a, b, c, d]) => data.push(Ipv4Addr::new(a, b, c, d).to_string()),
            (PTR, _) => data.push(name(bytes, content)?.0),
            _ => {}
        }
        names.push(about);
        at = content + length;
    }
    data.sort();
    Some(Answer { code, names, data })
}

/// A name, which may go on elsewhere, and where the rest begins.
fn name(bytes: &[u8], at: usize) -> Option<(String, usize)> {
    let (mut labels, mut at, mut after) = (Vec::new(), at, None);
    for _ in 0..64 {
        match usize::from(*bytes.get(at)?) {
            0 => return Some((labels.join("."), after.unwrap_or(at + 1))),
            length if length >= 0xc0 => {
                after = after.or(Some(at + 2));
                at = (length & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
            }
            length => {
                labels.push(String::from_utf8_lossy(bytes.get(at + 1..at + 1 + length)?).into_owned());
                at += 1 + length;
            }
        }
    }
    None
}

async fn body(pair: Pair) -> Result<()> {
    let settings = values::read("").map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let objects = Dns::of(&settings).context("DNS is off")?.objects;
    let config = objects.iter().find(|object| object["kind"] == "ConfigMap").context("no configuration")?;
    let corefile = config["data"]["Corefile"].as_str().context("no Corefile")?;
    let folder = tempfile::tempdir()?;
    let mut dns = CoreDns::start(corefile, &pair.tenant.kubeconfig, folder.path())?;

    let service = |name: &str, spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec});
    create(&pair.tenant, SERVICES, &service("web", json!({"ports": [{"port": 80}]}))).await?;
    create(&pair.tenant, SERVICES, &service("each", json!({"clusterIP": "None", "ports": [{"port": 80}]})))
        .await?;
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "each-1", "labels": {"kubernetes.io/service-name": "each"}}, "ports": [{"port": 80, "name": ""}],
        "endpoints": [{"addresses": ["10.77.0.1"], "hostname": "db-0", "conditions": {"ready": true}}, {"addresses": ["10.77.0.2"], "hostname": "db-1", "conditions": {"ready": true}}]});
    create(&pair.tenant, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", &slice).await?;

    // The host's address, as pods of the tenant must reach it.
    let on_host = pair.on_host("services", "default", "web");
    let h = pair.until(&pair.host, &on_host, |h| h["spec"]["clusterIP"].is_string()).await?;
    let address = h["spec"]["clusterIP"].as_str().unwrap_or_default();
    dns.until("web.default.svc.cluster.local", A, &[address]).await?;
    dns.until("each.default.svc.cluster.local", A, &["10.77.0.1", "10.77.0.2"]).await?;
    dns.until("db-1.each.default.svc.cluster.local", A, &["10.77.0.2"]).await?;
    dns.until("10-1-2-3.default.pod.cluster.local", A, &["10.1.2.3"]).await?;
    let mut parts: Vec<&str> = address.split('.').collect();
    parts.reverse();
    dns.until(&format!("{}.in-addr.arpa", parts.join(".")), PTR, &["web.default.svc.cluster.local"]).await?;
    // Its own Service is that of the virtual cluster by now.
    let api = format!("/api/v1/namespaces/{}/services/t", pair.namespace);
    let api = get(&pair.host, &api).await?["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
    dns.until("kubernetes.default.svc.cluster.local", A, &[&api]).await?;
    dns.until("node-1.nodes.vcluster.com", A, &[&api]).await?;
    dns.until("a.example.test", A, &["192.0.2.9"]).await?;
    assert_eq!(dns.ask("nobody.default.svc.cluster.local", A)?.code, NO_SUCH_NAME);
    Ok(())
}

v9s_testkit::real_test! {
    fn names_resolve_as_in_any_cluster() -> Result<()> { crate::pair::run_real(body) }
}
