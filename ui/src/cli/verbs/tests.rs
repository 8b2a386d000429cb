use clap::Parser;
use smol_str::SmolStr;

use super::connect::ConnectCommand;
use crate::cli::{Cli, Command, Exit};

fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("v9s").chain(line.iter().copied()))
}

fn connect(line: &[&str]) -> ConnectCommand {
    match parse(line).unwrap().command {
        Some(Command::Connect(args)) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_behind_two_dashes_keeps_its_own_flags() {
    let args =
        connect(&["connect", "shop", "-n", "team", "--", "kubectl", "get", "pods", "-n", "web", "--print"]);
    assert_eq!(args.name, SmolStr::new("shop"));
    assert_eq!(args.command, ["kubectl", "get", "pods", "-n", "web", "--print"]);
    assert!(!args.print);
}

#[test]
fn one_use_of_a_connection_excludes_the_others() {
    for line in [
        &["connect", "shop", "--print", "--merge"][..],
        &["connect", "shop", "--print", "--write-kubeconfig", "f"],
        &["connect", "shop", "--merge", "--", "true"],
        &["connect", "shop", "--server", "https://a", "--tunnel"],
        &["connect"],
        &["connect", ""],
        &["delete"],
        &["pause", "shop", "--timeout", "soon"],
        &["resume", "shop", "--replicas", "0"],
        &["restart", "shop", "--part", "everything"],
        &["store"],
        &["store", "shop", "--yes"],
        &["store", "shop", "--recover-space", "--yes", "--dry-run"],
        &["restore", "shop", "--only", "ns=web"],
        &["restore", "shop", "--from", "f", "--only", "name=web"],
        &["restore", "shop", "--from", "f", "--only", "ns=web", "--into", "other"],
        &["restore", "shop", "--from", "f", "--only", "ns=web", "--no-safety-backup"],
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()), "{line:?}");
    }
}

#[test]
fn every_verb_has_a_dry_run_and_a_document() {
    for verb in ["pause", "resume", "restart", "protect", "delete"] {
        parse(&[verb, "shop", "--dry-run", "-o", "json", "--anyway"]).unwrap();
    }
}

#[test]
fn certificates_are_listed_by_name_and_rotated_by_word() {
    use super::certs::{CertsArgs, CertsCommand};
    let parse = |line: &str| -> Result<CertsArgs, clap::Error> {
        let cli = Cli::try_parse_from(std::iter::once("v9s").chain(line.split_whitespace()))?;
        match cli.command {
            Some(Command::Certs(args)) => Ok(args),
            other => panic!("{other:?}"),
        }
    };
    let listed = parse("certs shop --days 5").unwrap().list.unwrap();
    assert_eq!((listed.name.as_str(), listed.days), ("shop", 5));
    let CertsArgs { command: Some(CertsCommand::Rotate(rotated)), list: None } =
        parse("certs rotate shop -n team --dry-run").unwrap()
    else {
        panic!("it is a rotation")
    };
    assert!(rotated.verb.name == "shop" && rotated.verb.dry_run);
    for nonsense in
        ["certs", "certs rotate", "extend shop", "extend shop --ttl 8h --forever", "reap --yes --dry-run"]
    {
        assert!(parse(nonsense).is_err(), "{nonsense}");
    }
    assert!(Cli::try_parse_from(["v9s", "extend", "shop", "--owner", ""]).is_ok(), "it takes the name away");
}
