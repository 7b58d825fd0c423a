"""Draws one order into an mp4, in a process of its own: `python -m billing.gpu.demo.render`.

Its own process, so that a cancel is a kill, and two slots use two processors. It prints how far
it is, a number from 0 to 1 on a line, and goes when nobody reads them any more. The order comes
on its standard input.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types

from billing.gpu.demo.lettering import Lettering, chinese_font_path
from billing.gpu.demo.orders import Dice, Order, dice_of
from billing.gpu.demo.scene import Scene

_REPORT_SECONDS: Final = 0.4
# Frames are drawn at most this large and scaled by ffmpeg: the scene is soft, the text is not,
# and comes on top at full size.
_DRAWN_SIDE_MAX: Final = 960


def render(order: Order, path: Path) -> None:
    """Write the mp4 of `order` to `path`: exactly its seconds, its size, its frame rate."""
    width, height = order.size
    scale = min(1.0, _DRAWN_SIDE_MAX / max(width, height))
    drawn = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    dice = dice_of(order)
    with tempfile.NamedTemporaryFile(suffix=".png") as panel:
        Lettering(chinese_font_path()).panel(order.prompt, _caption(order), order.size).save(
            panel.name, compress_level=1
        )
        with subprocess.Popen(  # noqa: S603 (our own arguments; no word of the prompt is among them)
            _ffmpeg(order, drawn, panel.name, dice, path), stdin=subprocess.PIPE
        ) as encoder:
            assert encoder.stdin is not None
            scene = Scene(dice, drawn, order.mode)
            reported_at = 0.0
            for number in range(order.frames):
                frame = scene.frame(order.offset_seconds + number / order.frames_per_second)
                encoder.stdin.write(frame.tobytes())
                if time.monotonic() - reported_at >= _REPORT_SECONDS:
                    _report((number + 1) / order.frames)
                    reported_at = time.monotonic()
            encoder.stdin.close()
            if encoder.wait() != 0:
                raise RuntimeError("The encoder gave up.")
    _report(1.0)


def _caption(order: Order) -> str:
    part = f" · from {order.offset_seconds} s" if order.offset_seconds else ""
    mark = " · WATERMARK" if order.watermark else ""
    return (
        f"Linggan demo · {order.mode} · {order.resolution} · {order.aspect_ratio} · "
        f"{order.seconds} s{part}{mark}"
    )


def _ffmpeg(order: Order, drawn: tuple[int, int], panel: str, dice: Dice, path: Path) -> list[str]:
    width, height = order.size
    sound: list[str] = []
    if order.audio:
        low = dice.roll("tone", 110, 220)
        tones = "+".join(f"0.08*sin(2*PI*{low * step:.2f}*t)" for step in (1, 1.5, 2.0))
        swell = f"(0.6+0.4*sin(2*PI*t/{dice.roll('swell', 3, 6):.2f}))"
        source = f"aevalsrc='({tones})*{swell}':s=48000:d={order.seconds}"
        sound = ["-f", "lavfi", "-i", source]
    # The panel slides in within the first second, and stays.
    picture = (
        f"[0:v]scale={width}:{height}:flags=bicubic[scene];"
        f"[scene][1:v]overlay=x=(W-w)/2:y='H-h*(1-exp(-5*t))-H/24',format=yuv420p[v]"
    )
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-hide_banner", "-loglevel", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{drawn[0]}x{drawn[1]}"),
        *("-r", str(order.frames_per_second), "-i", "pipe:0", "-i", panel),
        *sound,
        *("-filter_complex", picture, "-map", "[v]"),
        *(("-map", "2:a", "-c:a", "aac", "-b:a", "96k") if sound else ()),
        *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "26", "-bf", "0"),
        *("-frames:v", str(order.frames), "-t", str(order.seconds)),
        *("-movflags", "+faststart", str(path)),
    ]


def _report(share: float) -> None:
    sys.stdout.write(f"{share:.3f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    render(Order.from_json(sys.stdin.read()), Path(sys.argv[1]))
