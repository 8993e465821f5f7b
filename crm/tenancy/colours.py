"""A community's colour on its pages: whether words can be read on it, and in which shade it can itself be read."""

import colorsys

WHITE, INK = "#ffffff", "#17211e"  # the ink of our pages; `tokens.css` has it, too
READABLE = 4.5  # to one, as WCAG AA asks of text
GROUNDS = {"light": "#ebefed", "dark": "#1e2a2e"}  # the hardest ground of each theme to be read on
STEPS = 200


def contrast(one, other):
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def ink_on(colour):
    """White or ink, whichever reads better; None where neither can be read."""
    best = better_ink(colour)
    return best if contrast(best, colour) >= READABLE else None


def better_ink(*colours):
    """White or ink, whichever reads better on all of these."""
    return max((WHITE, INK), key=lambda ink: min(contrast(ink, colour) for colour in colours))


def nearest_readable(colour):
    """The shade of this colour that words can be read on, with as little change as will do."""
    return min((_shade(colour, towards, ink_on) for towards in (0, 1)), key=lambda shade: _distance(shade, colour))


def readable_on(theme, colour):
    """The shade in which the colour itself can be read, as a link, on all grounds of a theme."""
    return _shade(colour, 0 if theme == "light" else 1, lambda shade: contrast(shade, GROUNDS[theme]) >= READABLE)


def _shade(colour, towards, will_do):
    """The first shade that will do, on the way to black (0) or to white (1)."""
    hue, light, full = colorsys.rgb_to_hls(*_parts(colour))
    shades = (_hex(colorsys.hls_to_rgb(hue, light + (towards - light) * step / STEPS, full)) for step in range(STEPS + 1))
    return next(shade for shade in shades if will_do(shade))


def _distance(one, other):
    return sum((a - b) ** 2 for a, b in zip(_parts(one), _parts(other), strict=True))


def _parts(colour):
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def _hex(parts):
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _luminance(colour):
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def stylesheet(colour):
    """The tokens of pages that wear this colour."""
    rules = []
    for theme, selector in (("light", ":root, [data-bs-theme=light]"), ("dark", "[data-bs-theme=dark]")):
        shade = readable_on(theme, colour)
        strong = readable_on(theme, _hex([part * 0.8 if theme == "light" else part + (1 - part) * 0.3 for part in _parts(shade)]))
        tokens = {
            "look": colour, "on-look": ink_on(colour) or INK, "brand": shade, "brand-strong": strong,
            "on-brand": better_ink(shade, strong),
            "brand-soft": "var(--qx-sunken)", "brand-line": "var(--qx-line-strong)",
        }  # fmt: skip
        rules.append(selector + " {" + " ".join(f"--qx-{name}: {value};" for name, value in tokens.items()) + "}")
    return "\n".join(rules) + "\n"
