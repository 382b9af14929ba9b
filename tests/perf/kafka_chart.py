# SPDX-License-Identifier: Apache-2.0
"""kafka_chart.py - draws the CPU time of both sides as bars, in SVG."""

from xml.sax.saxutils import escape

WIDTH, LABELS, RIGHT, TOP, GROUP, BAR = 940, 310, 90, 86, 58, 20
THEIRS, OURS, INK, FAINT = "#b8bec9", "#1f6feb", "#1c2128", "#6e7681"


def text(x, y, words, size=13, colour=INK, anchor="start", weight="normal"):
    """One line of text."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>')


def bar(x, y, width, colour):
    """A bar, at least so wide that it is seen."""
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 2):.1f}" height="{BAR}" rx="2" '
            f'fill="{colour}"/>')


def group(line, y, scale):
    """Both sides of one work, and how many times cheaper."""
    theirs, ours = line["theirs"], line["ours"]
    return [
        text(LABELS - 12, y + BAR + 4, line["title"], anchor="end"),
        bar(LABELS, y, theirs * scale, THEIRS),
        text(LABELS + theirs * scale + 6, y + 14, f"{theirs:.1f}", 12, FAINT),
        bar(LABELS, y + BAR + 2, ours * scale, OURS),
        text(LABELS + max(ours * scale, 2) + 6, y + BAR + 16,
             f"{ours:.2f}  ({theirs / ours:.1f}×)", 12, OURS, weight="bold"),
    ]


def draw(lines, note):
    """The chart of lines {title, theirs, ours}; note tells where it was measured."""
    height = TOP + GROUP * len(lines) + 40
    longest = max((line["theirs"] for line in lines), default=1)
    scale = (WIDTH - LABELS - RIGHT) / longest
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" role="img">',
        "<title>CPU seconds a million records, Kafka Streams and weir</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(20, 32, "CPU seconds a million records (less is better)", 18, weight="bold"),
        bar(20, 48, 14, THEIRS), text(40, 63, "Kafka Streams"),
        bar(150, 48, 14, OURS), text(170, 63, "weir"),
    ]
    for number, line in enumerate(lines):
        parts += group(line, TOP + GROUP * number, scale)
    parts += [text(20, height - 14, note, 11, FAINT), "</svg>", ""]
    return "\n".join(parts)
