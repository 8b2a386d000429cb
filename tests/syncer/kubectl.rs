//! An unmodified kubectl in a virtual cluster with a real API server: logs, commands, terminals, files and ports of pods
//! that run on the host, by way of the syncer. The host plays the pods; both ways to carry streams are tried.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result, anyhow};
use serde_json::json;
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::pty::Program;
use v9s_testkit::real_test;
use v9s_testkit::rooms::Rooms;
use v9s_testkit::seat::{Seat, words};

use crate::kubelet::Endpoint;
use crate::pair::{Pair, create};
use crate::pods::{furnish, in_tenant, mirrored, pod, run};

/// A virtual cluster with a pod `p` that runs, and kubectl in it. The tests of this process share it.
struct Room {
    _runtime: tokio::runtime::Runtime,
    _pair: Pair,
    _endpoint: Endpoint,
    seat: Seat,
    stranger: Seat,
}

impl Room {
    fn open() -> Result<&'static Room> {
        static ROOM: OnceLock<Result<Room, String>> = OnceLock::new();
        let opened = ROOM.get_or_init(|| Room::new().map_err(|error| format!("{error:#}")));
        opened.as_ref().map_err(|error| anyhow!("{error}"))
    }

    fn new() -> Result<Room> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (pair, endpoint, seat, stranger) = runtime.block_on(async {
            let (tenant, host) = (Host::real(Needs::NONE.alone()).await?, Host::embedded(Needs::NONE).await?);
            host.sandbox().context("the embedded host")?.api().set_runtime(Arc::new(Rooms::default()));
            let mut pair = Pair::new(tenant, host).await?;
            furnish(&pair).await?;
            let endpoint = Endpoint::start(&mut pair).await?;
            let container = json!({"containers": [{"name": "c", "image": "i", "tty": true, "stdin": true,
                "ports": [{"containerPort": 8080}]}]});
            mirrored(&pair, &pod("p", container)).await?;
            run(&pair, "p", "n").await?;
            pair.until(&pair.tenant, &in_tenant("p"), |v| v["status"]["phase"] == "Running").await?;
            let reached = |v: &serde_json::Value| v["status"]["addresses"][0]["type"] == "InternalIP";
            pair.until(&pair.tenant, "/api/v1/nodes/n", reached).await?;
            let seat = Seat::new(&pair.tenant.kubeconfig, "default")?;
            let stranger = Seat::new(&stranger(&pair).await?, "default")?;
            anyhow::Ok((pair, endpoint, seat, stranger))
        })?;
        Ok(Room { _runtime: runtime, _pair: pair, _endpoint: endpoint, seat, stranger })
    }

    /// Runs a command: exit code, output, errors.
    fn say(&self, line: &str, stdin: &str) -> Result<(i32, String, String)> {
        let said = self.seat.run(&words(line), stdin)?;
        Ok((said.code.context("kubectl was killed")?, said.out, said.err))
    }
}

/// Somebody in the virtual cluster who may look at pods and nothing more.
async fn stranger(pair: &Pair) -> Result<String> {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "stranger"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "looks"},
        "subjects": [{"kind": "User", "name": "stranger", "apiGroup": "rbac.authorization.k8s.io"}]});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "looks"},
        "rules": [{"apiGroups": [""], "verbs": ["get", "list"], "resources": ["pods"]}]});
    create(&pair.tenant, &format!("{rbac}/clusterroles"), &role).await?;
    create(&pair.tenant, &format!("{rbac}/clusterrolebindings"), &binding).await?;
    v9s_testkit::kubeconfig::altered(&pair.tenant.kubeconfig, Some("stranger"), None)
}

/// Both ways to carry streams; kubectl takes the second where the first is switched off.
const WAYS: [(&str, &str); 2] = [("websocket", "true"), ("SPDY", "false")];

real_test! {
    fn logs_are_cut_stamped_and_followed() -> Result<()> {
        let room = Room::open()?;
        assert_eq!(room.say("logs p", "")?, (0, "line 1\nline 2\nline 3\n".into(), String::new()));
        assert_eq!(room.say("logs p --tail=1 --timestamps", "")?.1, "2023-11-14T22:13:23.000000000Z line 3\n");
        assert_eq!(room.say("logs p -f --tail=1", "")?.1, "line 3\nline 4\n");
        let (code, _, err) = room.say("logs p --previous", "")?;
        assert_eq!((code, err.contains("previous terminated container")), (1, true), "{err}");
        Ok(())
    }
}

real_test! {
    fn who_may_only_look_may_neither_read_nor_enter() -> Result<()> {
        let room = Room::open()?;
        for line in ["logs p", "exec p -- cat", "attach p", "port-forward p :8080"] {
            let said = room.stranger.run(&words(line), "")?;
            assert_eq!((said.code, said.err.contains("forbidden")), (Some(1), true), "{line}: {}", said.err);
        }
        Ok(())
    }
}

real_test! {
    fn exec_carries_streams_and_the_exit_code() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let run = |line: &str, stdin: &str| -> Result<(Option<i32>, String, String)> {
                let mut child =
                    room.seat.command(&words(line)).env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", switch).spawn()?;
                // A command that reads nothing may be gone before it is told anything.
                let _ = child.stdin.take().context("stdin")?.write_all(stdin.as_bytes());
                let output = child.wait_with_output()?;
                let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
                Ok((output.status.code(), text(output.stdout), text(output.stderr)))
            };
            let (code, out, err) = run("exec p -- fail 3", "")?;
            assert_eq!((code, out.as_str()), (Some(3), "some output\n"), "{way}: {err}");
            assert_eq!(err, "it failed\ncommand terminated with exit code 3\n", "{way}");
            // Ends because the end of what is typed arrives, too.
            let long = "all work and no play\n".repeat(20_000);
            let (code, out, err) = run("exec -i p -- cat", &long)?;
            assert_eq!((code, out == long, err.as_str()), (Some(0), true, ""), "{way}");
            let (code, _, err) = run("exec p -- nonsense", "")?;
            assert_eq!((code, err.contains("no such program")), (Some(1), true), "{way}: {err}");
            let (code, out, err) = run("attach p", "")?;
            assert_eq!((code, out.contains("welcome")), (Some(0), true), "{way}: {out} {err}");
        }
        Ok(())
    }
}

real_test! {
    fn exec_in_a_terminal_carries_keys_and_sizes() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let program = Program::new(room.seat.program())
                .args(words("exec -it p -- sh"))
                .env("KUBECONFIG", room.seat.home().join("config"))
                .env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", switch)
                .size(90, 20);
            let mut terminal = program.start().context(way)?;
            terminal.wait_for_text("90x20 $")?;
            terminal.send("ls -l")?;
            terminal.wait_for_text("LS -L")?;
            terminal.resize(70, 25)?;
            terminal.wait_for_text("now 70x25")?;
            // It is the program there that is interrupted, not kubectl.
            terminal.send("\u{3}")?;
            terminal.wait_for_text("^C")?;
            terminal.send("\u{4}")?;
            assert_eq!(terminal.wait_for_exit()?.exit_code(), 7, "{way}");
        }
        Ok(())
    }
}

real_test! {
    fn cp_brings_back_what_it_took() -> Result<()> {
        let room = Room::open()?;
        let text = "remember the milk\n".repeat(10_000);
        fs::write(room.seat.home().join("note"), &text)?;
        let (code, _, err) = room.say("cp note p:/tmp/note", "")?;
        assert_eq!(code, 0, "{err}");
        let (code, _, err) = room.say("cp p:note back", "")?;
        assert_eq!(code, 0, "{err}");
        assert!(fs::read_to_string(room.seat.home().join("back"))? == text);
        Ok(())
    }
}

/// A forward that ends with the test.
struct Forward {
    child: Child,
    /// Kept open: kubectl would end when it cannot say what it does.
    _out: BufReader<ChildStdout>,
    port: u16,
}

impl Forward {
    fn open(room: &Room, port: u16, websockets: &str) -> Result<Self> {
        let line = format!("port-forward p :{port}");
        let command = &mut room.seat.command(&words(&line));
        let mut child = command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets).spawn()?;
        let mut first = String::new();
        let mut out = BufReader::new(child.stdout.take().context("stdout")?);
        out.read_line(&mut first)?;
        let local = first.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next());
        let port = local.with_context(|| format!("no port in {first:?}"))?.parse()?;
        Ok(Self { child, _out: out, port })
    }

    fn connect(&self) -> Result<TcpStream> {
        Ok(TcpStream::connect(("127.0.0.1", self.port))?)
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

real_test! {
    fn port_forward_carries_connections_apart() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let forward = Forward::open(room, 8080, switch)?;
            let mut both = [forward.connect()?, forward.connect()?];
            for (at, word) in [(1, "second"), (0, "first"), (1, "again")] {
                let connection = &mut both[at];
                connection.write_all(word.as_bytes())?;
                let mut answer = vec![0; word.len()];
                connection.read_exact(&mut answer)?;
                assert_eq!(String::from_utf8_lossy(&answer), word.to_ascii_uppercase(), "{way}");
            }
            let [mut one, mut two] = both;
            // The end of one does not end the other.
            one.shutdown(std::net::Shutdown::Write)?;
            let mut rest = String::new();
            one.read_to_string(&mut rest)?;
            assert_eq!(rest, "", "{way}");
            two.write_all(b"still here")?;
            let mut answer = [0; 10];
            two.read_exact(&mut answer)?;
            assert_eq!(&answer, b"STILL HERE", "{way}");
        }
        Ok(())
    }
}

real_test! {
    fn port_forward_says_why_a_port_is_closed() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let mut forward = Forward::open(room, 81, switch)?;
            let mut connection = forward.connect()?;
            let mut answer = String::new();
            // Refused connections are closed or reset; the reason is what kubectl prints.
            let _ = connection.read_to_string(&mut answer);
            let mut said = String::new();
            // kubectl ends when a connection was refused.
            forward.child.stderr.take().context("stderr")?.read_to_string(&mut said)?;
            assert!(said.contains("error forwarding port 81 to pod") && said.contains("connection refused"), "{way}: {said}");
        }
        Ok(())
    }
}
