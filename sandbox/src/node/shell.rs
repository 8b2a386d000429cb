//! A very small shell: enough to look around in a container that does not exist.

use std::collections::BTreeMap;

/// What a command can see.
#[derive(Debug, Clone, Default)]
pub(super) struct Inside {
    pub(super) hostname: String,
    pub(super) env: BTreeMap<String, String>,
    pub(super) files: BTreeMap<String, String>,
}

/// What a command wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ran {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: i32,
}

impl Ran {
    fn said(out: impl Into<String>) -> Self {
        Ran { out: out.into(), ..Ran::default() }
    }

    fn failed(code: i32, err: impl Into<String>) -> Self {
        Ran { err: err.into(), code, ..Ran::default() }
    }
}

const SHELLS: [&str; 4] = ["sh", "/bin/sh", "bash", "/bin/bash"];

/// Whether a command is a shell that reads what is typed.
pub(super) fn is_interactive(command: &[String]) -> bool {
    let shell = command.first().is_some_and(|program| SHELLS.contains(&program.as_str()));
    shell && command.iter().skip(1).all(|argument| argument.starts_with('-') && argument != "-c")
}

/// Runs a command with its arguments; None when there is no such program.
pub(super) fn run(inside: &Inside, command: &[String]) -> Option<Ran> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        [shell, "-c", script, ..] if SHELLS.contains(shell) => Some(script_of(inside, script)),
        [program, arguments @ ..] => program_of(inside, program, arguments),
        [] => None,
    }
}

/// Runs lines as a shell does: `;`, `&&` and `||` between commands, `$NAME` in words.
pub(super) fn script_of(inside: &Inside, script: &str) -> Ran {
    let mut all = Ran::default();
    for line in script.split(['\n', ';']) {
        let mut rest = line;
        let mut skip = false;
        while !rest.trim().is_empty() {
            let (command, joint, after) = next_command(rest);
            if !skip {
                let words = words_of(inside, command);
                if words.first().is_some_and(|word| word == "exit") {
                    all.code = words.get(1).and_then(|code| code.parse().ok()).unwrap_or(all.code);
                    return all;
                }
                let ran = match words.is_empty() {
                    true => Ran::default(),
                    false => run(inside, &words).unwrap_or_else(|| {
                        let program = words.first().map(String::as_str).unwrap_or_default();
                        Ran::failed(127, format!("sh: {program}: not found\n"))
                    }),
                };
                all.out.push_str(&ran.out);
                all.err.push_str(&ran.err);
                all.code = ran.code;
            }
            skip = match joint {
                Joint::And => all.code != 0,
                Joint::Or => all.code == 0,
                Joint::End => false,
            };
            rest = after;
        }
    }
    all
}

enum Joint {
    And,
    Or,
    End,
}

fn next_command(line: &str) -> (&str, Joint, &str) {
    let and = line.find("&&");
    let or = line.find("||");
    match (and, or) {
        (Some(at), other) if other.is_none_or(|other| at < other) => {
            (line.get(..at).unwrap_or_default(), Joint::And, line.get(at + 2..).unwrap_or_default())
        }
        (_, Some(at)) => {
            (line.get(..at).unwrap_or_default(), Joint::Or, line.get(at + 2..).unwrap_or_default())
        }
        _ => (line, Joint::End, ""),
    }
}

/// Splits a command into words: quotes keep spaces, `$NAME` is filled in except in single quotes.
fn words_of(inside: &Inside, command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = command.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, quote) {
            ('\'' | '"', None) => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (char, Some(open)) if char == open => quote = None,
            ('$', None | Some('"')) => {
                let mut name = String::new();
                let braces = chars.next_if_eq(&'{').is_some();
                while let Some(next) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(next);
                }
                if braces {
                    chars.next_if_eq(&'}');
                }
                let value = inside.env.get(&name).map(String::as_str).unwrap_or_default();
                // Nothing outside of quotes makes no word.
                if !value.is_empty() || quote.is_some() {
                    word.get_or_insert_default().push_str(value);
                }
            }
            (char, None) if char.is_whitespace() => words.extend(word.take()),
            (char, _) => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

fn program_of(inside: &Inside, program: &str, arguments: &[&str]) -> Option<Ran> {
    let program = program.rsplit('/').next().unwrap_or(program);
    Some(match program {
        "echo" => match arguments {
            ["-n", rest @ ..] => Ran::said(rest.join(" ")),
            all => Ran::said(format!("{}\n", all.join(" "))),
        },
        "env" | "printenv" => match arguments {
            [name] => match inside.env.get(*name) {
                Some(value) => Ran::said(format!("{value}\n")),
                None => Ran::failed(1, ""),
            },
            _ => Ran::said(
                inside.env.iter().map(|(key, value)| format!("{key}={value}\n")).collect::<String>(),
            ),
        },
        "hostname" => Ran::said(format!("{}\n", inside.hostname)),
        "whoami" => Ran::said("root\n"),
        "id" => Ran::said("uid=0(root) gid=0(root) groups=0(root)\n"),
        "pwd" => Ran::said("/\n"),
        "uname" => Ran::said("Linux\n"),
        "ps" => Ran::said("PID   USER     TIME  COMMAND\n    1 root      0:00 /app\n"),
        "true" | "sleep" => Ran::default(),
        "false" => Ran::failed(1, ""),
        "cat" => cat(inside, arguments),
        "ls" => ls(inside, arguments),
        "sh" | "bash" => Ran::default(),
        _ => return None,
    })
}

fn cat(inside: &Inside, paths: &[&str]) -> Ran {
    let mut all = Ran::default();
    for path in paths {
        match inside.files.get(*path) {
            Some(text) => all.out.push_str(text),
            None => {
                all.err.push_str(&format!("cat: can't open '{path}': No such file or directory\n"));
                all.code = 1;
            }
        }
    }
    all
}

fn ls(inside: &Inside, arguments: &[&str]) -> Ran {
    let path = arguments.iter().find(|argument| !argument.starts_with('-')).copied().unwrap_or("/");
    if inside.files.contains_key(path) {
        return Ran::said(format!("{path}\n"));
    }
    let folder = format!("{}/", path.trim_end_matches('/'));
    let mut names: Vec<&str> = inside
        .files
        .keys()
        .filter_map(|file| file.strip_prefix(&folder))
        .filter_map(|rest| rest.split('/').next())
        .collect();
    names.dedup();
    match names.is_empty() {
        true => Ran::failed(1, format!("ls: {path}: No such file or directory\n")),
        false => Ran::said(names.iter().map(|name| format!("{name}\n")).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside() -> Inside {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        Inside {
            hostname: "web-0".to_owned(),
            env: map(&[("HOSTNAME", "web-0"), ("MODE", "a b")]),
            files: map(&[("/etc/hostname", "web-0\n"), ("/etc/hosts", "x\n"), ("/var/run/a/token", "t")]),
        }
    }

    fn words(command: &str) -> Vec<String> {
        command.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn programs_answer_like_the_real_ones() {
        let cases = [
            ("echo a b", Some(("a b\n", 0))),
            ("hostname", Some(("web-0\n", 0))),
            ("/bin/cat /etc/hostname", Some(("web-0\n", 0))),
            ("cat /nowhere", Some(("", 1))),
            ("ls /etc", Some(("hostname\nhosts\n", 0))),
            ("ls -la /", Some(("etc\nvar\n", 0))),
            ("printenv MODE", Some(("a b\n", 0))),
            ("false", Some(("", 1))),
            ("vim", None),
        ];
        for (command, expected) in cases {
            let ran = run(&inside(), &words(command));
            assert_eq!(ran.as_ref().map(|ran| (ran.out.as_str(), ran.code)), expected, "{command}");
        }
    }

    #[test]
    fn scripts_know_joints_quotes_and_variables() {
        let cases = [
            ("echo $HOSTNAME; echo '$HOSTNAME' \"${MODE}\"", "web-0\n$HOSTNAME a b\n", 0),
            ("true && echo yes || echo no", "yes\n", 0),
            ("false && echo yes || echo no", "no\n", 0),
            ("echo a; exit 3; echo b", "a\n", 3),
            ("false\necho $MISSING end", "end\n", 0),
            ("nonsense", "", 127),
            ("", "", 0),
        ];
        for (script, out, code) in cases {
            let ran = script_of(&inside(), script);
            assert_eq!((ran.out.as_str(), ran.code), (out, code), "{script}");
        }
    }

    #[test]
    fn a_shell_without_a_script_reads_what_is_typed() {
        assert!(is_interactive(&words("sh")));
        assert!(is_interactive(&words("/bin/bash -l")));
        assert!(!is_interactive(&words("sh -c ls")));
        assert!(!is_interactive(&words("cat")));
    }
}
