use std::path::PathBuf;

use super::place::BucketPlace;
use super::profile::Profile;
use super::*;

fn folder() -> (tempfile::TempDir, Destination) {
    let temporary = tempfile::tempdir().unwrap();
    let place = Place::Folder(temporary.path().join("deep").join("backups"));
    (temporary, Destination::open(place, &Environment::default()).unwrap())
}

#[test]
fn places_are_written_as_people_write_them() {
    assert_eq!(Place::parse("backups"), Ok(Place::Folder("backups".into())));
    assert_eq!(Place::parse("file:///srv/a%20b"), Ok(Place::Folder("/srv/a b".into())));
    let url = "s3://fleet/eu/prod?url=http://127.0.0.1:9000&region=eu-1&profile=ops&force-path-style=true";
    let bucket = BucketPlace {
        bucket: "fleet".into(),
        prefix: "eu/prod".into(),
        url: Some("http://127.0.0.1:9000".into()),
        region: Some("eu-1".into()),
        profile: Some("ops".into()),
        path_style: Some(true),
    };
    assert_eq!(Place::parse(url), Ok(Place::Bucket(bucket.clone())));
    assert_eq!(Place::Bucket(bucket.clone()).to_string(), url, "what is printed can be used again");
    assert_eq!(
        Place::parse(&Place::Bucket(bucket.clone()).of("x.age")).unwrap().to_string(),
        url.replace("prod", "prod/x.age")
    );
    for (text, wrong) in [
        ("", PlaceError::Empty),
        ("ftp://a", PlaceError::Scheme("ftp".into())),
        ("file://a/b", PlaceError::File),
        ("s3://", PlaceError::Bucket),
        ("s3:///x", PlaceError::Bucket),
        ("s3://id:secret@bucket/x", PlaceError::Credentials),
        ("s3://b/x?secret-access-key=a", PlaceError::Credentials),
        ("s3://b/x?url=http://a:b@c", PlaceError::Credentials),
        ("s3://b/x?url=c:9000", PlaceError::Setting("url".into())),
        ("s3://b/x?force-path-style=yes", PlaceError::Setting("force-path-style".into())),
        ("s3://b/x?colour=red", PlaceError::Setting("colour".into())),
    ] {
        assert_eq!(Place::parse(text), Err(wrong), "{text}");
    }
    let file =
        |text: &str| Place::parse_file(text).map(|(place, name)| (place.to_string(), name.to_string()));
    let pair = |place: &str, name: &str| Ok((place.to_owned(), name.to_owned()));
    assert_eq!(file("a.age"), pair(".", "a.age"));
    assert_eq!(file("/srv/a.age"), pair("/srv", "a.age"));
    assert_eq!(file("s3://b/a.age?region=x"), pair("s3://b?region=x", "a.age"));
    assert_eq!(file("s3://b/p/q/a.age"), pair("s3://b/p/q", "a.age"));
    for folder in ["/srv/", "s3://b", "s3://b/p/", "s3://b/p/?region=x"] {
        assert!(matches!(file(folder), Err(PlaceError::NoName(_))), "{folder}");
    }
}

#[tokio::test]
async fn a_folder_shows_what_is_whole_and_nothing_else() {
    let (_temporary, folder) = folder();
    assert_eq!(folder.list().await.unwrap(), []);
    let mut upload = folder.begin("a.age").await.unwrap();
    upload.write(Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(folder.list().await.unwrap(), [], "what is not finished is not there");
    assert!(matches!(folder.read("a.age").await.map(drop), Err(DestinationError::NotThere(_))));
    // Another who begins does not take away what is being written here.
    folder.put("b.age", Bytes::from_static(b"b")).await.unwrap();
    upload.write(Bytes::from_static(b" and half")).await.unwrap();
    upload.commit().await.unwrap();
    let names: Vec<_> =
        folder.list().await.unwrap().into_iter().map(|stored| (stored.name, stored.length)).collect();
    assert_eq!(names, [("a.age".into(), 13), ("b.age".into(), 1)]);
    assert_eq!(folder.get("a.age", 100).await.unwrap(), b"half and half");
    assert!(folder.get("a.age", 12).await.is_err());
    assert!(matches!(folder.put("a.age", Bytes::new()).await, Err(DestinationError::There(_))));
    assert_eq!(folder.get("a.age", 100).await.unwrap(), b"half and half", "nothing is written over");
    folder.remove("a.age").await.unwrap();
    folder.remove("a.age").await.unwrap();
    assert_eq!(folder.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_two_write_under_one_name_is_of_one_of_them() {
    let (_temporary, folder) = folder();
    let (mut one, mut other) = (folder.begin("a").await.unwrap(), folder.begin("a").await.unwrap());
    one.write(Bytes::from_static(b"one")).await.unwrap();
    other.write(Bytes::from_static(b"other")).await.unwrap();
    one.commit().await.unwrap();
    assert!(matches!(other.commit().await, Err(DestinationError::There(_))));
    assert_eq!(folder.get("a", 100).await.unwrap(), b"one");
}

#[tokio::test]
async fn what_was_left_by_somebody_who_is_gone_is_taken_away_by_the_next() {
    let (temporary, folder) = folder();
    let path = temporary.path().join("deep/backups");
    let hidden = || -> Vec<PathBuf> {
        let all = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with('.')).collect()
    };
    let mut upload = folder.begin("a").await.unwrap();
    upload.write(Bytes::from_static(b"half")).await.unwrap();
    assert_eq!(hidden().len(), 1);
    upload.abort().await;
    assert_eq!(hidden(), Vec::<PathBuf>::new());
    // As a program that was killed leaves it.
    let left = std::fs::File::create(path.join(".a.partial-00000000")).unwrap();
    left.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    drop(left);
    std::fs::write(path.join(".bashrc"), b"somebody's").unwrap();
    folder.put("b", Bytes::new()).await.unwrap();
    assert_eq!(hidden(), [path.join(".bashrc")]);
}

#[cfg(unix)]
#[tokio::test]
async fn only_who_wrote_a_backup_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (temporary, folder) = folder();
    folder.put("a", Bytes::new()).await.unwrap();
    let mode = std::fs::metadata(temporary.path().join("deep/backups/a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_none() {
    let (_temporary, folder) = folder();
    for name in ["", "..", "../a", "a/b", ".hidden", "a b", "a\0", "ä", &"a".repeat(251)] {
        assert!(matches!(folder.begin(name).await.map(drop), Err(DestinationError::Name(_))), "{name:?}");
        assert!(matches!(folder.read(name).await.map(drop), Err(DestinationError::Name(_))), "{name:?}");
        assert!(matches!(folder.remove(name).await, Err(DestinationError::Name(_))), "{name:?}");
    }
}

#[test]
fn profiles_are_read_as_the_aws_command_line_writes_them() {
    let home = tempfile::tempdir().unwrap();
    let aws = home.path().join(".aws");
    std::fs::create_dir(&aws).unwrap();
    std::fs::write(
        aws.join("config"),
        "[default]\nregion = us-east-2\n[profile ops]\n# c\nregion=eu-1\ns3 =\n  region = nested\n",
    )
    .unwrap();
    std::fs::write(
        aws.join("credentials"),
        "[default]\naws_access_key_id = A\naws_secret_access_key = B=C\n\n[ops]\naws_access_key_id=D\n",
    )
    .unwrap();
    let environment =
        |variables: Vec<(&'static str, String)>| Environment::of(variables, Some(home.path().to_owned()));
    let plain = Profile::read(None, &environment(vec![]));
    assert_eq!(plain.get("region"), Some("us-east-2"));
    assert_eq!(plain.get("aws_secret_access_key"), Some("B=C"));
    for ops in [
        Profile::read(Some("ops"), &environment(vec![])),
        Profile::read(None, &environment(vec![("AWS_PROFILE", "ops".into())])),
    ] {
        assert_eq!((ops.get("region"), ops.get("aws_access_key_id")), (Some("eu-1"), Some("D")));
        assert_eq!(ops.get("aws_secret_access_key"), None);
    }
    let elsewhere = environment(vec![("AWS_SHARED_CREDENTIALS_FILE", "/no/such/file".into())]);
    assert_eq!(Profile::read(None, &elsewhere).get("aws_access_key_id"), None);
    let debug = format!("{:?}", environment(vec![("AWS_SECRET_ACCESS_KEY", "hidden".into())]));
    assert!(debug.contains("AWS_SECRET_ACCESS_KEY") && !debug.contains("hidden"));
}

#[tokio::test]
async fn pipes_carry_everything_and_wait_for_who_is_slower() {
    use std::io::{Read as _, Write as _};
    let sent: Vec<u8> = (0..3_000_000_u32).map(|at| u8::try_from(at % 253).unwrap()).collect();
    let (mut to, mut pieces) = writer();
    let bytes = sent.clone();
    let write = tokio::task::spawn_blocking(move || {
        to.write_all(&bytes).unwrap();
        to.flush().unwrap();
    });
    let mut got = Vec::new();
    while let Some(piece) = pieces.recv().await {
        got.push(piece);
    }
    write.await.unwrap();
    assert_eq!(got.concat(), sent);
    let (mut from, fill) = reader(futures::stream::iter(got.into_iter().map(Ok)));
    let read = tokio::task::spawn_blocking(move || {
        let mut back = Vec::new();
        from.read_to_end(&mut back).unwrap();
        back
    });
    fill.await;
    assert_eq!(read.await.unwrap(), sent);
    // Who is gone is told.
    let (mut to, pieces) = writer();
    drop(pieces);
    let error = tokio::task::spawn_blocking(move || to.write_all(&[0; 1 << 20])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}
