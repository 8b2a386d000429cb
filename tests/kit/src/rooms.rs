//! What runs in the pods of tests that need streams into them: a program that does what it is told.

#![allow(clippy::unwrap_used, reason = "runs in tests, where a panic is the failure")]

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use v9s_sandbox::runtime::{ByteStream, ContainerRef, ExecQuery, ExecStreams, LogLine, LogQuery, PodRuntime};
use v9s_sandbox::status::Status;

/// `cat` says what it reads, `sh` echoes what is typed in capitals and ends with 7 at control-D, `fail N` complains and ends with N, `tar` keeps an archive and gives it back; port 8080
/// answers in capitals, all others refuse.
#[derive(Default)]
pub struct Rooms {
    archive: Arc<Mutex<Vec<u8>>>,
}

fn line(number: i64) -> LogLine {
    let time = DateTime::<Utc>::from_timestamp(1_700_000_000 + number, 0).unwrap();
    LogLine { time, text: Bytes::from(format!("line {number}")) }
}

impl PodRuntime for Rooms {
    fn logs(&self, query: LogQuery) -> BoxFuture<'_, Result<BoxStream<'static, LogLine>, Status>> {
        let first = query.tail_lines.map_or(1, |n| 4 - i64::try_from(n.min(3)).unwrap());
        let last = if query.follow { 4 } else { 3 };
        let lines = futures::stream::iter((first..=last).map(line)).boxed();
        Box::pin(std::future::ready(match query.previous {
            true => Err(Status::bad_request("previous terminated container \"c\" in pod \"p\" not found")),
            false => Ok(lines),
        }))
    }

    fn exec(&self, query: ExecQuery, streams: ExecStreams) -> BoxFuture<'static, Result<i32, Status>> {
        let archive = Arc::clone(&self.archive);
        Box::pin(async move {
            let words: Vec<&str> = query.command.iter().map(String::as_str).collect();
            let ExecStreams { stdin, stdout, stderr, mut resize } = streams;
            match words.as_slice() {
                [] => stdout.unwrap().write_all(b"welcome\n").await.unwrap(),
                ["cat"] => {
                    tokio::io::copy(&mut stdin.unwrap(), &mut stdout.unwrap()).await.unwrap();
                }
                ["fail", code] => {
                    stdout.unwrap().write_all(b"some output\n").await.unwrap();
                    stderr.unwrap().write_all(b"it failed\n").await.unwrap();
                    return Ok(code.parse().unwrap());
                }
                ["size"] => {
                    let size = resize.recv().await.unwrap();
                    let text = format!("{}x{}\r\n", size.width, size.height);
                    stdout.unwrap().write_all(text.as_bytes()).await.unwrap();
                }
                ["sh"] => {
                    let size = resize.recv().await.unwrap();
                    let (mut stdin, mut stdout) = (stdin.unwrap(), stdout.unwrap());
                    stdout.write_all(format!("{}x{} $ ", size.width, size.height).as_bytes()).await.unwrap();
                    loop {
                        tokio::select! {
                            Some(size) = resize.recv() => {
                                let text = format!("now {}x{}\r\n", size.width, size.height);
                                stdout.write_all(text.as_bytes()).await.unwrap();
                            }
                            typed = stdin.read_u8() => match typed {
                                // As a terminal sends them: control-C, control-D.
                                Ok(3) => stdout.write_all(b"^C\r\n").await.unwrap(),
                                Ok(4) | Err(_) => return Ok(7),
                                Ok(letter) => stdout.write_u8(letter.to_ascii_uppercase()).await.unwrap(),
                            },
                        }
                    }
                }
                ["tar", "-xmf" | "xmf", ..] => {
                    let mut sent = Vec::new();
                    stdin.unwrap().read_to_end(&mut sent).await.unwrap();
                    *archive.lock().unwrap() = sent;
                }
                ["tar", "cf" | "-cf", ..] => {
                    let kept = archive.lock().unwrap().clone();
                    stdout.unwrap().write_all(&kept).await.unwrap();
                }
                // Before it sends anything, cp asks whether the target is a folder.
                ["test", "-d", _] => return Ok(1),
                other => return Err(Status::internal(format!("no such program: {other:?}"))),
            }
            Ok(0)
        })
    }

    fn connect(&self, _: ContainerRef, port: u16) -> BoxFuture<'_, Result<Box<dyn ByteStream>, String>> {
        Box::pin(async move {
            if port != 8080 {
                return Err("connection refused".to_owned());
            }
            let (near, mut far) = tokio::io::duplex(1024);
            tokio::spawn(async move {
                let mut buffer = [0; 1024];
                while let Ok(read @ 1..) = far.read(&mut buffer).await {
                    far.write_all(&buffer[..read].to_ascii_uppercase()).await.unwrap();
                }
            });
            Ok(Box::new(near) as Box<dyn ByteStream>)
        })
    }
}
