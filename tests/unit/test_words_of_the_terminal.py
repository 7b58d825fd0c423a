"""In which language `./run serve` talks, and that its lines can be pasted in either."""

import os
import subprocess
import sys
from typing import Final

import pytest

from config.embedded.console import padded
from config.embedded.environment import ROOT
from config.embedded.speech import speaks_chinese

SHOWN: Final = """
from config.embedded.banner import banner
print(banner(url="http://127.0.0.1:8000", logs="/logs", token="t", operator_password={password!r},
             emulator_url="http://127.0.0.1:9"))
"""


@pytest.mark.parametrize(
    ("environment", "is_chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh-Hans"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN"}, True),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_CN:en"}, True),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "fr:zh"}, True),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "en:zh"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, True),
        ({"LANG": "fr_FR.UTF-8"}, False),
        ({}, False),
    ],
)
def test_the_environment_says_in_which_language_a_terminal_reads(
    environment: dict[str, str], *, is_chinese: bool
) -> None:
    assert speaks_chinese(environment, encoding="utf-8") == is_chinese


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "big5", None, "nothing-known"])
def test_a_terminal_that_cannot_show_chinese_is_talked_to_in_english(encoding: str | None) -> None:
    assert not speaks_chinese({"LANG": "zh_CN"}, encoding=encoding)
    assert speaks_chinese({"LANG": "zh_CN"}, encoding="gbk")


def banner_in(language: str, password: str | None) -> list[str]:
    """Return the lines that a newcomer sees with this LANG."""
    done = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", SHOWN.format(password=password)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LANG": language, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.splitlines()


def test_the_banner_is_told_in_chinese_and_its_commands_stay_what_they_are() -> None:
    english, chinese = (banner_in(one, "secret-word") for one in ("en_US.UTF-8", "zh_CN.UTF-8"))

    assert "Linggan runs. Ctrl-C stops it; the data stays." in english
    assert "灵感已经运行。按 Ctrl-C 停止，数据会保留。" in chinese  # noqa: RUF001 (Chinese has its own comma)
    assert "login  operator / secret-word   (shown this once)" in "\n".join(english)
    assert "登录   operator / secret-word   (只显示这一次)" in "\n".join(chinese)
    commands = ("API=", "ORDER=", "curl", "JOB=", "while")
    pasted = [[one for one in said if one.startswith(commands)] for said in (english, chinese)]
    assert pasted[0] == pasted[1]
    assert len(pasted[0]) == 7
    assert len(english) == len(chinese)


def test_a_password_that_was_shown_is_not_shown_again() -> None:
    said = "\n".join(banner_in("zh_CN.UTF-8", None))

    assert "忘记了？ ./run manage changepassword operator" in said  # noqa: RUF001 (as above)


def test_columns_stand_below_each_other_in_either_script() -> None:
    assert padded("login", 7) == "login  "
    assert padded("登录", 7) == "登录   "
    assert padded("a name that is longer", 7) == "a name that is longer"
