"""Draws one frame: a sky of drifting light, a sun, ridges that pass by, and motes in the air."""

import colorsys
import math
from typing import Final

from PIL import Image, ImageChops, ImageDraw

from billing.gpu.demo.orders import Dice

Colour = tuple[int, int, int]
_SKY_DETAIL: Final = 72  # pixels along the sky's long side; it is soft, and scaled up
_LAYERS: Final = {"std": 4, "pro": 6}
_GLOWS: Final = {"std": 4, "pro": 7}
_MOTES: Final = {"std": 26, "pro": 70}
_HILLS, _PEAKS, _CITY = "hills", "peaks", "city"
_TURN: Final = 2 * math.pi


class Scene:
    """A world hashed from the prompt; `frame(t)` is its picture at second `t`."""

    def __init__(self, dice: Dice, size: tuple[int, int], mode: str) -> None:
        self._dice = dice
        self._width, self._height = size
        self._mode = mode
        self._hue = dice.roll("hue")
        self._spread = dice.roll("spread", 0.06, 0.2) * (1, -1)[dice.pick("turn", 2)]
        self._shape = (_HILLS, _PEAKS, _CITY)[dice.pick("shape", 3)]
        scale = _SKY_DETAIL / max(size)
        self._sky_size = (max(8, round(size[0] * scale)), max(8, round(size[1] * scale)))
        self._sky = self._base_sky()
        self._light = Image.radial_gradient("L").point([max(0, 255 - 2 * v) for v in range(256)])
        self._sun = self._sun_picture()
        self._glows = [self._glow_mask(number) for number in range(_GLOWS[mode])]

    def frame(self, t: float) -> Image.Image:
        """Return the picture at second `t`."""
        picture = self._sky_at(t).resize((self._width, self._height), Image.Resampling.BILINEAR)
        self._put_sun(picture, t)
        pencil = ImageDraw.Draw(picture, "RGB")
        layers = _LAYERS[self._mode]
        for layer in range(layers):
            pencil.polygon(self._ridge(layer, layers, t), fill=self._ridge_colour(layer, layers))
        self._draw_motes(pencil, t)
        return picture

    def _colour(self, turn: float, saturation: float, value: float) -> Colour:
        """Return the colour `turn` steps of the palette away from its ground colour."""
        hue = (self._hue + turn * self._spread) % 1.0
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        return round(red * 255), round(green * 255), round(blue * 255)

    def _base_sky(self) -> Image.Image:
        width, height = self._sky_size
        top, low = self._colour(0, 0.75, 0.30), self._colour(1.6, 0.55, 0.95)
        fade = Image.linear_gradient("L").resize((width, height))
        return Image.composite(
            Image.new("RGB", (width, height), low), Image.new("RGB", (width, height), top), fade
        )

    def _sky_at(self, t: float) -> Image.Image:
        """Return the small sky with its lights where they are at second `t`."""
        width, height = self._sky_size
        lights = Image.new("RGB", (width, height))
        for number, mask in enumerate(self._glows):
            name = f"glow {number}"
            radius = mask.width // 2
            pace = self._dice.roll(f"{name} pace", 0.03, 0.09)
            turn = _TURN * (self._dice.roll(f"{name} start") + pace * t)
            x = width * (0.5 + 0.5 * math.sin(turn))
            y = height * (0.4 + 0.35 * math.cos(turn * 1.3 + number))
            colour = self._colour(self._dice.roll(f"{name} colour", -2, 3), 0.8, 0.42)
            glow = Image.new("RGB", (width, height))
            glow.paste(colour, (round(x) - radius, round(y) - radius), mask)
            lights = ImageChops.add(lights, glow)
        return ImageChops.add(self._sky, lights)

    def _glow_mask(self, number: int) -> Image.Image:
        radius = round(max(self._sky_size) * self._dice.roll(f"glow {number} size", 0.25, 0.5))
        return self._light.resize((2 * radius, 2 * radius))

    def _sun_picture(self) -> Image.Image:
        """Return the sun with its halo, as a mask."""
        radius = round(min(self._width, self._height) * self._dice.roll("sun size", 0.10, 0.17))
        halo = self._light.resize((6 * radius, 6 * radius)).point([v // 3 for v in range(256)])
        disc = Image.new("L", (12 * radius, 12 * radius))
        ImageDraw.Draw(disc).ellipse((4 * radius, 4 * radius, 8 * radius, 8 * radius), fill=240)
        return ImageChops.lighter(halo, disc.resize(halo.size, Image.Resampling.BOX))

    def _put_sun(self, picture: Image.Image, t: float) -> None:
        turn = _TURN * (self._dice.roll("sun start") + t / self._dice.roll("sun round", 40, 70))
        x = self._width * (0.5 + 0.36 * math.sin(turn))
        y = self._height * (0.34 + 0.10 * math.cos(turn))
        half = self._sun.width // 2
        picture.paste(self._colour(2.2, 0.18, 1.0), (round(x) - half, round(y) - half), self._sun)

    def _ridge(self, layer: int, layers: int, t: float) -> list[tuple[float, float]]:
        """Return the outline of one ridge; nearer ones stand lower and pass faster."""
        near = (layer + 1) / layers
        name = f"ridge {layer}"
        base = self._height * (0.50 + 0.36 * near)
        reach = self._height * self._dice.roll(f"{name} reach", 0.05, 0.11) * (1.3 - 0.5 * near)
        moved = t * (0.012 + 0.07 * near**2) * (1.4 if self._mode == "pro" else 1.0)
        # Walls need finer steps than slopes, or they lean.
        step = 2 if self._shape == _CITY else max(2, self._width // 160)
        start = 10 * self._dice.roll(f"{name} start")
        points: list[tuple[float, float]] = [(0.0, float(self._height))]
        for x in range(0, self._width + step, step):
            across = x / self._height + moved + start
            points.append((float(x), base - reach * self._outline(name, across)))
        points.append((float(self._width + step), float(self._height)))
        return points

    def _outline(self, name: str, across: float) -> float:
        """Return how high a ridge stands at `across`, about -1 to 1: hills, peaks or a city."""
        if self._shape == _HILLS:
            return math.sin(across * 3.1) * 0.6 + math.sin(across * 7.3 + 1) * 0.3
        if self._shape == _PEAKS:
            return _zigzag(across * 0.9) * 0.8 + _zigzag(across * 2.7 + 0.3) * 0.35
        return self._dice.roll(f"{name} house {math.floor(across * 9)}", -0.7, 1.1)

    def _ridge_colour(self, layer: int, layers: int) -> Colour:
        near = (layer + 1) / layers
        return self._colour(1.2 * (1 - near), 0.55 + 0.2 * near, 0.62 * (1 - near) + 0.10)

    def _draw_motes(self, pencil: ImageDraw.ImageDraw, t: float) -> None:
        short = min(self._width, self._height)
        for number in range(_MOTES[self._mode]):
            name = f"mote {number}"
            rise = self._dice.roll(f"{name} rise", 0.02, 0.07)
            y = (self._dice.roll(f"{name} y") - rise * t) % 1.0
            sway = 0.02 * math.sin(t * self._dice.roll(f"{name} sway", 0.5, 1.5) + number)
            x = (self._dice.roll(f"{name} x") + sway) % 1.0
            shine = 0.55 + 0.45 * math.sin(t * 2 + 7 * self._dice.roll(f"{name} shine"))
            radius = short * self._dice.roll(f"{name} size", 0.002, 0.006)
            colour = self._colour(2.4, 0.25, 0.55 + 0.45 * shine)
            px, py = x * self._width, y * self._height
            pencil.ellipse((px - radius, py - radius, px + radius, py + radius), fill=colour)


def _zigzag(value: float) -> float:
    """Return a triangle wave between -1 and 1 with period 1."""
    return 4 * abs((value % 1.0) - 0.5) - 1
