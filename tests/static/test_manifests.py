"""The manifests of a cluster are such as a cluster takes: by the schemas of Kubernetes itself."""

from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-not-found]  # it lives apart
import pytest
import yaml

_FOLDER: Final = Path(__file__).parents[2] / "docs" / "operations" / "kubernetes"
# The oldest of which we say that it will do, and a new one.
_VERSIONS: Final = ("1.30", "1.37")
_FILES: Final = sorted(_FOLDER.glob("*.yaml"))


def _objects(file: Path) -> list[dict[str, Any]]:
    found = list(yaml.safe_load_all(file.read_text()))
    return [one for one in found if one["kind"] != "Kustomization"]


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("file", _FILES, ids=lambda path: path.stem)
def test_a_cluster_takes_each_manifest(file: Path, version: str) -> None:
    for one in _objects(file):
        kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("version", _VERSIONS)
def test_a_slip_of_the_pen_would_be_seen(version: str) -> None:
    [web] = [one for one in _objects(_FOLDER / "web.yaml") if one["kind"] == "Deployment"]
    web["spec"]["template"]["spec"]["containers"][0]["readinessProb"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(web, version, strict=True)
