//! `v9s create`.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use smol_str::{SmolStr, format_smolstr};
use v9s::operation::Operation;
use v9s::provision::create::{self, CreateError, Effect, Preset, Request};
use v9s::provision::values::{self, Layer};
use v9s::target::Term;

use super::verbs::connect::ConnectCommand;
use super::{CreateArgs, Exit, GlobalArgs, host, print, steps, verbs};
use crate::settings::Settings;
use crate::text;

/// Makes a virtual cluster, or says or prints what it would consist of.
pub fn run(settings: Settings, global: &GlobalArgs, args: &CreateArgs) -> anyhow::Result<ExitCode> {
    if args.connect && args.command.is_empty() && !verbs::somebody_is_there() {
        note("v9s: --connect opens a shell, and there is no terminal for one: give a command behind --");
        return Ok(Exit::Usage.into());
    }
    let namespaces = global.scope.namespace.clone();
    let made = make(&settings, &namespaces, args)?;
    if !args.connect || made != Exit::Ok {
        return Ok(made.into());
    }
    let namespace = namespace_of(&namespaces, &args.name)?;
    let mut settings = settings;
    settings.session.namespaces = vec![namespace.into()];
    let connect = ConnectCommand {
        name: args.name.as_str().into(),
        timeout: args.timeout,
        command: args.command.clone(),
        ..Default::default()
    };
    verbs::connect::run(&settings, &connect)
}

fn make(settings: &Settings, namespaces: &[SmolStr], args: &CreateArgs) -> anyhow::Result<Exit> {
    for problem in &settings.problems {
        note(&problem.to_string());
    }
    let changes = !(args.print || args.dry_run);
    if settings.config.read_only && changes {
        bail!("--read-only makes nothing; --dry-run and --print change nothing");
    }
    let request = match request(settings, namespaces, args) {
        Ok(request) => request,
        Err(wrong) => {
            note(&format!("v9s: {wrong:#}"));
            return Ok(Exit::Usage);
        }
    };
    let runtime = host::runtime()?;
    let done = runtime.block_on(async {
        let cluster = host::open(settings).await?;
        let request = Request { term: term(&cluster, args).await?, ..request };
        if args.print {
            return printed(&cluster, &request).await;
        }
        if args.dry_run {
            return told(&cluster, &request).await;
        }
        let title = format_smolstr!("create {}/{}", request.namespace, request.name);
        let steps = request.steps();
        let making = request.clone();
        let operation = Operation::start(title, steps, |progress| making.carry_out(cluster, progress));
        match steps::show(operation, settings.config.ascii).await {
            Ok(created) => {
                created.notes.iter().for_each(|line| note(line));
                Ok(Exit::Ok)
            }
            Err(error) => Ok(failed(&error)),
        }
    });
    runtime.shutdown_background();
    done
}

/// The request, or what is wrong with the command line and the files.
fn request(settings: &Settings, namespaces: &[SmolStr], args: &CreateArgs) -> anyhow::Result<Request> {
    create::check_name("name", &args.name)?;
    let namespace = namespace_of(namespaces, &args.name)?;
    create::check_name("namespace", &namespace)?;
    let layers = layers(&settings.dirs.presets(), args)?;
    let config = values::layered(&layers)?;
    let source = match layers.as_slice() {
        [only] => only.name.clone(),
        _ => "the settings together".to_owned(),
    };
    let request = Request::new(&args.name, &namespace, &config)
        .map_err(|problems| anyhow::anyhow!("{source} cannot be used:\n{problems}"))?;
    Ok(Request {
        patience: (args.wait || args.connect).then_some(args.timeout),
        anyway: args.anyway,
        ..request
    })
}

fn namespace_of(namespaces: &[SmolStr], name: &str) -> anyhow::Result<String> {
    match namespaces {
        [] => Ok(format!("vcluster-{name}")),
        [one] => Ok(one.to_string()),
        _ => bail!("a virtual cluster is in one namespace; give --namespace once"),
    }
}

/// How long it is to live, by the clock of its host, and whose it is.
async fn term(cluster: &v9s::cluster::Cluster, args: &CreateArgs) -> anyhow::Result<Term> {
    let expires = match args.ttl {
        Some(ttl) => Some(verbs::extend::end(cluster, ttl).await?),
        None => None,
    };
    Ok(Term::new(expires, args.owner.clone()))
}

/// Preset, files, single settings, in the order in which they win.
fn layers(presets: &Path, args: &CreateArgs) -> anyhow::Result<Vec<Layer>> {
    let mut layers = Vec::new();
    if let Some(name) = &args.preset {
        layers.push(Preset::layer(name, presets)?);
    }
    layers.extend(given(&args.file, &args.set)?);
    Ok(layers)
}

/// Files and single settings, in the order in which they win.
pub(super) fn given(files: &[PathBuf], settings: &[String]) -> anyhow::Result<Vec<Layer>> {
    let mut layers = Vec::new();
    for file in files {
        layers.push(read(file)?);
    }
    for setting in settings {
        layers.push(values::single(setting).map_err(|why| anyhow::anyhow!("--set {setting}: {why}"))?);
    }
    Ok(layers)
}

pub(super) fn read(file: &Path) -> anyhow::Result<Layer> {
    let name = file.display().to_string();
    let read = if name == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = read.with_context(|| format!("cannot read {name}"))?;
    Ok(Layer { name, text })
}

async fn printed(cluster: &v9s::cluster::Cluster, request: &Request) -> anyhow::Result<Exit> {
    let (_, planned) = match create::look_and_plan(cluster, request).await {
        Ok(planned) => planned,
        Err(error) => return Ok(failed(&error)),
    };
    let mut documents = Vec::new();
    for object in &planned.objects {
        documents.push(serde_saphyr::to_string(&object.body).context("cannot write YAML")?);
    }
    planned.notes.iter().for_each(|line| note(line));
    print(documents.join("---\n").as_bytes())
}

async fn told(cluster: &v9s::cluster::Cluster, request: &Request) -> anyhow::Result<Exit> {
    let planned = async {
        let (_, planned) = create::look_and_plan(cluster, request).await?;
        let effects = create::effects(cluster, &planned).await?;
        Ok::<_, CreateError>((planned, effects))
    };
    let (planned, effects) = match planned.await {
        Ok(planned) => planned,
        Err(error) => return Ok(failed(&error)),
    };
    let mut refused = false;
    let line = |(object, effect): &(v9s::cluster::ObjectRef, Effect)| match effect {
        Effect::Create => format!("create  {object}\n"),
        Effect::Change => format!("change  {object}\n"),
        Effect::Nothing => format!("keep    {object}\n"),
        Effect::Refused(why) => format!("REFUSED {object}: {}\n", text::clean(why)),
    };
    let mut lines = String::new();
    for effect in &effects {
        refused |= matches!(effect.1, Effect::Refused(_));
        lines += &line(effect);
    }
    planned.notes.iter().for_each(|line| note(line));
    print(lines.as_bytes())?;
    Ok(if refused { Exit::Error } else { Exit::Ok })
}

/// What went wrong and what to do. A virtual cluster that is there and not ready is part of what was asked for.
fn failed(error: &CreateError) -> Exit {
    note(&format!("v9s: {error}; {}", error.remedy()));
    match error {
        CreateError::Late { .. } => Exit::Partial,
        _ => Exit::Error,
    }
}

fn note(text: &str) {
    for line in text.lines() {
        // Standard error may be closed; there is nobody to tell then.
        let _ = writeln!(std::io::stderr(), "{}", text::clean(line));
    }
}
