"""One folder an adapter. Each gives a `KIND`; a new one is found by its folder alone."""

import functools
import pkgutil
from collections.abc import Mapping
from importlib import import_module

from billing.gpu.kinds import Kind


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of backend by the name of its folder, which is its name in BACKENDS."""
    return {
        folder.name: import_module(f"{__name__}.{folder.name}").KIND
        for folder in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name)
        if folder.ispkg
    }
