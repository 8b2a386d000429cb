//! `pods/exec` and `pods/attach`: the streams of a command, over a WebSocket or SPDY.

pub mod spdy;
pub mod websocket;

use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use crate::runtime::{ContainerRef, ExecQuery, ExecStreams, TerminalSize};
use crate::status::Status;

/// Bytes that each stream holds while its reader is busy.
const PIPE: usize = 64 * 1024;

/// The query parameters of an exec or attach request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecParams {
    /// `container`.
    pub container: Option<String>,
    /// `command`, once for each word.
    pub command: Vec<String>,
    /// `stdin`.
    pub stdin: bool,
    /// `stdout`.
    pub stdout: bool,
    /// `stderr`.
    pub stderr: bool,
    /// `tty`.
    pub tty: bool,
}

impl ExecParams {
    /// Reads query parameters.
    ///
    /// # Errors
    /// 400 when no stream is wanted, or `exec` names no command.
    pub fn parse<'q>(query: impl Iterator<Item = (&'q str, &'q str)>, exec: bool) -> Result<Self, Status> {
        let mut params = ExecParams::default();
        for (key, value) in query {
            let flag = matches!(value, "true" | "1");
            match key {
                "container" => params.container = Some(value.to_owned()).filter(|name| !name.is_empty()),
                "command" => params.command.push(value.to_owned()),
                "stdin" => params.stdin = flag,
                "stdout" => params.stdout = flag,
                "stderr" => params.stderr = flag,
                "tty" => params.tty = flag,
                _ => {}
            }
        }
        // A terminal has one stream for both.
        params.stderr &= !params.tty;
        if !(params.stdin || params.stdout || params.stderr) {
            return Err(Status::bad_request("you must specify at least 1 of stdin, stdout, stderr"));
        }
        if exec && params.command.is_empty() {
            return Err(Status::bad_request("you must specify a command to run in the container"));
        }
        Ok(params)
    }
}

/// The client's ends of a command's streams.
struct Ends {
    stdin: Option<DuplexStream>,
    stdout: Option<DuplexStream>,
    stderr: Option<DuplexStream>,
    resize: mpsc::Sender<TerminalSize>,
}

/// What the command gets, and what remains for the client.
fn streams(params: &ExecParams) -> (ExecStreams, Ends) {
    let pipe = |wanted: bool| {
        let pair = wanted.then(|| tokio::io::duplex(PIPE));
        pair.map_or((None, None), |(near, far)| (Some(near), Some(far)))
    };
    let (stdin, stdout, stderr) = (pipe(params.stdin), pipe(params.stdout), pipe(params.stderr));
    let (resize, sizes) = mpsc::channel(8);
    let streams = ExecStreams { stdin: stdin.1, stdout: stdout.1, stderr: stderr.1, resize: sizes };
    (streams, Ends { stdin: stdin.0, stdout: stdout.0, stderr: stderr.0, resize })
}

fn query(target: ContainerRef, params: ExecParams) -> ExecQuery {
    ExecQuery { target, command: params.command, tty: params.tty }
}

/// The `Status` on the error channel.
fn ending(outcome: Result<i32, Status>) -> Value {
    match outcome {
        Ok(0) => json!({"metadata": {}, "status": "Success"}),
        Ok(code) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: exit status {code}"),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        }),
        Err(status) => json!({
            "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
            "message": format!("Internal error occurred: {}", status.message),
            "details": {"causes": [{"message": status.message}]},
        }),
    }
}

fn terminal_size(bytes: &[u8]) -> Option<TerminalSize> {
    let size: Value = serde_json::from_slice(bytes).ok()?;
    let cells = |key: &str| size[key].as_u64().and_then(|cells| u16::try_from(cells).ok());
    Some(TerminalSize { width: cells("Width")?, height: cells("Height")? })
}
