//! What needs a node, which the real host of these tests has not: on the embedded host alone. kubectl comes with the
//! real one all the same, so these tests are ignored where that cannot be had.

use anyhow::{Context as _, Result};
use serde_json::json;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use v9s_testkit::host::{Host, Needs};
use v9s_testkit::pty::Program;
use v9s_testkit::real_test;
use v9s_testkit::rooms::Rooms;
use v9s_testkit::seat::{Seat, words};

/// A host with a pod `p` on a node, and kubectl in its namespace.
struct Room {
    _runtime: tokio::runtime::Runtime,
    _host: Host,
    seat: Seat,
}

impl Room {
    fn open() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (host, seat) = runtime.block_on(async {
            let host = Host::embedded(Needs::NONE).await?;
            host.sandbox().context("the embedded host")?.api().set_runtime(Arc::new(Rooms::default()));
            let namespace = host.namespace("inside").await?;
            host.seed(&[json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": namespace},
                "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i", "tty": true, "stdin": true,
                    "ports": [{"containerPort": 8080}]}]},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
            })])
            .await?;
            let seat = Seat::new(&host.kubeconfig, &namespace)?;
            anyhow::Ok((host, seat))
        })?;
        Ok(Self { _runtime: runtime, _host: host, seat })
    }

    /// Runs a command: exit code, output, errors.
    fn say(&self, line: &str, stdin: &str) -> Result<(i32, String, String)> {
        let said = self.seat.run(&words(line), stdin)?;
        Ok((said.code.context("kubectl was killed")?, said.out, said.err))
    }
}

/// Both ways to carry streams; kubectl takes the second where the first is switched off.
const WAYS: [(&str, &str); 2] = [("websocket", "true"), ("SPDY", "false")];

real_test! {
    fn logs_on_the_embedded_host_are_cut_stamped_and_followed() -> Result<()> {
        let room = Room::open()?;
        assert_eq!(room.say("logs p", "")?.1, "line 1\nline 2\nline 3\n");
        assert_eq!(room.say("logs p --tail=1 --timestamps", "")?.1, "2023-11-14T22:13:23.000000000Z line 3\n");
        assert_eq!(room.say("logs p -f --tail=1", "")?.1, "line 3\nline 4\n");
        let (code, _, err) = room.say("logs p --previous", "")?;
        assert_eq!((code, err.contains("previous terminated container")), (1, true), "{err}");
        Ok(())
    }
}

real_test! {
    fn exec_on_the_embedded_host_carries_streams_and_the_exit_code() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let run = |line: &str, stdin: &str| -> Result<(Option<i32>, String, String)> {
                let mut child =
                    room.seat.command(&words(line)).env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", switch).spawn()?;
                child.stdin.take().context("stdin")?.write_all(stdin.as_bytes())?;
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
    fn exec_in_a_terminal_on_the_embedded_host_carries_keys_and_sizes() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let program = Program::new(room.seat.program())
                .args(words("exec -it p -- sh"))
                .env("KUBECONFIG", room.seat.home().join("config"))
                .env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", switch)
                .size(90, 20);
            let mut terminal = program.start().context(way)?;
            terminal.wait_for_text("90x20 $")?;
            assert!(terminal.is_raw()?, "{way}: keys go to the other side as they are");
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
    fn cp_on_the_embedded_host_brings_back_what_it_took() -> Result<()> {
        let room = Room::open()?;
        let file = room.seat.home().join("note");
        fs::write(&file, "remember the milk\n")?;
        let (code, _, err) = room.say("cp note p:/tmp/note", "")?;
        assert_eq!(code, 0, "{err}");
        let (code, _, err) = room.say("cp p:note back", "")?;
        assert_eq!(code, 0, "{err}");
        assert_eq!(fs::read_to_string(room.seat.home().join("back"))?, "remember the milk\n");
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
        let mut child = room
            .seat
            .command(&words(&format!("port-forward p :{port}")))
            .env("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets)
            .spawn()?;
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

real_test! {
    fn port_forward_on_the_embedded_host_carries_connections() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let forward = Forward::open(&room, 8080, switch)?;
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
    fn port_forward_on_the_embedded_host_says_why_a_port_is_closed() -> Result<()> {
        let room = Room::open()?;
        for (way, switch) in WAYS {
            let mut forward = Forward::open(&room, 81, switch)?;
            let mut connection = forward.connect()?;
            let mut answer = String::new();
            // Refused connections are closed or reset; the reason is what kubectl prints.
            let _ = connection.read_to_string(&mut answer);
            let mut said = String::new();
            // kubectl ends when a connection was refused.
            forward.child.stderr.take().context("stderr")?.read_to_string(&mut said)?;
            assert!(said.contains("error forwarding port 81 to pod p: connection refused"), "{way}: {said}");
        }
        Ok(())
    }
}
