"""What came out: a table for people, a file for programs, a picture."""

import json
import math
import os
import statistics
from html import escape

import install

BOLD = 'font-weight="bold"'
COLOURS = ["#888888", "#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377"]


def write(comparison, results, not_run, pace, seconds, load):
    """Prints the table, and writes both files."""
    written = [install.ROOT / "target" / f"{comparison.key}.{ending}" for ending in ("json", "svg")]
    written[0].parent.mkdir(exist_ok=True)
    written[0].write_text(json.dumps(results, indent=2) + "\n")
    written[1].write_text(picture(comparison, results, not_run, pace))
    print("\n" + comparison.explained.format(size=pace.size) + "\n")
    for row in rows(comparison, results, not_run):
        print(f"| {row[0]:46} | " + " | ".join(f"{cell:>16}" for cell in row[1:]) + " |")
    for title, reason in not_run.items():
        print(f"\nNot run: {title}: {reason}.", end="")
    print(f"\n\nMeasured in {seconds:.0f} s on {os.cpu_count()} cores, ", end="")
    print(f"with a load of {load:.1f} before. Written: ", end="")
    print(" and ".join(f"target/{path.name}" for path in written) + ".")


def rows(comparison, results, not_run):
    """The table, a row for millpond and one for each peer."""
    columns = [number.title for number in comparison.numbers]
    heads = [number.head for number in comparison.numbers]
    yield ["a second, unless it says; times as good", *heads]
    yield ["-" * 46, *["-" * 15 + ":" for _ in heads]]
    own = {measure: [r["millpond"] for r in results if r["measure"] == measure] for measure in columns}
    yield ["millpond", *[short(statistics.median(own[m])) if own[m] else "–" for m in columns]]
    for title in dict.fromkeys(result["peer"] for result in results):
        cells = {r["measure"]: r for r in results if r["peer"] == title}
        yield [title, *[cell(cells.get(measure)) for measure in columns]]
    for title in not_run:
        yield [title, *["not run"] * len(columns)]


def cell(result):
    if result is None:
        return "–"
    return f"{times(result['ratio'])} ({short(result['peer_value'])})"


def times(ratio):
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:.0f}×"


def short(rate):
    """1234567 as 1.23 M."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if rate >= size:
            digits = max(0, 2 - int(math.log10(rate / size)))
            return f"{rate / size:.{digits}f}{letter}"
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"


def picture(comparison, results, not_run, pace):
    """Bars on a logarithmic scale, from 1 (as fast as millpond) to where each peer lies."""
    titles = list(dict.fromkeys(result["peer"] for result in results))
    measured = {result["measure"] for result in results}
    numbers = [number for number in comparison.numbers if number.title in measured]
    left, width, bar, top = 60, 820, 15, 74 + 18 * len(titles)
    exponents = [math.log10(result["ratio"]) for result in results] or [0]
    low, high = min(-1, math.floor(min(exponents))), max(1, math.ceil(max(exponents)))
    place = lambda exponent: left + (exponent - low) / (high - low) * width
    lines, y = [], top
    text = lambda x, y, words, size=13, extra="": lines.append(
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" {extra}>{escape(words)}</text>'
    )
    for number in numbers:
        text(left, y + 14, number.title, 14, BOLD)
        y += 22
        for result in (r for r in results if r["measure"] == number.title):
            here, one = place(math.log10(result["ratio"])), place(0)
            colour = COLOURS[titles.index(result["peer"]) % len(COLOURS)]
            lines.append(
                f'<rect x="{min(here, one):.1f}" y="{y}" width="{max(abs(here - one), 1):.1f}" '
                f'height="{bar - 2}" fill="{colour}"/>'
            )
            words = f"{times(result['ratio'])} ({short(result['peer_value'])}{number.unit})"
            text(max(here, one) + 5, y + 11, words, 11)
            y += bar
        y += 12
    bottom = y
    marks = []
    for exponent in range(low, high + 1):
        x, stroke = place(exponent), "#000000" if exponent == 0 else "#dddddd"
        marks.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="{stroke}"/>')
        text(x, bottom + 18, f"{10.0**exponent:g}×", 12, 'text-anchor="middle"')
    text(left, 26, comparison.headline.format(size=pace.size), 17)
    text(left, 46, "Right of 1×: better than the peer. In brackets: what the peer did.", 12)
    for place_in_list, title in enumerate(titles):
        y = 58 + 18 * place_in_list
        lines.append(f'<rect x="{left}" y="{y}" width="12" height="12" fill="{COLOURS[place_in_list % len(COLOURS)]}"/>')
        text(left + 20, y + 11, title)
    if not_run:
        text(left, bottom + 42, "Not run: " + ", ".join(not_run), 12)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 140} {bottom + 58}" '
        'font-family="sans-serif"><rect width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join(marks + lines)
        + "\n</svg>\n"
    )
