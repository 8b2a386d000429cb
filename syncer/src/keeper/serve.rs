//! Answers one connection after the other.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use smol_str::ToSmolStr as _;
use v9s::store::keeper::{Answer, Ask};

use super::frame;
use super::volume::Volume;

/// How long whoever asks may be silent. A connection that was lost without a word must not keep the next one out.
const SILENCE: Duration = Duration::from_secs(30);

/// Until somebody says that it is to end.
pub(super) fn until_told(listener: &TcpListener, volume: &Volume) {
    for stream in listener.incoming() {
        match stream.and_then(|stream| converse(&stream, volume)) {
            Ok(true) => return,
            Ok(false) => {}
            // Whoever asked comes back. Standard error may be closed; there is nobody to tell then.
            Err(why) => {
                let _ = writeln!(io::stderr(), "a connection ended early: {why}");
            }
        }
    }
}

/// Whether it is to end.
fn converse(stream: &TcpStream, volume: &Volume) -> io::Result<bool> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    answer_all(&mut BufReader::with_capacity(1 << 16, stream), &mut BufWriter::new(stream), volume)
}

fn answer_all(from: &mut impl Read, to: &mut impl Write, volume: &Volume) -> io::Result<bool> {
    while let Some(ask) = frame::read(from)? {
        let done = match ask {
            Ask::End => {
                frame::write(to, &Answer::Done)?;
                return Ok(true);
            }
            Ask::Look => volume.look().map(Answer::Seen),
            Ask::Receive { restore, length, sha256 } => match volume.begin(&restore, length) {
                Ok(file) => {
                    frame::write(to, &Answer::Go)?;
                    volume.receive(file, from, length, &sha256).map(|()| Answer::Done)
                }
                Err(why) => Err(why),
            },
            Ask::Swap { restore } => volume.swap(&restore).map(|()| Answer::Done),
            Ask::Undo { restore } => volume.undo(&restore).map(|()| Answer::Done),
            Ask::Forget { restore } => volume.forget(&restore).map(|()| Answer::Done),
        };
        let answer = done.unwrap_or_else(|why| Answer::Refused { why: why.to_smolstr() });
        frame::write(to, &answer)?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use sha2::{Digest as _, Sha256};
    use v9s::store::keeper::{Kept, RestoreId};

    use super::*;

    fn asked(volume: &Volume, asks: &[(Ask, &[u8])]) -> (bool, Vec<Answer>) {
        let mut sent = Vec::new();
        for (ask, bytes) in asks {
            frame::write(&mut sent, ask).unwrap();
            sent.extend_from_slice(bytes);
        }
        let mut heard = Vec::new();
        let end = answer_all(&mut sent.as_slice(), &mut heard, volume).unwrap();
        let mut answers = Vec::new();
        let mut rest = heard.as_slice();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            answers.push(serde_json::from_slice(frame).unwrap());
            rest = after;
        }
        (end, answers)
    }

    #[test]
    fn a_store_is_taken_put_in_place_and_let_go_of() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("state.db"), "old").unwrap();
        let volume = Volume::open(folder.path(), Kept::Sqlite).unwrap();
        let restore: RestoreId = "r1".parse().unwrap();
        let sum = HEXLOWER.encode(&Sha256::digest(b"new!"));
        let receive = Ask::Receive { restore: restore.clone(), length: 4, sha256: sum.into() };
        let (end, answers) = asked(
            &volume,
            &[
                (receive, b"new!"),
                (Ask::Swap { restore: restore.clone() }, b""),
                (Ask::Look, b""),
                (Ask::Forget { restore }, b""),
                (Ask::End, b""),
            ],
        );
        assert!(end);
        let [Answer::Go, Answer::Done, Answer::Done, Answer::Seen(seen), Answer::Done, Answer::Done] =
            answers.as_slice()
        else {
            panic!("{answers:?}");
        };
        assert_eq!((seen.store, seen.restores.len()), (Some(4), 1));
        assert_eq!(std::fs::read(folder.path().join("state.db")).unwrap(), b"new!");
        assert_eq!(volume.look().unwrap().restores, [], "nothing is kept of it");
    }

    #[test]
    fn what_arrives_otherwise_than_announced_is_refused_and_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::open(folder.path(), Kept::Sqlite).unwrap();
        let restore: RestoreId = "r1".parse().unwrap();
        let receive = Ask::Receive { restore: restore.clone(), length: 4, sha256: "00".into() };
        let (_, answers) = asked(&volume, &[(receive, b"new!"), (Ask::Swap { restore }, b"")]);
        let [Answer::Go, Answer::Refused { why }, Answer::Refused { why: nothing }] = answers.as_slice()
        else {
            panic!("{answers:?}");
        };
        assert!(why.contains("other bytes"), "{why}");
        assert!(nothing.contains("no new store"), "{nothing}");
    }
}
