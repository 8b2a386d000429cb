//! The two ends of a probe of the network, [`v9s::probe`]: one listens and tells a word, the other calls and says what it has heard.
//!
//! It is plain sockets on one thread: nothing else is to be at fault when a call gets nowhere.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use v9s::probe::Heard;

/// How long one try to connect, or to hear the word, may take.
const TRY: Duration = Duration::from_secs(1);
/// Between two tries.
const BREATH: Duration = Duration::from_millis(200);
/// How long after the word was heard it is called once more: a network may learn of a pod's policies a moment after the pod began.
const AGAIN: Duration = Duration::from_secs(1);

/// One end of a probe of the network between two tenants
#[derive(Debug, Parser)]
#[command(name = "v9s-syncer probe", version)]
pub struct Options {
    /// Which end
    #[command(subcommand)]
    end: End,
}

/// Which end.
#[derive(Debug, Subcommand)]
enum End {
    /// Tell everybody who connects a word, until it is told to end
    Listen(Listen),
    /// Connect, and say what was heard
    Call(Call),
}

#[derive(Debug, Args)]
struct Listen {
    /// Port, on all addresses
    #[arg(long)]
    port: u16,
    /// What it tells
    #[arg(long)]
    word: String,
}

#[derive(Debug, Args)]
struct Call {
    /// Address of the listener
    #[arg(long, value_name = "IP")]
    to: IpAddr,
    /// Its port
    #[arg(long)]
    port: u16,
    /// What only it tells
    #[arg(long)]
    word: String,
    /// How long it is tried
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Where what was heard is written, beside standard output
    #[arg(long, value_name = "FILE")]
    tell: Option<PathBuf>,
}

/// Does it; a call that did not hear the word is a failure.
///
/// # Errors
/// When the port cannot be had, or what was heard cannot be written.
pub fn run(options: &Options) -> Result<ExitCode> {
    match &options.end {
        End::Listen(listen) => serve(&bind(listen.port)?, &listen.word),
        End::Call(call) => {
            let heard = called(call);
            let text = serde_json::to_string(&heard).context("cannot write down what was heard")?;
            writeln!(std::io::stdout(), "{text}").context("cannot say what was heard")?;
            if let Some(file) = &call.tell {
                std::fs::write(file, &text)
                    .with_context(|| format!("cannot write what was heard to {}", file.display()))?;
            }
            Ok(if heard == Heard::Word { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// On all addresses of both families, or of the one that there is.
fn bind(port: u16) -> Result<TcpListener> {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
        .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
        .with_context(|| format!("cannot listen on port {port}"))
}

fn serve(listener: &TcpListener, word: &str) -> Result<ExitCode> {
    for stream in listener.incoming() {
        // Whoever went away before is no fault of the listener.
        let Ok(mut stream) = stream else { continue };
        let told = stream.set_write_timeout(Some(TRY)).and_then(|()| stream.write_all(word.as_bytes()));
        drop(told);
    }
    Ok(ExitCode::SUCCESS)
}

/// Calls until the word was heard twice, or the time is over; what was heard last.
fn called(call: &Call) -> Heard {
    let deadline = Instant::now() + Duration::from_secs(call.seconds);
    let mut before = false;
    loop {
        let heard = once(SocketAddr::new(call.to, call.port), &call.word);
        let word = heard == Heard::Word;
        let pause = if word { AGAIN } else { BREATH };
        if word && before || Instant::now() + pause >= deadline {
            return heard;
        }
        before = word;
        std::thread::sleep(pause);
    }
}

fn once(to: SocketAddr, word: &str) -> Heard {
    let mut stream = match TcpStream::connect_timeout(&to, TRY) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            return Heard::Silence;
        }
        Err(error) => return Heard::Refused { why: error.to_string().into() },
    };
    let mut told = vec![0; word.len()];
    let read = stream.set_read_timeout(Some(TRY)).and_then(|()| stream.read_exact(&mut told));
    match read {
        Ok(()) if told == word.as_bytes() => Heard::Word,
        _ => Heard::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(port: u16, word: &str) -> Call {
        Call { to: Ipv4Addr::LOCALHOST.into(), port, word: word.to_owned(), seconds: 1, tell: None }
    }

    /// A port on which somebody tells this.
    fn telling(word: &'static str) -> u16 {
        let listener = bind(0).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || serve(&listener, word));
        port
    }

    #[test]
    fn the_word_of_the_listener_is_heard_and_that_of_another_is_not() {
        let port = telling("sesame");
        assert_eq!(called(&call(port, "sesame")), Heard::Word);
        assert_eq!(called(&call(port, "open")), Heard::Stranger);
        assert_eq!(called(&call(telling(""), "sesame")), Heard::Stranger);
    }

    #[test]
    fn where_nobody_listens_it_is_refused() {
        let port = bind(0).unwrap().local_addr().unwrap().port();
        assert!(matches!(called(&call(port, "sesame")), Heard::Refused { .. }));
    }

    #[test]
    fn what_was_heard_is_written_down_where_it_is_looked_for() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let tell = Some(file.path().to_owned());
        let options = Options { end: End::Call(Call { tell, ..call(telling("sesame"), "sesame") }) };
        run(&options).unwrap();
        let written = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(serde_json::from_str::<Heard>(&written).unwrap(), Heard::Word);
    }
}
