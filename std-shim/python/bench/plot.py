"""The plot of a run of the benchmark, as SVG: how many times as fast `ringway` is, and what is wanted.

usage: plot.py FIGURES.json, with what `bench/run --json` wrote; prints the plot.
"""

import json
import math
import sys
from html import escape

import bench

LEFT, WIDTH, TOP, ROW = 430, 380, 64, 26
LEAST, MOST = 0.5, 1000.0
OURS, MISSED, GREY = "#d9480f", "#748ca3", "#555"


def place(ratio):
    """Where a ratio lies, from the left."""
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + WIDTH * share


def drawn(found):
    rows = [
        (f"{bench.FIGURES[figure][0]}: {ours.replace('ringway.', '')}", theirs, found[figure][theirs] / found[figure][ours], wanted)
        for figure, ours, theirs, wanted in bench.BARS
        if figure in found
    ]
    width, height = LEFT + WIDTH + 80, TOP + ROW * len(rows) + 40
    bottom = TOP + ROW * len(rows)
    title = "ringway beside multiprocessing: times as fast"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{title}" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="24" font-size="16" font-weight="600" fill="#222">{title}</text>',
        f'<text x="12" y="44" fill="{GREY}">| is what is wanted; the scale is logarithmic</text>',
    ]
    for ratio in 1, 10, 100, 1000:
        x = place(ratio)
        out.append(f'<path d="M{x:.1f} {TOP - 6}V{bottom}" stroke="{"#888" if ratio == 1 else "#ddd"}"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="{GREY}">{ratio} ×</text>')
    for number, (what, theirs, ratio, wanted) in enumerate(rows):
        y = TOP + ROW * number + ROW / 2
        colour = OURS if wanted is None or ratio >= wanted else MISSED
        begin, end = sorted((place(1), place(ratio)))
        out.append(f'<text x="{LEFT - 10}" y="{y}" text-anchor="end" fill="#222">{escape(what)}</text>')
        out.append(
            f'<text x="{LEFT - 10}" y="{y + 11}" text-anchor="end" font-size="10" fill="{GREY}">'
            f"against {escape(theirs.replace('multiprocessing.', ''))}</text>"
        )
        out.append(f'<rect x="{begin:.1f}" y="{y - 6:.1f}" width="{end - begin:.1f}" height="12" fill="{colour}"/>')
        if wanted is not None:
            x = place(wanted)
            out.append(f'<path d="M{x:.1f} {y - 10:.1f}V{y + 10:.1f}" stroke="#222" stroke-width="2"/>')
        said = f"{ratio:.3g}" if ratio < 100 else f"{ratio:.0f}"
        x = max(end, place(wanted or 1)) + 6
        out.append(f'<text x="{x:.1f}" y="{y + 4}" fill="#222">{said} ×</text>')
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(drawn(json.load(file)), end="")
