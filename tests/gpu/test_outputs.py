"""What a backend calls its output is believed only as far as its bytes bear it out."""

import base64
import io
import struct

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from billing.gpu.mp4 import Facts, NotVideo, read_facts
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import BadOutput


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def film(*, scale: int = 1000, length: int = 5000, width: int = 640, height: int = 360) -> bytes:
    """Return the smallest mp4 that plays so long."""
    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, scale, length))
    track = box(b"trak", box(b"tkhd", bytes(76) + struct.pack(">II", width << 16, height << 16)))
    return (
        box(b"ftyp", b"isom\x00\x00\x02\x00")
        + box(b"moov", header + track)
        + box(b"mdat", b"x" * 9)
    )


def inline(content: bytes, mime: str = "video/mp4") -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode()}"


def facts_of(content: bytes) -> tuple[int, int, int]:
    [facts] = [
        (output.milliseconds, output.width, output.height)
        for output in read_outputs([inline(content)])
    ]
    return facts


def test_an_inline_film_is_read_and_measured() -> None:
    content = film(scale=24000, length=120_000, width=1280, height=720)

    outputs = read_outputs([inline(content)])
    output = next(outputs)

    assert (output.milliseconds, output.width, output.height) == (5000, 1280, 720)
    assert (output.mime, output.bytes) == ("video/mp4", len(content))
    assert output.file.read() == content
    assert next(outputs, None) is None
    assert output.file.closed


def test_a_film_of_many_chunks_is_read_whole() -> None:
    content = film() + box(b"free", b"\x5a" * 3_000_000)

    for output in read_outputs([inline(content)]):
        assert output.file.read() == content


def test_what_the_address_claims_to_be_does_not_matter() -> None:
    [output] = [o.mime for o in read_outputs([inline(film(), "text/html")])]
    assert output == "video/mp4"

    with pytest.raises(BadOutput):
        list(read_outputs([inline(b"<script>alert(1)</script>", "video/mp4")]))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"GIF89a" + bytes(100),
        film()[:-1],
        film()[:40],
        film()[24:],
        film(length=0),
        film(scale=0),
        film(width=0),
        box(b"ftyp", b"isom"),
        box(b"ftyp", b"isom") + box(b"mdat", b"x"),
        box(b"ftyp", b"isom") + box(b"moov", b"") + box(b"mdat", b"x"),
        box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 2**63),
        box(b"ftyp", b"isom") + bytes(8) * 3,
        box(b"ftyp", b"") * 20_000,
    ],
)
def test_what_is_no_whole_film_is_refused(content: bytes) -> None:
    with pytest.raises(BadOutput):
        list(read_outputs([inline(content)]))


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://evil.example/v.mp4", "evil.example"),
        ("https://10.0.0.1/v.mp4", "10.0.0.1"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254"),
        ("file:///etc/passwd", "unreadable address"),
        ("/var/out.mp4", "a path of its own"),
        ("http://[broken", "unreadable address"),
        ("", "a path of its own"),
        ("data:video/mp4,plain", "not base64"),
        ("data:video/mp4;base64", "not base64"),
        ("data:video/mp4;base64,@@@@", "not valid base64"),
        ("data:video/mp4;base64,AAAAA", "not valid base64"),
    ],
)
def test_an_output_elsewhere_is_refused_and_never_fetched(address: str, sentence: str) -> None:
    with pytest.raises(BadOutput, match=sentence):
        list(read_outputs([address]))


def test_an_output_above_the_cap_is_refused(settings: Settings) -> None:
    content = film()

    settings.OUTPUT_BYTES_MAX = len(content)
    assert facts_of(content) == (5000, 640, 360)

    settings.OUTPUT_BYTES_MAX = len(content) - 1
    with pytest.raises(BadOutput, match="larger than"):
        facts_of(content)


def test_a_hundred_outputs_are_too_many() -> None:
    with pytest.raises(BadOutput, match="100 outputs"):
        list(read_outputs([inline(film())] * 100))


@pytest.mark.django_db
def test_nothing_is_copied_inside_a_transaction() -> None:
    copied = read_outputs([inline(film())])

    with transaction.atomic(), pytest.raises(RuntimeError, match="outside any transaction"):
        next(copied)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_bytes_at_all_break_the_reader(noise: bytes, at: int) -> None:
    content = bytearray(film())
    content[at : at + len(noise)] = noise

    try:
        facts = _read(bytes(content))
    except NotVideo:
        return

    assert facts.milliseconds > 0


def _read(content: bytes) -> Facts:
    return read_facts(io.BytesIO(content), len(content))
