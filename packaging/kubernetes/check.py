"""Renders the chart and says what is wrong with what comes out.

    check.py            compares with roundsman.yaml, checks every case of cases/
    check.py --update   writes roundsman.yaml anew

Beyond the schemas of Kubernetes it holds what no schema knows: that names lead somewhere, and that no pod may do more
than it needs. Each such check is tried on a manifest that breaks it.
"""

import copy
import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import yaml

HERE = Path(__file__).parent
CHART = HERE.parent / "helm" / "roundsman"
PLAIN = HERE / "roundsman.yaml"
HEAD = """\
# The chart of ../helm/roundsman with its defaults, in the namespace roundsman. Made by test.sh --update: change the
# chart, and not this.
"""
# The oldest that the chart takes, and all that there are schemas of.
VERSIONS = kubernetes_validate.utils.all_versions()
USER = 65532


def render(values, namespace="roundsman", name="roundsman"):
    """The manifests of these values as one text."""
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        made = chart.render(values, name=name, namespace=namespace)
    texts = [made[path].strip() for path in sorted(made) if path.endswith(".yaml")]
    return "\n---\n".join(text for text in texts if text) + "\n"


def documents(text):
    return [one for one in yaml.safe_load_all(text) if one]


def pods(manifests):
    return [(one, one["spec"]["template"]) for one in manifests if "template" in one.get("spec", {})]


def of_kind(manifests, *kinds):
    return [one for one in manifests if one["kind"] in kinds]


def is_selected(selector, template):
    return selector.items() <= template["metadata"]["labels"].items()


def schema_faults(manifests, versions):
    """What Kubernetes' own schemas refuse, unknown fields among it."""
    for manifest in manifests:
        for version in versions:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                where = ".".join(str(part) for part in error.absolute_path)
                yield f"{manifest['kind']} {version}: {where}: {error.message}"
                break


def name_faults(manifests):
    """Names that lead nowhere."""
    templates = pods(manifests)
    configs = {one["metadata"]["name"] for one in of_kind(manifests, "ConfigMap")}
    for owner, template in templates:
        if not is_selected(owner["spec"]["selector"]["matchLabels"], template):
            yield f"{owner['kind']}: its selector does not select its pods"
        spec = template["spec"]
        volumes = {volume["name"] for volume in spec["volumes"]}
        volumes |= {claim["metadata"]["name"] for claim in owner["spec"].get("volumeClaimTemplates", [])}
        for container in spec["containers"]:
            mounts = container["volumeMounts"]
            named = {mount["name"] for mount in mounts}
            if named != volumes:
                yield f"{owner['kind']}: mounted {sorted(named)}, but there are {sorted(volumes)}"
            folders = [mount["mountPath"] for mount in mounts if mount["mountPath"].startswith("/run/")]
            for variable in container["env"]:
                value = variable["value"]
                if value.startswith("/run/") and os.path.dirname(value) not in folders:
                    yield f"{owner['kind']}: {variable['name']} is in no mount: {value}"
        for volume in spec["volumes"]:
            wanted = volume.get("configMap", {}).get("name")
            if wanted is not None and wanted not in configs:
                yield f"{owner['kind']}: there is no ConfigMap {wanted}"
    for service in of_kind(manifests, "Service"):
        found = [template for _, template in templates if is_selected(service["spec"]["selector"], template)]
        if len(found) != 1:
            yield f"Service {service['metadata']['name']} selects {len(found)} sorts of pods"
        for template in found:
            ports = {port["name"] for each in template["spec"]["containers"] for port in each["ports"]}
            yield from (
                f"Service {service['metadata']['name']}: no port {port['targetPort']}"
                for port in service["spec"]["ports"]
                if port["targetPort"] not in ports
            )
    for policy in of_kind(manifests, "NetworkPolicy"):
        sides = [policy["spec"]["podSelector"]["matchLabels"]]
        sides += [peer["podSelector"]["matchLabels"] for rule in policy["spec"]["ingress"] for peer in rule["from"]]
        for side in sides:
            if not any(is_selected(side, template) for _, template in templates):
                yield f"NetworkPolicy {policy['metadata']['name']}: nobody is {side}"
    services = {one["metadata"]["name"]: one for one in of_kind(manifests, "Service")}
    for ingress in of_kind(manifests, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                ports = services.get(backend["name"], {"spec": {"ports": []}})["spec"]["ports"]
                if backend["port"]["name"] not in {port["name"] for port in ports}:
                    yield f"Ingress: there is no {backend}"
    for config in of_kind(manifests, "ConfigMap"):
        for dns in re.findall(r'dns = "([^"]*)"', config["data"]["inventory.toml"]):
            if services.get(dns, {"spec": {}})["spec"].get("clusterIP") != "None":
                yield f"the inventory looks for {dns}, and no Service of that name is without a virtual address"


def right_faults(manifests, as_root):
    """What a pod may do and need not."""
    for owner, template in pods(manifests):
        spec, kind = template["spec"], owner["kind"]
        given = [key for key in ("hostPID", "hostIPC", "hostNetwork", "serviceAccountName") if spec.get(key)]
        if given or spec.get("automountServiceAccountToken") is not False:
            yield f"{kind}: it has a right of the node's or of Kubernetes': {given}"
        security = spec["securityContext"]
        user = security.get("runAsUser"), security.get("runAsGroup")
        if as_root and kind == "DaemonSet":
            if user != (0, 0):
                yield f"{kind}: runAsRoot, but it is {user}"
        elif user != (USER, USER) or security.get("runAsNonRoot") is not True:
            yield f"{kind}: the images' user is {USER}, not {user}"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{kind}: no seccomp profile"
        for container in spec["containers"]:
            expected = {
                "readOnlyRootFilesystem": True,
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            if container["securityContext"] != expected:
                yield f"{kind}: {container['securityContext']}"
            writable = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
            if writable != (["data", "tmp"] if kind == "StatefulSet" else []):
                yield f"{kind}: it may write to {writable}"
        for volume in spec["volumes"]:
            if "secret" in volume and volume["secret"]["defaultMode"] & 0o007:
                yield f"{kind}: everybody may read {volume['name']}, so a key in it is refused"


def version_faults():
    """A chart of another version than the programs names images that are not built."""
    cargo = re.search(r'^version = "(.*)"$', (HERE.parents[1] / "Cargo.toml").read_text(), re.MULTILINE)[1]
    with helm.Chart.load(CHART) as chart:
        for key in ("version", "appVersion"):
            if chart.metadata[key] != cargo:
                yield f"Chart.yaml: {key} is {chart.metadata[key]}, and that of Cargo.toml {cargo}"


def faults(manifests, as_root=False, versions=VERSIONS[-1:]):
    return [*schema_faults(manifests, versions), *name_faults(manifests), *right_faults(manifests, as_root)]


def program_faults(manifests, roundsman):
    """What `roundsman check` says of the ConfigMap, with files in the place of the Secrets."""
    data = of_kind(manifests, "ConfigMap")[0]["data"]
    server = of_kind(manifests, "StatefulSet")[0]["spec"]["template"]["spec"]["containers"][0]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([roundsman, "ca", "init", "--dir", "ca"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        secrets = Path(folder, "run/secrets")
        pair = {"tls.crt": "ca/server/server.pem", "tls.key": "ca/server/server.key"}
        pair |= {"ca.crt": "ca/ca.pem", "ca.crl": "ca/crl.pem"}
        for name in ("roundsman-tls", "roundsman-https"):
            Path(secrets, name).mkdir(parents=True)
            for key, made in pair.items():
                Path(secrets, name, key).write_bytes(Path(folder, made).read_bytes())
                Path(secrets, name, key).chmod(0o440)
        Path(secrets, "roundsman").mkdir()
        for key, text in (("http-token", "secret"), ("db-password", "secret"), ("access.toml", "")):
            Path(secrets, "roundsman", key).write_text(text)
            Path(secrets, "roundsman", key).chmod(0o440)
        Path(secrets, "roundsman", "db-ca.pem").write_bytes(Path(folder, "ca/ca.pem").read_bytes())
        for name, text in data.items():
            Path(folder, name).write_text(text.replace("/run/secrets/", f"{secrets}/"))
        moved = {"ROUNDSMAN_CONFIG": f"{folder}/roundsman.toml", "ROUNDSMAN_INVENTORY": f"{folder}/inventory.toml"}
        # As server.Dockerfile says them.
        image = {"ROUNDSMAN_HTTP__LISTEN": "0.0.0.0:8080", "ROUNDSMAN_DATA": f"{folder}/data"}
        pod = {one["name"]: one["value"].replace("/run/secrets/", f"{secrets}/") for one in server["env"]}
        done = subprocess.run(
            [roundsman, "check"],
            cwd=folder,
            env=image | pod | moved,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return [done.stdout] if done.returncode else []


def kustomize_faults(kubectl):
    """What `kubectl apply -k` would send, when its images are not those of the kustomization."""
    made = subprocess.run([kubectl, "kustomize", str(HERE)], check=True, stdout=subprocess.PIPE, text=True).stdout
    manifests = documents(made)
    images = [each["image"] for _, pod in pods(manifests) for each in pod["spec"]["containers"]]
    if not all(image.startswith("registry.example.com/ops/") for image in images):
        yield f"images: {images}"
    yield from faults(manifests)


def damages():
    """Manifests that are wrong, each in one way, and what is then said."""

    def pod(kind):
        return lambda all_: of_kind(all_, kind)[0]["spec"]["template"]["spec"]

    daemon, stateful = pod("DaemonSet"), pod("StatefulSet")

    def container(of):
        return lambda all_: of(all_)["containers"][0]

    def policy(all_):
        return of_kind(all_, "NetworkPolicy")[0]["spec"]

    def service(all_):
        return of_kind(all_, "Service")[0]["spec"]

    yield "a field that is none", "hostPid", lambda all_: daemon(all_).update(hostPid=True)
    yield "a value of another type", "replicas", lambda all_: of_kind(all_, "StatefulSet")[0]["spec"].update(replicas="one")
    yield "hostPID", "right of the node", lambda all_: daemon(all_).update(hostPID=True)
    yield "a token of Kubernetes'", "right of the node", lambda all_: stateful(all_).pop("automountServiceAccountToken")
    yield "root", "user is", lambda all_: daemon(all_)["securityContext"].update(runAsUser=0)
    yield "no seccomp", "seccomp", lambda all_: stateful(all_)["securityContext"].pop("seccompProfile")
    yield "a capability", "capabilities", lambda all_: container(daemon)(all_)["securityContext"].update(capabilities={})
    yield "a writable /", "may write", lambda all_: container(daemon)(all_)["volumeMounts"][0].pop("readOnly")
    yield "a key for everybody", "everybody may read", lambda all_: [
        volume["secret"].update(defaultMode=0o444) for volume in daemon(all_)["volumes"] if "secret" in volume
    ]
    yield "a mount of nothing", "but there are", lambda all_: daemon(all_)["volumes"].pop()
    yield "a file in no mount", "is in no mount", lambda all_: container(daemon)(all_)["env"][1].update(value="/run/x/y")
    yield "another ConfigMap", "no ConfigMap", lambda all_: stateful(all_)["volumes"][0]["configMap"].update(name="x")
    yield "a selector of others", "selects 0", lambda all_: service(all_)["selector"].update({"app.kubernetes.io/name": "x"})
    yield "a virtual address", "virtual address", lambda all_: service(all_).pop("clusterIP")
    yield "a port that is none", "no port", lambda all_: service(all_)["ports"][0].update(targetPort="x")
    yield "a policy for nobody", "nobody is", lambda all_: policy(all_)["podSelector"]["matchLabels"].update(x="y")


def untold(manifests):
    """The damages that are not found."""
    for name, expected, damage in damages():
        damaged = copy.deepcopy(manifests)
        damage(damaged)
        told = faults(damaged)
        if not any(expected in fault for fault in told):
            yield f"{name} was not found: {told}"


def refused(values, expected):
    """Whether the chart refuses these values, and says so by that word."""
    try:
        render(values)
    except helm.HelmError as error:
        return expected in str(error)
    return False


def main():
    text = HEAD + render({})
    if sys.argv[1:] == ["--update"]:
        PLAIN.write_text(text)
        return 0
    bad = []

    lint = helm.lint(CHART, strict=True)
    bad += [f"helm lint: {message}" for message in lint["messages"] if message["severity"] > 1] + lint["errors"]
    bad += version_faults()
    there = PLAIN.read_text() if PLAIN.exists() else ""
    if there != text:
        difference = difflib.unified_diff(there.splitlines(), text.splitlines(), "roundsman.yaml", "chart", lineterm="")
        bad.append("roundsman.yaml is not what the chart makes: test.sh --update\n" + "\n".join(difference))

    cases = {"defaults": {}}
    cases |= {path.stem: yaml.safe_load(path.read_text()) for path in sorted((HERE / "cases").glob("*.yaml"))}
    roundsman = os.environ.get("ROUNDSMAN")
    checked = 0
    for name, values in cases.items():
        manifests = documents(render(values))
        checked += len(manifests)
        found = faults(manifests, values.get("probe", {}).get("runAsRoot", False), VERSIONS)
        if roundsman:
            found += program_faults(manifests, roundsman)
        bad += [f"{name}: {fault}" for fault in found]
    # Two releases beside each other, in another namespace.
    other = documents(render({}, namespace="watch", name="second"))
    bad += [f"another release: {fault}" for fault in faults(other)]
    names = {(one["metadata"]["name"], one["metadata"]["namespace"]) for one in other}
    if names != {("second-roundsman", "watch"), ("second-roundsman-probe", "watch")}:
        bad.append(f"another release: {names}")
    bad += [f"namespace.yaml: {fault}" for fault in schema_faults(documents((HERE / "namespace.yaml").read_text()), VERSIONS)]

    bad += untold(documents(text))
    for values, expected in (
        ({"prob": {}}, "prob"),
        ({"image": {"prefix": "registry.example.com"}}, "prefix"),
        ({"server": {"ingress": {"enabled": True}}}, "host"),
        ({"probe": {"mountPropagation": "Bidirectional"}}, "mountPropagation"),
    ):
        if not refused(values, expected):
            bad.append(f"the chart takes {values}")

    kubectl = os.environ.get("KUBECTL")
    if kubectl:
        bad += [f"kustomization.yaml: {fault}" for fault in kustomize_faults(kubectl)]

    for fault in bad:
        print(fault, file=sys.stderr)
    print(f"chart of Helm {helm.helm_sdk_version()}: {len(cases)} cases, {checked} manifests, Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}")
    print(f"NOT RUN: {'' if roundsman else 'roundsman check of the ConfigMap; '}{'' if kubectl else 'kubectl kustomize; '}a cluster")
    if not bad:
        print(f"{len(list(damages()))} damaged manifests were found out")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
