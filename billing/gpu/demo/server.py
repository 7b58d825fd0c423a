"""Says how to start the demo backend: a real Cog server on this machine's loopback."""

import os
import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
_ROOT: Final = _HERE.parents[2]
# Nothing else of our environment: the predictor needs no key and no database.
_PASSED_ON: Final = (
    *("HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"),
    *("COG_LOG_LEVEL", "DEMO_FONT", "IMAGEIO_FFMPEG_EXE"),
)


def command(
    *, port: int, token: str, data_dir: Path, slots: int = 2
) -> tuple[list[str], dict[str, str]]:
    """Return arguments and whole environment of the demo backend; the folder may not exist yet.

    It listens on 127.0.0.1 and sends `token` with each callback. It ends on SIGTERM within a
    second, on SIGKILL at once, and its worker process with it; what it was drawing is lost
    without a callback. Its health is `GET /health-check`.
    """
    argv = [sys.executable, "-m", "billing.gpu.demo", str(data_dir.resolve())]
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    env |= {
        # coglet starts "python" from PATH; without this one it would stay STARTING for ever.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(_ROOT),
        "PYTHONUNBUFFERED": "1",
        "PORT": str(port),
        "COG_MAX_CONCURRENCY": str(slots),
        "COG_PREDICT_TYPE_STUB": f"{_HERE / 'predict.py'}:Predictor",
        "WEBHOOK_AUTH_TOKEN": token,
    }
    env.setdefault("COG_LOG_LEVEL", "warn")
    return argv, env
