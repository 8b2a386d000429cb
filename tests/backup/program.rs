//! The program: backups in a folder are listed, verified and pruned, and what cannot be done is told with an exit code.

use std::path::Path;
use std::process::Output;

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::process::Command;
use v9s::backup::archive::{
    ArchiveWriter, By, Contents, Coverage, Header, Part, Recipients, Record, StoreFacts, Tenant, Volumes,
    Written,
};
use v9s::backup::set::{Card, archive_name, card_name};

const IDENTITY: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
const RECIPIENT: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";

/// A backup in a folder, taken so many days ago; the name of its archive.
fn backup(folder: &Path, days: i64, recipients: &Recipients) -> Result<String> {
    let began: DateTime<Utc> = Utc::now() - TimeDelta::days(days);
    let tenant = Tenant { host: "https://host".into(), namespace: "team".into(), name: "shop".into() };
    let name = archive_name(&tenant, began, recipients.seal());
    let mut writer = ArchiveWriter::begin(Vec::new(), Header::new(tenant, began), recipients)?;
    writer.document(Part::Config, b"sync: {}\n")?;
    writer.record(Record {
        key: b"/registry/pods/a/b",
        value: b"pod",
        created: 1,
        modified: 9,
        version: 2,
        lease: 0,
    })?;
    let contents = Contents {
        ended: began,
        by: By { who: "ada".into(), program: "v9s".into() },
        store: StoreFacts { kind: "embedded-database".into(), version: None, revision: 9 },
        kubernetes: None,
        coverage: Coverage {
            state: true,
            config: true,
            keys: false,
            volumes: Volumes { claims: 9, covered: 0 },
        },
    };
    let Written { sink, manifest } = writer.finish(contents)?;
    std::fs::write(folder.join(name.as_str()), &sink)?;
    let card = Card::new(name.clone(), sink.len() as u64, sum(&sink), recipients, manifest);
    std::fs::write(folder.join(card_name(&name).as_str()), serde_json::to_vec(&card)?)?;
    Ok(name.into())
}

fn sum(bytes: &[u8]) -> smol_str::SmolStr {
    use sha2::Digest as _;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes)).into()
}

async fn v9s(home: &Path, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_v9s"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .kill_on_drop(true)
        .output()
        .await?;
    Ok((status.code(), String::from_utf8(stdout)?, String::from_utf8(stderr)?))
}

#[tokio::test]
async fn backups_are_listed_verified_and_pruned() -> Result<()> {
    let home = tempfile::tempdir()?;
    let folder = home.path().join("backups");
    std::fs::create_dir(&folder)?;
    let at = folder.to_str().context("a path")?;
    let (code, out, err) = v9s(home.path(), &["backup", "list", at]).await?;
    assert_eq!((code, out.as_str()), (Some(0), "no backups\n"), "{err}");

    let names = [1, 2, 40].map(|days| backup(&folder, days, &Recipients::NONE).unwrap());
    let (code, out, err) = v9s(home.path(), &["backup", "list", at, "--ascii"]).await?;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("state + config + keys - volumes 0/9") && out.lines().count() == 3, "{out}");

    let file = folder.join(&names[0]);
    let file = file.to_str().context("a path")?;
    let (code, out, err) = v9s(home.path(), &["verify", file, "--of", "shop", "-n", "team"]).await?;
    assert_eq!(code, Some(0), "{err}");
    assert!(
        out.contains(": whole") && out.contains("1 keys at revision 9") && out.contains("1 pods"),
        "{out}"
    );
    let (code, out, _) =
        v9s(home.path(), &["verify", file, "--of", "bank", "-n", "team", "-o", "json"]).await?;
    let told: Value = serde_json::from_str(&out)?;
    assert_eq!((code, told["outcome"].as_str()), (Some(1), Some("not whole")), "{out}");

    let (code, out, err) =
        v9s(home.path(), &["backup", "prune", at, "--keep-within", "30d", "--dry-run"]).await?;
    assert_eq!((code, out), (Some(0), format!("{}  would go\n", names[2])), "{err}");
    let (code, _, err) = v9s(home.path(), &["backup", "prune", at, "--keep-last", "1"]).await?;
    assert_eq!(code, Some(1), "nobody can be asked: {err}");
    let (code, out, err) = v9s(home.path(), &["backup", "prune", at, "--keep-last", "1", "--yes"]).await?;
    assert_eq!((code, out.lines().count()), (Some(0), 2), "{err}");
    let (_, out, _) = v9s(home.path(), &["backup", "list", at, "-o", "json"]).await?;
    let told: Value = serde_json::from_str(&out)?;
    assert_eq!(told["good"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["good"][0]["file"].as_str(), Some(names[0].as_str()));

    let mut bytes = std::fs::read(file)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes)?;
    let (code, out, _) = v9s(home.path(), &["verify", file]).await?;
    assert_eq!(code, Some(1), "{out}");
    std::fs::write(file, b"cut")?;
    let (code, out, _) = v9s(home.path(), &["backup", "list", at]).await?;
    assert!(code == Some(3) && out.contains("not known to be good"), "{out}");
    Ok(())
}

#[tokio::test]
async fn what_nothing_opens_and_what_is_not_there_is_not_called_damaged() -> Result<()> {
    let home = tempfile::tempdir()?;
    let name = backup(home.path(), 1, &Recipients::parse([RECIPIENT])?)?;
    let file = home.path().join(name);
    let file = file.to_str().context("a path")?;
    let (code, out, _) = v9s(home.path(), &["verify", file]).await?;
    assert!(code == Some(3) && out.contains("--identity"), "{out}");
    let key = home.path().join("key");
    std::fs::write(&key, format!("# a key\n{IDENTITY}\n"))?;
    let key = key.to_str().context("a path")?;
    let (code, out, err) = v9s(home.path(), &["verify", file, "--identity", key, "-o", "json"]).await?;
    let told: Value = serde_json::from_str(&out)?;
    assert_eq!(
        (code, &told["encrypted"], &told["card"]),
        (Some(0), &Value::Bool(true), &Value::Bool(true)),
        "{err}"
    );
    assert_eq!(told["manifest"]["counts"]["pods"], 1);
    let (code, out, _) = v9s(home.path(), &["verify", "/no/such/file.tar.zst"]).await?;
    assert!(code == Some(3) && out.contains("there is no /no/such/file.tar.zst"), "{out}");
    let (code, _, err) = v9s(home.path(), &["verify", file, "--identity", file]).await?;
    assert_eq!(code, Some(1), "{err}");
    Ok(())
}

#[tokio::test]
async fn nothing_is_taken_without_a_word_about_who_may_read_it() -> Result<()> {
    let home = tempfile::tempdir()?;
    for (arguments, word) in [
        (&["backup", "shop"][..], "--recipient"),
        (&["backup", "shop", "--recipient", "age1nonsense"], "age1nonsense"),
        (&["backup", "shop", "--unencrypted", "--to", "ftp://x"], "ftp"),
        (&["backup"], "-A"),
    ] {
        let (code, _, err) = v9s(home.path(), arguments).await?;
        assert!(code == Some(1) && err.contains(word), "{arguments:?}: {err}");
    }
    let (code, _, err) = v9s(home.path(), &["backup", "prune", "/x"]).await?;
    assert_eq!(code, Some(2), "{err}");
    Ok(())
}
