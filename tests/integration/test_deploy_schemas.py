"""The manifests by Kubernetes' own schemas, the units by systemd's own reader; each where it is there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workers import TOP

SCHEMAS = TOP / ".cache" / "kubernetes-{}.{}".format(*sys.version_info)
MANIFESTS = sorted((TOP / "deploy" / "kubernetes").glob("*.yaml"))
OTHERS = TOP / ".cache" / "deploy-schemas"  # of KEDA and of compose files
FOREIGN = {
    "kustomization.yaml",
    "worker-scaling.yaml",
}  # kinds of kustomize, which publishes no such package, and of KEDA
VERSIONS = ("1.30", "1.34")
CHECK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import kubernetes_validate
documents = json.load(sys.stdin)
for name, document in documents.items():
    for version in sys.argv[2:]:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            sys.exit(f"{name}, Kubernetes {version}: {error.message}")
"""


@pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason="Kubernetes' schemas are not here (CI or NOTIFIER_INSTALL_SERVERS=1 gets them)"
)
def test_the_manifests_are_what_kubernetes_takes() -> None:
    documents = {path.name: yaml.safe_load(path.read_text()) for path in MANIFESTS if path.name not in FOREIGN}
    command = [sys.executable, "-c", CHECK, str(SCHEMAS), *VERSIONS]
    done = subprocess.run(
        command, input=json.dumps(documents), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


SCALED = """
import json, sys
sys.path.append(sys.argv[1])
from cloudcoil.models.keda.v1alpha1 import ScaledObject
given = json.load(sys.stdin)
# The model leaves out what it does not know: what comes out is what went in, or something was misspelt.
made = ScaledObject.model_validate(given).model_dump(by_alias=True, exclude_unset=True, mode="json")
sys.exit(0 if made == given else f"of {given} there is left {made}")
"""
COMPOSED = """
import json, sys
sys.path.append(sys.argv[1])
from compose_pydantic import ComposeSpecification
ComposeSpecification.model_validate(json.load(sys.stdin))
"""
not_there = pytest.mark.skipif(
    not OTHERS.is_dir(),
    reason="the schemas of KEDA and of compose files are not here (CI or NOTIFIER_INSTALL_SERVERS=1 gets them)",
)


def taken(program: str, document: object) -> str:
    """What is said against it."""
    command = [sys.executable, "-c", program, str(OTHERS)]
    done = subprocess.run(command, input=json.dumps(document), capture_output=True, text=True, timeout=120, check=False)
    return done.stderr if done.returncode else ""


@not_there
def test_the_scaling_is_what_keda_takes() -> None:
    document = yaml.safe_load((TOP / "deploy" / "kubernetes" / "worker-scaling.yaml").read_text())
    assert taken(SCALED, document) == ""
    document["spec"]["minReplicas"] = 2  # the autoscaler's word, not KEDA's
    assert "minReplicas" in taken(SCALED, document)


@not_there
def test_the_compose_file_is_what_the_specification_takes() -> None:
    document = yaml.safe_load((TOP / "deploy" / "compose.yaml").read_text())
    plain = {
        name: value for name, value in document.items() if not name.startswith("x-")
    }  # any name that begins so is allowed
    assert taken(COMPOSED, plain) == ""
    plain["services"]["worker"]["stop_grace"] = "120s"
    assert "stop_grace" in taken(COMPOSED, plain)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("unit", sorted((TOP / "deploy" / "systemd").glob("*.service")), ids=lambda unit: unit.name)
def test_systemd_has_nothing_against_the_units(unit: Path, tmp_path: Path) -> None:
    """With a program in the place of /opt/notifier/bin/…, which this host does not have."""
    there = tmp_path / unit.name
    there.write_text(
        unit.read_text()
        .replace("/opt/notifier/bin/celery", "/bin/true")
        .replace("/opt/notifier/bin/notifier", "/bin/true")
    )
    done = subprocess.run(["systemd-analyze", "verify", there], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
