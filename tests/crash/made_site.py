# SPDX-License-Identifier: Apache-2.0
"""site.py - a small web site made from a seed: pages that link to each other, copies, near
copies, a redirect, pages that are missing or forbidden, and one that is no text."""

import os
import random

WORDS = """
the of and to in is that it was for on are as with they be at one have this from by not but what
all were when we there can an which their said if do will each about how up out them then she
many some so these would other into has more her two like him see time could no make than first
been its who now people my made over did down only way find use may water long little very after
words called just where most know get through back much before go good new write our used me man
too any day same right look think also around another came come work three word must because
does part even place well such here take why things help put years different away again off went
old number great tell men say small every found still between name should home big give air line
set own under read last never us left end along while might next sound below saw something
thought both few those always looked show large often together asked house world going want
school important until form food keep children feet land side without boy once animals life
enough took sometimes four head above kind began almost live page got earth need far hand high
year mother light parts country father let night following picture being study second eyes soon
times story boys since white days ever paper hard near sentence better best across during today
others however sure means knew try told young miles sun ways thing whole hear example heard
several change answer room sea against top turned learn point city play toward five using
himself usually
""".split()


def sentences(random_source, count):
    made = []
    for _ in range(count):
        words = [random_source.choice(WORDS) for _ in range(random_source.randint(8, 16))]
        made.append(" ".join(words).capitalize() + ".")
    return made


def page(title, paragraphs, links):
    text = "\n".join("<p>" + " ".join(p) + "</p>" for p in paragraphs)
    rows = "\n".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f"<title>{title}</title></head><body><main><h1>{title}</h1>\n{text}\n</main>"
            f"<nav><ul>\n{rows}\n</ul></nav></body></html>\n")


def make(directory, seed, count):
    """Writes a site of about count pages into directory."""
    source = random.Random(seed)
    names = [f"page-{i}.html" for i in range(count)]
    bodies = []
    for i in range(count):
        if i % 10 == 7:  # A copy of an earlier page.
            bodies.append(bodies[source.randrange(i)])
        elif i % 10 == 8:  # The same but for a word or two.
            body = [list(p) for p in bodies[source.randrange(i)]]
            body[-1][-1] = "Nobody had expected that."
            bodies.append(body)
        else:
            bodies.append([sentences(source, 6) for _ in range(source.randint(4, 9))])
    os.makedirs(os.path.join(directory, "folder"))
    for i, name in enumerate(names):
        # A tree, so that every page is reached, and some links across and back.
        links = [names[j] for j in (3 * i + 1, 3 * i + 2, 3 * i + 3) if j < count]
        links += [source.choice(names) for _ in range(3)]
        if i % 9 == 0:
            links += [f"missing-{i}.html", "folder", "search.html", "data.bin"]
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(page(f"Page {i}", bodies[i], links))
    with open(os.path.join(directory, "index.html"), "w", encoding="utf-8") as file:
        file.write(page("Start", [sentences(source, 6)], names[:1]))
    with open(os.path.join(directory, "folder", "index.html"), "w", encoding="utf-8") as file:
        file.write(page("Folder", [sentences(source, 12)], ["../" + names[-1]]))
    with open(os.path.join(directory, "search.html"), "w", encoding="utf-8") as file:
        file.write(page("Forbidden by robots.txt", [sentences(source, 6)], []))
    with open(os.path.join(directory, "data.bin"), "wb") as file:
        file.write(bytes(range(256)) * 8)
