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

SCHEMAS = TOP / ".cache" / "kubernetes"
MANIFESTS = sorted((TOP / "deploy" / "kubernetes").glob("*.yaml"))
FOREIGN = {"kustomization.yaml", "worker-scaling.yaml"}  # kinds of kustomize and of KEDA, which publish no such package
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
