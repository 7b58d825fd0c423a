"""A still picture is known by its own bytes, whole, and never by what it is called."""

import subprocess
from functools import cache

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.gpu.pictures import NotPicture, Picture, read_picture

MAKERS = {
    "image/png": ("-c:v", "png", "-f", "image2pipe"),
    "image/jpeg": ("-c:v", "mjpeg", "-f", "image2pipe"),
    "image/webp": ("-c:v", "libwebp", "-f", "webp"),
    "image/webp lossless": ("-c:v", "libwebp", "-lossless", "1", "-f", "webp"),
    "image/webp with alpha": ("-pix_fmt", "yuva420p", "-c:v", "libwebp", "-f", "webp"),
}


@cache
def made(kind: str) -> bytes:
    """Return a real picture of 96 x 54 pixels."""
    drawn = ("-f", "lavfi", "-i", "testsrc=s=96x54", "-frames:v", "1")
    return subprocess.run(  # noqa: S603 (our own arguments)
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *drawn, *MAKERS[kind], "pipe:1"],
        capture_output=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("kind", MAKERS)
def test_a_picture_is_known_by_its_bytes(kind: str) -> None:
    assert read_picture(made(kind)) == Picture(kind.split(maxsplit=1)[0], 96, 54)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("cut", [1, 20])
def test_one_that_breaks_off_is_none(kind: str, cut: int) -> None:
    with pytest.raises(NotPicture):
        read_picture(made(kind)[:-cut])


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"GIF89a" + bytes(50), b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        *(b"\xff\xd8\xff\xd9", b"RIFF\x04\x00\x00\x00WEBP"),
        made("image/png").replace(b"IHDR", b"IHDX"),
        made("image/png")[:16] + b"\xff\xff\xff\xff" + made("image/png")[20:],
        made("image/png")[:16] + bytes(4) + made("image/png")[20:],
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NotPicture):
        read_picture(content)


@given(st.sampled_from(sorted(MAKERS)), st.binary(max_size=60), st.integers(0, 400))
def test_no_bytes_at_all_break_the_reader(kind: str, noise: bytes, at: int) -> None:
    content = bytearray(made(kind))
    content[at : at + len(noise)] = noise

    try:
        picture = read_picture(bytes(content))
    except NotPicture:
        return

    assert min(picture.width, picture.height) > 0
