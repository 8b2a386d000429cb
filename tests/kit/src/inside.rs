//! What an unmodified `kubectl` does inside of a pod `p` that [`Rooms`](crate::rooms::Rooms) plays, and what must come of
//! it, whichever way a request takes to the pod. Both ways to carry streams are tried.
//!
//! Each function is the body of a test: it panics where what came is not what must come.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};

use anyhow::{Context as _, Result};

use crate::pty::Program;
use crate::seat::{Seat, words};

/// Both ways to carry streams; kubectl takes the second where the first is switched off.
const WAYS: [(&str, &str); 2] = [("websocket", "true"), ("SPDY", "false")];

/// Runs a command: exit code, output, errors.
fn say(seat: &Seat, line: &str) -> Result<(i32, String, String)> {
    let said = seat.run(&words(line), "")?;
    Ok((said.code.context("kubectl was killed")?, said.out, said.err))
}

/// Logs are cut, stamped and followed.
///
/// # Errors
/// When kubectl cannot be run.
pub fn logs(seat: &Seat) -> Result<()> {
    assert_eq!(say(seat, "logs p")?, (0, "line 1\nline 2\nline 3\n".into(), String::new()));
    assert_eq!(say(seat, "logs p --tail=1 --timestamps")?.1, "2023-11-14T22:13:23.000000000Z line 3\n");
    assert_eq!(say(seat, "logs p -f --tail=1")?.1, "line 3\nline 4\n");
    let (code, _, err) = say(seat, "logs p --previous")?;
    assert_eq!((code, err.contains("previous terminated container")), (1, true), "{err}");
    Ok(())
}

/// Commands carry their streams and their exit code.
///
/// # Errors
/// When kubectl cannot be run.
pub fn exec(seat: &Seat) -> Result<()> {
    for (way, switch) in WAYS {
        let run = |line: &str, stdin: &str| -> Result<(Option<i32>, String, String)> {
            let mut child =
                seat.command(&words(line)).env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", switch).spawn()?;
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

/// A command in a terminal gets keys and sizes.
///
/// # Errors
/// When kubectl cannot be run, or something never comes to the screen.
pub fn exec_in_a_terminal(seat: &Seat) -> Result<()> {
    for (way, switch) in WAYS {
        let program = Program::new(seat.program())
            .args(words("exec -it p -- sh"))
            .env("KUBECONFIG", seat.home().join("config"))
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

/// What is copied in comes back as it was.
///
/// # Errors
/// When kubectl or the files cannot be had.
pub fn copy(seat: &Seat) -> Result<()> {
    for text in ["remember the milk\n".to_owned(), "remember the milk\n".repeat(10_000)] {
        fs::write(seat.home().join("note"), &text)?;
        let (code, _, err) = say(seat, "cp note p:/tmp/note")?;
        assert_eq!(code, 0, "{err}");
        let (code, _, err) = say(seat, "cp p:note back")?;
        assert_eq!(code, 0, "{err}");
        assert!(fs::read_to_string(seat.home().join("back"))? == text, "{} bytes", text.len());
    }
    Ok(())
}

/// A forward that ends with the test.
struct Forward {
    child: Child,
    /// Kept open: kubectl would end when it cannot say what it does.
    _out: BufReader<ChildStdout>,
    port: u16,
}

impl Forward {
    fn open(seat: &Seat, port: u16, websockets: &str) -> Result<Self> {
        let command = &mut seat.command(&words(&format!("port-forward p :{port}")));
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

/// Forwarded connections are carried apart from each other.
///
/// # Errors
/// When kubectl cannot be run or a connection breaks.
pub fn forward(seat: &Seat) -> Result<()> {
    for (way, switch) in WAYS {
        let forward = Forward::open(seat, 8080, switch)?;
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

/// What kubectl says of a port on which nobody listens, once for each way.
///
/// # Errors
/// When kubectl cannot be run.
pub fn forward_to_a_closed_port(seat: &Seat) -> Result<Vec<String>> {
    let said = WAYS.map(|(_, switch)| {
        let mut forward = Forward::open(seat, 81, switch)?;
        let mut connection = forward.connect()?;
        let mut answer = String::new();
        // Refused connections are closed or reset; the reason is what kubectl prints.
        let _ = connection.read_to_string(&mut answer);
        let mut said = String::new();
        // kubectl ends when a connection was refused.
        forward.child.stderr.take().context("stderr")?.read_to_string(&mut said)?;
        Ok(said)
    });
    said.into_iter().collect()
}
