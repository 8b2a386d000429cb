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
