"""The entry of BACKENDS that an adapter's README shows is one that the registry takes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from billing.egress import networks
from billing.gpu import adapters, registry
from tests.architecture.tree import ROOT
from tests.gpu.vendors.comfyui import WORKFLOW

ADAPTERS = ROOT / "billing" / "gpu" / "adapters"
FILE = "/etc/linggan/wan_t2v.json"


@pytest.fixture(params=sorted(set(adapters.kinds()) - {"cog"}))
def shown(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """Return a kind, and the entry that its README shows with a secret and a file of our own."""
    kind = str(request.param)
    readme = (ADAPTERS / kind / "README.md").read_text()
    text = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)[0]
    workflow = tmp_path / "workflow.json"
    workflow.write_text(json.dumps(WORKFLOW))
    text = text.replace("whsec_…", "whsec_c2lnbnM=").replace(FILE, str(workflow))
    said = json.loads(text)
    [entry] = [said] if "kind" in said else said.values()
    return kind, {**entry, "secret": "a-secret-of-more-than-16"}


def test_the_entry_that_a_readme_shows_is_taken(
    shown: tuple[str, dict[str, Any]], settings: Settings
) -> None:
    kind, entry = shown
    settings.BACKENDS = {"away": entry}

    assert registry.configured()["away"].kind == kind
    assert registry.backend_for("away").caps.poll


def test_what_an_entry_opens_is_open_to_its_outputs(
    shown: tuple[str, dict[str, Any]], settings: Settings
) -> None:
    settings.BACKENDS = {"away": {**shown[1], "output_cidrs": ["10.1.0.0/16"]}}

    assert vars(registry.backend_for("away"))["fetch"].allowed == networks(("10.1.0.0/16",))
