//! What people call a container: from the files in which its engine keeps that, where the probe may read
//! them. They lie in folders of root's, so that it often may not, and then the id has to do.
//!
//! Of these files, which also hold what a container was given as its environment, nothing is kept but the
//! fields of [`Known`].

use rustix::{fd::OwnedFd, io::Errno};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    super::{
        file::{self, Extent, Reach},
        table::MAX_NAME_BYTES,
    },
    path::Named,
};

/// Longest file about one container that is read, bytes; of a longer one nothing is.
pub const MAX_STATE_BYTES: usize = 256 * 1_024;
/// Longest list of all containers that is read (Podman's), bytes; of a longer one nothing is.
pub const MAX_LIST_BYTES: usize = 2 * 1_024 * 1_024;

/// Where Docker keeps what it knows of a container.
const DOCKER: &str = "var/lib/docker/containers/ID/config.v2.json";
/// Where containerd has the bundle of a pod's container, its own and that of k3s.
const CONTAINERD: [&str; 2] = [
    "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
    "run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
];
/// Where CRI-O has it.
const CRIO: &str = "run/containers/storage/overlay-containers/ID/userdata/config.json";
/// The list of Podman's containers.
const PODMAN: &str = "var/lib/containers/storage/overlay-containers/containers.json";

/// A file that names a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Docker,
    /// An OCI bundle with annotations of the CRI.
    Bundle,
    /// A list with an entry for it.
    List,
}

/// Which files may name it, in the order in which they are tried.
fn files(of: &Named) -> Vec<(Form, &'static str)> {
    let docker = (Form::Docker, DOCKER);
    let bundles = CONTAINERD.map(|file| (Form::Bundle, file));
    let crio = (Form::Bundle, CRIO);
    match of.engine {
        "docker" => vec![docker],
        "containerd" => bundles.into(),
        "cri-o" => vec![crio],
        "podman" => vec![(Form::List, PODMAN)],
        "lxc" | "nerdctl" => Vec::new(),
        _ => bundles.into_iter().chain([docker, crio]).collect(),
    }
}

/// What is known of a container beside its group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: Option<String>,
    /// What it was made of.
    pub image: Option<String>,
    /// The service and the task of a swarm.
    pub service: Option<String>,
    /// Its task.
    pub task: Option<String>,
    /// The pod's namespace and name.
    pub pod_namespace: Option<String>,
    /// The pod.
    pub pod: Option<String>,
    /// It only holds a pod's namespaces, and does nothing.
    pub is_sandbox: bool,
}

/// Docker's file, as far as it is read and captured.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct DockerFile {
    #[serde(rename = "Name")]
    name: Text,
    #[serde(rename = "Config")]
    config: DockerConfig,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct DockerConfig {
    #[serde(rename = "Image")]
    image: Text,
    #[serde(rename = "Labels", deserialize_with = "or_default")]
    labels: Labels,
}

/// Labels of a swarm, and those of a kubelet that has its containers made by Docker.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Labels {
    #[serde(rename = "com.docker.swarm.service.name", skip_serializing_if = "Text::is_none")]
    service: Text,
    #[serde(rename = "com.docker.swarm.task.name", skip_serializing_if = "Text::is_none")]
    task: Text,
    #[serde(rename = "io.kubernetes.container.name", skip_serializing_if = "Text::is_none")]
    container: Text,
    #[serde(rename = "io.kubernetes.pod.namespace", skip_serializing_if = "Text::is_none")]
    pod_namespace: Text,
    #[serde(rename = "io.kubernetes.pod.name", skip_serializing_if = "Text::is_none")]
    pod: Text,
    #[serde(rename = "io.kubernetes.docker.type", skip_serializing_if = "Text::is_none")]
    kind: Text,
}

/// A bundle's file, as far as it is read and captured.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct BundleFile {
    #[serde(deserialize_with = "or_default")]
    annotations: Annotations,
}

/// Annotations of containerd and of CRI-O.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "io.kubernetes.cri.container-name", skip_serializing_if = "Text::is_none")]
    name: Text,
    #[serde(rename = "io.kubernetes.cri.image-name", skip_serializing_if = "Text::is_none")]
    image: Text,
    #[serde(rename = "io.kubernetes.cri.sandbox-namespace", skip_serializing_if = "Text::is_none")]
    pod_namespace: Text,
    #[serde(rename = "io.kubernetes.cri.sandbox-name", skip_serializing_if = "Text::is_none")]
    pod: Text,
    #[serde(rename = "io.kubernetes.cri.container-type", skip_serializing_if = "Text::is_none")]
    kind: Text,
    #[serde(rename = "io.kubernetes.container.name", skip_serializing_if = "Text::is_none")]
    crio_name: Text,
    #[serde(rename = "io.kubernetes.cri-o.ImageName", skip_serializing_if = "Text::is_none")]
    crio_image: Text,
    #[serde(rename = "io.kubernetes.pod.namespace", skip_serializing_if = "Text::is_none")]
    crio_pod_namespace: Text,
    #[serde(rename = "io.kubernetes.pod.name", skip_serializing_if = "Text::is_none")]
    crio_pod: Text,
    #[serde(rename = "io.kubernetes.cri-o.ContainerType", skip_serializing_if = "Text::is_none")]
    crio_kind: Text,
}

/// An entry of Podman's list, as far as it is read and captured.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Listed {
    id: Text,
    #[serde(deserialize_with = "or_default")]
    names: Vec<Text>,
    /// JSON in a text.
    metadata: Text,
}

/// What Podman keeps in the text of an entry.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "image-name")]
    image: Text,
}

/// A text; of another type, `null` or missing: none.
#[derive(Debug, Default, Clone, Serialize)]
#[serde(transparent)]
struct Text(Option<String>);

impl Text {
    fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// As it is sent: what is longer than the contract allows is as good as unknown.
    fn sent(self) -> Option<String> {
        self.0.filter(|text| !text.is_empty() && text.len() <= MAX_NAME_BYTES)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Text(String),
            Other(serde::de::IgnoredAny),
        }
        Ok(match Any::deserialize(deserializer)? {
            Any::Text(text) => Self(Some(text)),
            Any::Other(_) => Self(None),
        })
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl From<DockerFile> for Known {
    fn from(file: DockerFile) -> Self {
        let DockerConfig { image, labels } = file.config;
        let name = file.name.sent().map(|name| name.trim_start_matches('/').to_owned());
        Self {
            name: labels.container.sent().or(name).filter(|name| !name.is_empty()),
            image: image.sent(),
            service: labels.service.sent(),
            task: labels.task.sent(),
            pod_namespace: labels.pod_namespace.sent(),
            pod: labels.pod.sent(),
            is_sandbox: labels.kind.0.as_deref() == Some("podsandbox"),
        }
    }
}

impl From<BundleFile> for Known {
    fn from(BundleFile { annotations: of }: BundleFile) -> Self {
        Self {
            is_sandbox: of.kind.0.or(of.crio_kind.0).as_deref() == Some("sandbox"),
            name: of.name.sent().or(of.crio_name.sent()),
            image: of.image.sent().or(of.crio_image.sent()),
            pod_namespace: of.pod_namespace.sent().or(of.crio_pod_namespace.sent()),
            pod: of.pod.sent().or(of.crio_pod.sent()),
            ..Self::default()
        }
    }
}

impl From<&Listed> for Known {
    fn from(entry: &Listed) -> Self {
        let metadata = entry.metadata.0.as_deref();
        let metadata: Metadata =
            metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let name = entry.names.first().cloned().and_then(Text::sent);
        Self { name, image: metadata.image.sent(), ..Self::default() }
    }
}

/// Reads what engines keep, for one answer.
#[derive(Debug)]
pub struct Names<'a> {
    rootfs: Option<&'a OwnedFd>,
    buffer: Vec<u8>,
    /// Files whose folders are closed to the probe: nobody is asked there again.
    closed: Vec<&'static str>,
    podman: Option<Vec<Listed>>,
}

impl<'a> Names<'a> {
    /// Nothing is read yet; `rootfs` is the host's `/`.
    #[must_use]
    pub fn new(rootfs: Option<&'a OwnedFd>) -> Self {
        Self { rootfs, buffer: Vec::new(), closed: Vec::new(), podman: None }
    }

    /// What is known of a container; nothing where nothing may be read.
    pub fn of(&mut self, container: &Named) -> Option<Known> {
        files(container).into_iter().find_map(|(form, file)| match form {
            Form::Docker => self.parsed::<DockerFile>(file, container).map(Known::from),
            Form::Bundle => self.parsed::<BundleFile>(file, container).map(Known::from),
            Form::List => self.listed(file, container).map(Known::from),
        })
    }

    /// The files that name a container, each with what of it `capture` keeps.
    pub fn captured(&mut self, container: &Named) -> Vec<(String, Vec<u8>)> {
        let kept = |(form, file)| {
            let kept = match form {
                Form::Docker => serde_json::to_vec(&self.parsed::<DockerFile>(file, container)?),
                Form::Bundle => serde_json::to_vec(&self.parsed::<BundleFile>(file, container)?),
                Form::List => {
                    self.listed(file, container)?;
                    serde_json::to_vec(self.podman.as_ref()?)
                }
            };
            Some((path_of(file, container), kept.ok()?))
        };
        files(container).into_iter().filter_map(kept).collect()
    }

    fn parsed<T: serde::de::DeserializeOwned>(
        &mut self,
        file: &'static str,
        container: &Named,
    ) -> Option<T> {
        self.read(file, &path_of(file, container), MAX_STATE_BYTES)?;
        serde_json::from_slice(&self.buffer).ok()
    }

    fn listed(&mut self, file: &'static str, container: &Named) -> Option<&Listed> {
        if self.podman.is_none() {
            let read = self.read(file, file, MAX_LIST_BYTES);
            let list = read.and_then(|()| serde_json::from_slice::<Vec<Listed>>(&self.buffer).ok());
            let kept = list.unwrap_or_default().into_iter().map(Listed::without_the_rest);
            self.podman = Some(kept.collect());
        }
        let mut list = self.podman.iter().flatten();
        list.find(|entry| entry.id.0.as_deref() == Some(&container.id))
    }

    fn read(&mut self, file: &'static str, path: &str, limit: usize) -> Option<()> {
        let rootfs = self.rootfs.filter(|_| !self.closed.contains(&file))?;
        self.buffer.clear();
        let read = file::open_at(rootfs, path).and_then(|opened| {
            let extent = Extent { limit, ends_short: true };
            file::read_to_end(opened, extent, &mut self.buffer).and_then(Reach::whole)
        });
        if matches!(read, Err(Errno::ACCESS | Errno::PERM)) {
            self.closed.push(file);
        }
        read.ok()
    }
}

impl Listed {
    /// Podman's text about a container holds more than its image's name.
    fn without_the_rest(self) -> Self {
        let metadata: Option<Metadata> =
            self.metadata.0.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let metadata = metadata.and_then(|kept| serde_json::to_string(&kept).ok());
        Self { metadata: Text(metadata), ..self }
    }
}

/// The path of a file about a container. An id has nothing but hex digits: LXC's names never come here.
fn path_of(file: &str, container: &Named) -> String {
    file.replace("ID", &container.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docker(json: &str) -> Known {
        serde_json::from_str::<DockerFile>(json).unwrap().into()
    }

    #[test]
    fn a_text_that_is_none_or_too_long_is_unknown() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        let state = docker(&format!(
            r#"{{"Name":7,"Config":{{"Image":"{long}","Labels":null,"Env":["SECRET=1"]}}}}"#
        ));
        assert_eq!(state, Known::default());
        assert_eq!(docker(r#"{"Name":"/"}"#), Known::default());
        assert_eq!(docker("{}"), Known::default());
    }

    #[test]
    fn of_a_state_file_no_secret_is_captured() {
        let json = r#"{"Name":"/web","Config":{"Image":"nginx","Env":["SECRET=1"],"Labels":{"secret":"1"}}}"#;
        let kept =
            serde_json::to_string(&serde_json::from_str::<DockerFile>(json).unwrap()).unwrap();
        assert_eq!(kept, r#"{"Name":"/web","Config":{"Image":"nginx","Labels":{}}}"#);
        let entry = Listed {
            metadata: Text(Some(r#"{"image-name":"a","env":"SECRET"}"#.to_owned())),
            ..Listed::default()
        };
        let kept = serde_json::to_string(&entry.without_the_rest()).unwrap();
        assert!(!kept.contains("SECRET") && kept.contains("image-name"), "{kept}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in r#"[\[\]{}",:a-zN0-9/]{0,80}"#) {
            let _ = serde_json::from_str::<DockerFile>(&text);
            let _ = serde_json::from_str::<BundleFile>(&text);
            let _ = serde_json::from_str::<Vec<Listed>>(&text);
        }
    }
}
