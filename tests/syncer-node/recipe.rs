//! The image, made by the recipe that is published: `syncer/image/build` and `syncer/image/Containerfile`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use v9s_testkit::node::image::Image;

/// Everything but the tests themselves is compiled in this profile already for no other reason than this suite, so the
/// quickest one that runs is taken.
const PROFILE: &str = "image-test";

/// The image under this name.
///
/// # Errors
/// When the program cannot be built, or the recipe says something that this test does not understand.
pub fn image(name: &str) -> Result<Image> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("image");
    let recipe = folder.join("Containerfile");
    let recipe = fs::read_to_string(&recipe).with_context(|| format!("reading {}", recipe.display()))?;
    put_together(name, &recipe, &program(&folder)?)
}

fn program(folder: &Path) -> Result<PathBuf> {
    let built = Command::new(folder.join("build"))
        .args(["--profile", PROFILE])
        .stderr(Stdio::inherit())
        .output()
        .context("running syncer/image/build")?;
    ensure!(built.status.success(), "syncer/image/build ended with {}", built.status);
    Ok(String::from_utf8(built.stdout)?.trim().into())
}

/// Does what the last stage says, and those that it is made from, with this program in place of the one that is copied.
fn put_together(name: &str, recipe: &str, program: &Path) -> Result<Image> {
    let mut stages: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    let mut stage: Vec<(&str, &str)> = Vec::new();
    let mut called = None;
    for line in recipe.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').with_context(|| format!("`{line}` is no instruction"))?;
        if word != "FROM" {
            stage.push((word, rest));
            continue;
        }
        let before = std::mem::take(&mut stage);
        stages.extend(called.take().map(|called| (called, before)));
        let (base, name) = rest.split_once(" AS ").map_or((rest, None), |(base, name)| (base, Some(name)));
        stage = stages.get(base).cloned().unwrap_or_default();
        called = name.map(str::to_owned);
    }
    let mut image = Image::named(name);
    for (word, rest) in stage {
        image = match word {
            "USER" => image.user(rest),
            "EXPOSE" => image,
            "ENTRYPOINT" => {
                let words: Vec<String> = serde_json::from_str(rest)?;
                image.entrypoint(&words.iter().map(String::as_str).collect::<Vec<_>>())
            }
            "COPY" => image.program(rest.split(' ').next_back().context("it is copied to nowhere")?, program),
            other => bail!("the recipe of the image has an instruction {other} that this test does not know"),
        };
    }
    Ok(image)
}

#[test]
fn the_image_of_the_recipe_has_one_program_and_belongs_to_nobody() -> Result<()> {
    let recipe = include_str!("../../syncer/image/Containerfile");
    let program = Path::new("/build/v9s-syncer");
    let expected = Image::named("v9s-syncer:1").user("65532:65532").program("/v9s-syncer", program);
    assert_eq!(put_together("v9s-syncer:1", recipe, program)?, expected.entrypoint(&["/v9s-syncer"]));
    // Of a program that is built already, the same comes out.
    let (prebuilt, _) = recipe.split_once("FROM docker.io").context("it is built from an image")?;
    assert_eq!(
        put_together("v9s-syncer:1", prebuilt, program)?,
        put_together("v9s-syncer:1", recipe, program)?
    );
    Ok(())
}
