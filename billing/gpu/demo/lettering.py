"""Draws the prompt onto the picture, in whatever script the machine's fonts can write."""

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from billing.gpu.demo.orders import Dice

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_FONT_FOLDERS: Final = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
)
# In order of how well they look; a part of a file's name is enough.
_CHINESE_FONTS: Final = (
    "notosanscjk-regular",
    "notosanssc",
    "sourcehansans",
    "pingfang",
    "wqy-microhei",
    "wqy-zenhei",
    "notoserifcjk",
    "hiragino sans gb",
    "stheiti",
    "droidsansfallback",
    "uming",
    "ukai",
)
_WIDE: Final = ("W", "F")
_LATIN_MAX: Final = 0x024F
_SYMBOLS_FROM: Final = 0x2100
_TILE_FILLED: Final = 0.55
_SHOWN_MAX: Final = 300  # more never fits three lines
_WORD_MAX: Final = 12  # a longer word may break
_LINES_MAX: Final = 3


def chinese_font_path() -> str:
    """Return the file of the best installed font that writes Chinese, "" when there is none.

    DEMO_FONT in the environment goes before all that is found.
    """
    named = os.environ.get("DEMO_FONT", "")
    if named and Path(named).is_file():
        return named
    files = [
        file
        for folder in _FONT_FOLDERS
        for file in sorted(Path(folder).expanduser().rglob("*"))
        if file.suffix.lower() in (".ttc", ".ttf", ".otf")
    ]
    for wanted in _CHINESE_FONTS:
        for file in files:
            if wanted in file.name.lower():
                return str(file)
    return ""


class Lettering:
    """Writes text: Latin in Pillow's own font, Chinese in an installed one.

    Where no font has a letter, a small woven tile stands for it, different for each letter: the
    text keeps its rhythm, and nothing pretends to be a box of a broken font.
    """

    def __init__(self, chinese_font: str) -> None:
        self._chinese_font = chinese_font
        self._fonts: dict[tuple[bool, int], Font] = {}

    def panel(self, prompt: str, caption: str, size: tuple[int, int]) -> Image.Image:
        """Return a translucent panel with prompt and caption, for a picture of `size`."""
        width, height = size
        letter = max(14, round(min(width, height) / 15))
        margin = letter
        inner = width - 4 * margin
        prompt = " ".join(prompt.split())[:_SHOWN_MAX]
        if not self._chinese_font:
            # Full-width punctuation becomes what the Latin font can write.
            prompt = unicodedata.normalize("NFKC", prompt)
        lines = self._wrapped(prompt, letter, inner)
        small = max(11, round(letter * 0.5))
        line_height = round(letter * 1.35)
        panel_height = len(lines) * line_height + round(small * 1.6) + 2 * (margin // 2)
        panel = Image.new("RGBA", (width - 2 * margin, panel_height))
        pencil = ImageDraw.Draw(panel)
        box = (0, 0, panel.width - 1, panel_height - 1)
        pencil.rounded_rectangle(box, radius=letter // 2, fill=(8, 10, 16, 150))
        y = margin // 2
        for line in lines:
            self._write(pencil, (margin, y), line, letter, (255, 255, 255, 255))
            y += line_height
        self._write(pencil, (margin, y), caption, small, (255, 255, 255, 190))
        return panel

    def _wrapped(self, text: str, letter: int, width: int) -> list[str]:
        """Return at most three lines; what does not fit ends in an ellipsis."""
        lines: list[str] = [""]
        for word in _words(text):
            if self._length(lines[-1] + word.rstrip(), letter) <= width or not lines[-1]:
                lines[-1] += word
            else:
                lines.append(word.lstrip())
        lines = [self._shortened(line.rstrip(), letter, width) for line in lines]
        if len(lines) > _LINES_MAX:
            last = lines[_LINES_MAX - 1] + "..."
            lines = [*lines[: _LINES_MAX - 1], self._shortened(last, letter, width)]
        return lines

    def _shortened(self, line: str, letter: int, width: int) -> str:
        while len(line) > 1 and self._length(line, letter) > width:
            line = line.removesuffix("...")[:-1] + "..."
            if line == "...":
                break
        return line

    def _length(self, text: str, letter: int) -> float:
        return sum(self._advance(character, letter) for character in text)

    def _advance(self, character: str, letter: int) -> float:
        if _needs_chinese(character):
            return float(letter)
        return float(self._font(character, letter).getlength(character))

    def _write(
        self,
        pencil: ImageDraw.ImageDraw,
        at: tuple[int, int],
        text: str,
        letter: int,
        colour: tuple[int, int, int, int],
    ) -> None:
        x, y = float(at[0]), at[1]
        for character in text:
            if _needs_chinese(character) and not self._chinese_font:
                _draw_tile(pencil, (x, y + letter * 0.12), letter, character, colour)
            else:
                font = self._font(character, letter)
                # One baseline for all scripts: fonts place their letters differently.
                pencil.text((x, y + letter), character, font=font, fill=colour, anchor="ls")
            x += self._advance(character, letter)

    def _font(self, character: str, letter: int) -> Font:
        key = (_needs_chinese(character) and bool(self._chinese_font), letter)
        if key not in self._fonts:
            self._fonts[key] = (
                ImageFont.truetype(self._chinese_font, letter)
                if key[0]
                else ImageFont.load_default(letter)
            )
        return self._fonts[key]


def _needs_chinese(character: str) -> bool:
    """Whether the Latin font has no such letter: East Asian scripts, symbols, emoji."""
    return ord(character) > _LATIN_MAX and (
        unicodedata.east_asian_width(character) in _WIDE or ord(character) > _SYMBOLS_FROM
    )


def _words(text: str) -> Iterator[str]:
    """Yield pieces after which a line may break: words with their space, or single wide letters."""
    word = ""
    for character in text:
        if _needs_chinese(character):
            if word:
                yield word
            word = ""
            yield character
        else:
            word += character
            if character == " " or len(word) == _WORD_MAX:
                yield word
                word = ""
    if word:
        yield word


def _draw_tile(
    pencil: ImageDraw.ImageDraw,
    at: tuple[float, float],
    letter: int,
    character: str,
    colour: tuple[int, int, int, int],
) -> None:
    """Draw a square weave of four by four cells, mirrored, that belongs to `character`."""
    dice = Dice(character)
    cell = letter * 0.76 / 4
    for row in range(4):
        for column in range(2):
            if dice.roll(f"{row} {column}") > _TILE_FILLED:
                continue
            for place in (column, 3 - column):
                x, y = at[0] + place * cell, at[1] + row * cell
                pencil.rectangle((x, y, x + cell, y + cell), fill=colour)
