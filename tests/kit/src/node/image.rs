//! Images packed from static programs: no registry is asked.
//!
//! The format is that of `docker save`, with one layer, which containerd imports.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// An image to be. Paths in it are absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    name: String,
    entries: Vec<(String, Entry)>,
    entrypoint: Vec<String>,
    command: Vec<String>,
    environment: Vec<String>,
    user: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Folder { mode: u32 },
    Link { target: String },
    Text { content: String },
    Program { from: PathBuf },
}

impl Image {
    /// An empty image with a name that pods use, such as `registry.k8s.io/pause:3.10`. Give a tag other than
    /// `latest`: without one, pods pull by default.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            entries: Vec::new(),
            entrypoint: Vec::new(),
            command: Vec::new(),
            environment: Vec::new(),
            user: String::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds an executable file from this machine. It must be linked statically unless the image has its libraries.
    #[must_use]
    pub fn program(self, path: &str, from: &Path) -> Self {
        self.entry(path, Entry::Program { from: from.to_owned() })
    }

    /// Adds a file that all may read.
    #[must_use]
    pub fn text(self, path: &str, content: &str) -> Self {
        self.entry(path, Entry::Text { content: content.to_owned() })
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, Entry::Link { target: target.to_owned() })
    }

    /// Adds a folder with these permission bits. Folders above other entries need not be added.
    #[must_use]
    pub fn folder(self, path: &str, mode: u32) -> Self {
        self.entry(path, Entry::Folder { mode })
    }

    /// What a container runs that names no `command`, before its `args`.
    #[must_use]
    pub fn entrypoint(mut self, words: &[&str]) -> Self {
        self.entrypoint = words.iter().map(ToString::to_string).collect();
        self
    }

    /// What a container runs, after the entrypoint, that names neither `command` nor `args`.
    #[must_use]
    pub fn command(mut self, words: &[&str]) -> Self {
        self.command = words.iter().map(ToString::to_string).collect();
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Who its programs run as, such as `65532:65532`; root unless said.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        Self { user: user.to_owned(), ..self }
    }

    fn entry(mut self, path: &str, entry: Entry) -> Self {
        self.entries.push((path.to_owned(), entry));
        self
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// When a program to pack cannot be read, or the archive cannot be written.
    pub fn pack(&self, to: &Path) -> Result<()> {
        let layer = self.layer().with_context(|| format!("packing {}", self.name))?;
        let layer_digest = digest(&layer);
        let config = self.config(&layer_digest).to_string();
        let (config_name, layer_name) =
            (format!("{}.json", digest(config.as_bytes())), format!("{layer_digest}/layer.tar"));
        let manifest =
            json!([{"Config": config_name, "RepoTags": [self.name], "Layers": [layer_name]}]).to_string();

        let file = File::create(to).with_context(|| format!("creating {}", to.display()))?;
        let mut archive = Builder::new(file);
        for (name, content) in [
            (config_name.as_str(), config.as_bytes()),
            (&layer_name, &layer),
            ("manifest.json", manifest.as_bytes()),
        ] {
            append(&mut archive, name, content, 0o644)?;
        }
        archive
            .into_inner()
            .and_then(|mut file| file.flush())
            .with_context(|| format!("writing {}", to.display()))
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        for (path, entry) in &self.entries {
            let path = path.trim_start_matches('/');
            match entry {
                Entry::Folder { mode } => {
                    let mut header = header(EntryType::Directory, 0, *mode);
                    layer.append_data(&mut header, format!("{path}/"), std::io::empty())?;
                }
                Entry::Link { target } => {
                    let mut header = header(EntryType::Symlink, 0, 0o777);
                    layer.append_link(&mut header, path, target)?;
                }
                Entry::Text { content } => append(&mut layer, path, content.as_bytes(), 0o644)?,
                Entry::Program { from } => {
                    let content = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
                    append(&mut layer, path, &content, 0o755)?;
                }
            }
        }
        Ok(layer.into_inner()?)
    }

    fn config(&self, layer_digest: &str) -> serde_json::Value {
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned();
        let environment: Vec<_> = [path].into_iter().chain(self.environment.iter().cloned()).collect();
        json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "Env": environment, "Entrypoint": self.entrypoint, "Cmd": self.command, "WorkingDir": "/",
                "User": self.user,
            },
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        })
    }
}

/// What images call the processor that this program was built for.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn append<W: std::io::Write>(archive: &mut Builder<W>, path: &str, content: &[u8], mode: u32) -> Result<()> {
    let size = u64::try_from(content.len())?;
    archive
        .append_data(&mut header(EntryType::Regular, size, mode), path, content)
        .with_context(|| format!("adding {path}"))
}

fn header(kind: EntryType, size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn digest(data: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(data))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn files(archive: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap(), content)
        });
        entries.collect()
    }

    #[test]
    fn the_manifest_names_a_layer_and_a_configuration_by_their_digests() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "elf").unwrap();
        let image = Image::named("example.org/tool:1")
            .folder("/tmp", 0o1777)
            .program("/bin/tool", &program)
            .link("/bin/other", "tool")
            .text("/etc/passwd", "root")
            .entrypoint(&["/bin/tool"])
            .command(&["run"]);
        let archive = folder.path().join("image.tar");
        image.pack(&archive).unwrap();

        let outer = files(&fs::read(&archive).unwrap());
        let content = |name: &str| outer.iter().find(|(path, ..)| path == name).unwrap().2.clone();
        let manifest: serde_json::Value = serde_json::from_slice(&content("manifest.json")).unwrap();
        let text = |path: &str| manifest.pointer(path).unwrap().as_str().unwrap().to_owned();
        assert_eq!(text("/0/RepoTags/0"), "example.org/tool:1");
        let (config, layer) = (content(&text("/0/Config")), content(&text("/0/Layers/0")));
        assert_eq!(text("/0/Config"), format!("{}.json", digest(&config)));

        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["config"]["Entrypoint"], json!(["/bin/tool"]));
        assert_eq!(config["config"]["Cmd"], json!(["run"]));
        assert_eq!(config["rootfs"]["diff_ids"], json!([format!("sha256:{}", digest(&layer))]));
        let inner: Vec<_> = files(&layer).into_iter().map(|(path, mode, _)| (path, mode)).collect();
        let wanted = [("tmp/", 0o1777), ("bin/tool", 0o755), ("bin/other", 0o777), ("etc/passwd", 0o644)];
        assert_eq!(inner, wanted.map(|(path, mode)| (path.to_owned(), mode)));
    }
}
