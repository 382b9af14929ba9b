#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py - the house style (docs/STYLE.md) as a test: what a reviewer would otherwise repeat.

usage: tidy.py [--self-test | --stats] [ROOT]

A rule is a function that gets the tree and yields (path, line, message). tidy_selftest.py plants
a violation of each. What is allowed nevertheless stands in tidy_tables.py, with its reason.
"""
import os
import re
import subprocess
import sys
from statistics import median

import tidy_tables as tables

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
HEADER_LINES_MAX = 150
README_LINES_MAX = 60
LINE_COLUMNS_MAX = 100
PARAMETERS_MAX = 5
NESTING_MAX = 3
SUBJECT_CHARACTERS_MAX = 60
SPDX = "SPDX-License-Identifier: Apache-2.0"

RULES = []


def rule(function):
    RULES.append(function)
    return function


def blanked(match):
    return re.sub(r"[^\n]", " ", match.group(0))


COMMENT = r"/\*.*?\*/|//[^\n]*"
STRING = r'"(?:\\.|[^"\\\n])*"'
ATTRIBUTE = r"__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)"
CHARACTER = r"'(?:\\.|[^'\\\n])+'"


def without_comments(text):
    """The text with comments blanked; lines and columns stay."""
    return re.sub(f"({STRING}|{CHARACTER})|{COMMENT}",
                  lambda m: m.group(0) if m.group(1) else blanked(m), text, flags=re.S)


def without_strings(text):
    """The text (without comments) with the insides of its literals blanked."""
    return re.sub(f"{STRING}|{CHARACTER}",
                  lambda m: m.group(0)[0] + " " * (len(m.group(0)) - 2) + m.group(0)[-1], text)


def without_directives(text):
    """The text without preprocessor lines and what continues them."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blanked, text, flags=re.M)


class File:
    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
        self.folder = os.path.dirname(path)
        self.name = os.path.basename(path)
        self.is_c = path.endswith((".c", ".h", ".cc"))
        self.is_header = path.endswith(".h")
        self.is_test = path.startswith(("tests/", "docs/examples/"))
        self.is_script = path.endswith(".py") or path in ("dev", ".ci/run")
        if self.is_c:
            self.uncommented = without_comments(text)
            self.code = without_strings(self.uncommented)
            bare = re.sub(r'extern\s+" +"\s*\{|namespace\b[^;{}]*\{|' + ATTRIBUTE, blanked,
                          self.code)
            self.bare = without_directives(bare)
            self.functions = list(functions_of(self.bare))

    def line_at(self, position):
        return self.text.count("\n", 0, position) + 1


class Function:
    def __init__(self, bare, start, head, body_start, body_end):
        self.start = start
        self.first_line = bare.count("\n", 0, start) + 1
        self.line_count = bare.count("\n", start, body_end) + 1
        self.body = bare[body_start:body_end]
        self.body_start = body_start
        opened = head.index("(")
        words = re.findall(r"\w+", head[:opened])
        self.name = words[-1] if words else "?"
        self.is_static = "static" in words
        self.parameters = split_parameters(head[opened + 1:matching(head, opened)])


def matching(text, opened):
    """The position of the bracket that closes the one at opened."""
    close = {"(": ")", "{": "}"}[text[opened]]
    depth = 0
    for position in range(opened, len(text)):
        if text[position] == text[opened]:
            depth += 1
        elif text[position] == close:
            depth -= 1
            if depth == 0:
                return position
    return len(text) - 1


def split_parameters(text):
    parts, depth, current = [], 0, ""
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += letter
    parts.append(current.strip())
    return [] if parts in (["void"], [""]) else parts


def functions_of(bare):
    """The function definitions at the top level of C code without comments and directives."""
    position = head_start = 0
    for match in iter(lambda: re.compile(r"[;{}]").search(bare, position), None):
        position = match.end()
        if match.group(0) != "{":
            head_start = position
            continue
        end = matching(bare, match.start())
        head = bare[head_start:match.start()]
        is_type = re.match(r"\s*(typedef\b|(static |const )*(struct|enum|union|class)\s+\w*\s*$)",
                           head)
        if "(" in head and "=" not in head and not is_type:
            start = head_start + len(head) - len(head.lstrip())
            yield Function(bare, start, head.lstrip(), match.end(), end)
        position = head_start = end + 1
        if "=" in head or is_type:
            head_start = bare.find(";", end) + 1 or len(bare)
            position = max(position, head_start)


class Tree:
    """The files of the project, by path. head is (subject, touched paths) of the last commit."""

    def __init__(self, texts, head=None):
        self.files = {path: File(path, text) for path, text in sorted(texts.items())}
        self.head = head
        self.c_files = [file for file in self.files.values() if file.is_c]


def find_all(file, pattern, text=None):
    for match in re.finditer(pattern, file.code if text is None else text):
        yield file.line_at(match.start()), match


def is_allowed(table, file, name):
    return any(re.fullmatch(pattern, file.path) and name in names.split()
               for pattern, names, _reason in table)


@rule
def banned_calls(tree):
    for file in tree.c_files:
        for line, match in find_all(file, r"(?<![\w.>])(\w+)\s*\("):
            name = match.group(1)
            if name in tables.BANNED_CALLS and not is_allowed(tables.ALLOWED_CALLS, file, name):
                yield file.path, line, f"{name}() is banned: {tables.BANNED_CALLS[name]}"


@rule
def banned_words(tree):
    for file in tree.c_files:
        for line, match in find_all(file, r"\b(goto|volatile|_Thread_local|__thread)\b"):
            if is_allowed(tables.ALLOWED_WORDS, file, match.group(1)):
                continue
            yield file.path, line, f"{match.group(1)}: {tables.BANNED_WORDS[match.group(1)]}"


@rule
def threads_meet_only_where_allowed(tree):
    pattern = r"\b(atomic_\w+|_Atomic|pthread_(?:mutex|cond|rwlock|spin)\w*|__(?:atomic|sync)_\w+)"
    for file in tree.c_files:
        if file.is_test or any(re.fullmatch(p, file.path) for p, _ in tables.ALLOWED_SYNC):
            continue
        for line, match in find_all(file, pattern):
            yield file.path, line, (f"{match.group(1)}: threads share nothing; cross by "
                                    "streams/base/mailbox.h")
            break


@rule
def size_limits(tree):
    for file in tree.files.values():
        limit = HEADER_LINES_MAX if file.is_header else FILE_LINES_MAX
        if file.is_c and len(file.lines) > limit:
            yield file.path, len(file.lines), f"{len(file.lines)} lines, at most {limit}"
        if not (file.is_c or file.is_script or file.name == "CMakeLists.txt"):
            continue
        for number, line in enumerate(file.lines, 1):
            if len(line) > LINE_COLUMNS_MAX:
                yield file.path, number, f"{len(line)} columns, at most {LINE_COLUMNS_MAX}"


def nesting_of(body):
    """The deepest nesting of control statements; braces of initialisers don't count."""
    deepest = depth = 0
    stack = []
    for match in re.finditer(r"[{}]", body):
        if match.group(0) == "}":
            depth -= stack.pop() if stack else 0
            continue
        before = body[:match.start()].rstrip()
        is_control = before.endswith(("else", "do")) or follows_condition(before)
        stack.append(is_control)
        depth += is_control
        deepest = max(deepest, depth)
    return deepest


def follows_condition(before):
    if not before.endswith(")"):
        return False
    depth = 0
    for position in range(len(before) - 1, -1, -1):
        depth += (before[position] == ")") - (before[position] == "(")
        if depth == 0:
            return re.search(r"\b(if|for|while|switch)\s*$", before[:position]) is not None
    return False


@rule
def function_limits(tree):
    for file in tree.c_files:
        for function in file.functions:
            where = (file.path, function.first_line)
            if function.line_count > FUNCTION_LINES_MAX:
                yield *where, (f"{function.name} has {function.line_count} lines, at most "
                               f"{FUNCTION_LINES_MAX}")
            counted = [p for p in function.parameters if not re.fullmatch(r"weir_error ?\*\w+", p)]
            if any(row[:2] == (file.path, function.name) for row in tables.FOREIGN_SIGNATURES):
                continue
            if len(counted) > PARAMETERS_MAX and file.name.endswith((".c", ".h")):
                yield *where, (f"{function.name} has {len(counted)} parameters, at most "
                               f"{PARAMETERS_MAX}: use an options struct")
            nesting = nesting_of(function.body)
            if nesting > NESTING_MAX:
                yield *where, f"{function.name} nests {nesting} deep, at most {NESTING_MAX}"


@rule
def names(tree):
    for file in tree.c_files:
        stem = os.path.splitext(file.name)[0]
        if re.search(r"(^|_)(utils?|helpers?|common|managers?|misc)($|_)", stem):
            yield file.path, 1, "the name says nothing: name the file after its noun"
        for line, match in find_all(file, r"typedef[^;{]*\b(\w+_t);"):
            yield file.path, line, f"{match.group(1)}: _t belongs to POSIX"
        for line, match in find_all(file, r"\bTEST\((\w*should\w*)\)"):
            yield file.path, line, f"{match.group(1)}: say what happens, without should"
        if file.name.endswith(".c") and not file.is_test:
            yield from function_names(file)


def function_names(file):
    for function in file.functions:
        is_ours = function.name.startswith("weir_")
        if function.is_static and is_ours:
            yield file.path, function.first_line, f"{function.name} is static: no weir_"
        if not function.is_static and not is_ours and function.name != "main":
            yield file.path, function.first_line, f"{function.name} needs static or weir_"


SPEAKS_FOR_ITSELF = re.compile(r"_(new\(void|free\(|cleanup\(|count\(const)")


def is_prototype(line):
    return re.match(r"(?!typedef|static|return|#|\s)[\w ]+[ *]+weir_\w+\(", line) is not None


@rule
def public_prototypes_are_documented(tree):
    """A comment stands above each block of prototypes, or in it."""
    for file in tree.c_files:
        if not file.is_header or file.is_test:
            continue
        for start, block in blocks_of(file.lines):
            prototypes = [i for i, line in enumerate(block)
                          if is_prototype(line) and not SPEAKS_FOR_ITSELF.search(line)]
            if prototypes and not any("/*" in line or "*/" in line for line in block):
                line = block[prototypes[0]]
                name = re.search(r"weir_\w+(?=\()", line).group(0)
                yield file.path, start + prototypes[0], f"{name} is not documented"


def blocks_of(lines):
    start, block = 1, []
    for number, line in enumerate(lines + [""], 1):
        if line.strip():
            if not block:
                start = number
            block.append(line)
        elif block:
            yield start, block
            block = []


@rule
def includes(tree):
    includers = {}
    for file in tree.c_files:
        pattern = r'#\s*include\s+(["<])([^">]+)[">]'
        for line, match in find_all(file, pattern, file.uncommented):
            kind, header = match.groups()
            if kind == '"':
                yield from quoted_include(tree, file, line, header)
            elif not header.split("/")[0].split(".")[0] in tables.SYSTEM_HEADERS:
                includers.setdefault(header, []).append((file, line))
    for header, places in includers.items():
        yield from third_party_include(header, [p for p in places if not p[0].is_test])


def quoted_include(tree, file, line, header):
    if "../" in header:
        yield file.path, line, f"{header}: include by path from the root"
    elif header not in tree.files and not header.startswith("avro_"):
        yield file.path, line, f"{header}: no such file from the root"
    elif header.endswith("_internal.h") and os.path.dirname(header) != file.folder \
            and not file.is_test:
        yield file.path, line, f"{header}: internal to {os.path.dirname(header)}/"


def third_party_include(header, places):
    known = [(p, only) for p, only in tables.THIRD_PARTY if re.fullmatch(p, header)]
    for file, line in places:
        if not known:
            yield file.path, line, f"<{header}>: unknown; add it to tests/tidy_tables.py"
        elif not re.fullmatch(known[0][1], file.path):
            yield file.path, line, f"<{header}>: only {known[0][1]} sees it"
    first_of = {}
    for file, line in places if known else []:
        first = first_of.setdefault(file.folder, file.path)
        if first != file.path:
            yield file.path, line, f"<{header}>: {first} sees it already, and alone"


@rule
def first_lines(tree):
    for file in tree.files.values():
        top = "\n".join(file.lines[:3])
        if file.is_c and (not file.lines or file.lines[0] != f"/* {SPDX}"):
            yield file.path, 1, f'the first line is "/* {SPDX}"'
        if (file.is_script or file.name == "CMakeLists.txt") and f"# {SPDX}" not in top:
            yield file.path, 1, f'"# {SPDX}" stands on top'
        comment = file.text.split("*/")[0] if file.is_c else ""
        if file.is_c and not file.is_test and f" * {file.name} - " not in comment:
            yield file.path, 3, f'the file comment begins with "{file.name} - "'
        if file.is_header and not file.is_test and " * Threads " not in comment:
            yield file.path, 3, "the file comment has no Threads line"


@rule
def comments(tree):
    for file in tree.files.values():
        if not (file.is_c or file.is_script or file.name == "CMakeLists.txt"):
            continue
        for number, line in enumerate(file.lines, 1):
            mark = re.match(r"\s*(/\*+|\*|//+|#)(.*)", line)
            bare = mark.group(2).strip().removesuffix("*/").strip() if mark else ""
            if mark and re.search(r"^[-=*#~]{4,}$|[-=*#~]{8,}$", bare) or line.startswith("/***"):
                yield file.path, number, "a banner: the file's structure says it"
            if re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b(?!\(#\d+\))", line):
                yield file.path, number, "unfinished work goes to an issue, by number"


@rule
def topic_names(tree):
    for file in tree.c_files:
        if any(re.fullmatch(pattern, file.path) for pattern, _ in tables.TOPIC_FILES):
            continue
        for line, match in find_all(file, tables.TOPIC_NAME, file.uncommented):
            yield file.path, line, f"{match.group(0)}: topologies/topic_map.h has a name for it"


@rule
def machine_paths(tree):
    for file in tree.files.values():
        if file.path.startswith(("tests/fuzz/corpus/", "tests/golden/", "tests/tidy")):
            continue
        for number, line in enumerate(file.lines, 1):
            match = re.search(r"(?<![\w.:/-])/(work|root|home)/\w", line)
            temporary = re.search(r"(?<![\w.:/-])/tmp\b", line) and not file.is_test
            if match or temporary and (file.is_c or file.is_script):
                yield file.path, number, "a path of one machine"


@rule
def readmes(tree):
    folders = {file.folder for file in tree.c_files if not file.is_test} | {"tests"}
    for folder in sorted(folders):
        path = f"{folder}/README.md"
        if folder in tables.READMES_TO_COME and path not in tree.files:
            continue
        if path not in tree.files:
            yield path, 1, "each folder has a README.md"
        elif len(tree.files[path].lines) > README_LINES_MAX:
            yield path, len(tree.files[path].lines), f"at most {README_LINES_MAX} lines"


@rule
def top_level(tree):
    for name in sorted({path.split("/")[0] for path in tree.files}):
        if not name.startswith(".") and name not in tables.TOP_LEVEL:
            yield name, 1, "does not belong to the top level"


@rule
def text_files(tree):
    for file in tree.files.values():
        if file.path.startswith("tests/fuzz/corpus/") or not file.text:
            continue
        if "\r" in file.text and file.is_c:
            yield file.path, 1, "carriage returns"
        if not file.text.endswith("\n") and (file.is_c or file.is_script):
            yield file.path, len(file.lines), "no line feed at the end"


@rule
def commit_subject(tree):
    if tree.head is None:
        return
    subject, touched = tree.head
    if len(subject) > SUBJECT_CHARACTERS_MAX:
        yield "HEAD", 1, f"{subject!r} has {len(subject)} characters, at most 60"
    match = re.fullmatch(r"([\w./, -]+): [^ ].*[^.]", subject)
    if match is None:
        yield "HEAD", 1, f'{subject!r} is not "folder/module: change"'
        return
    for part in match.group(1).split(","):
        if touched and not any(part.strip() in path for path in touched):
            yield "HEAD", 1, f"{subject!r} names {part.strip()!r}, which the commit does not touch"


def git(root, *arguments):
    done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def read_tree(root):
    listed = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is None:
        sys.exit("tidy: the sources are not in a git work tree, so there is no list of them")
    texts = {}
    for path in filter(None, listed.split("\0")):
        full = os.path.join(root, path)
        if os.path.isfile(full) and os.path.getsize(full) < 4 << 20:
            with open(full, encoding="utf-8", errors="replace", newline="") as file:
                texts[path] = file.read()
    subject = git(root, "log", "-1", "--no-merges", "--format=%s")
    touched = git(root, "log", "-1", "--no-merges", "--name-only", "--format=")
    head = (subject.strip(), touched.split()) if subject else None
    return Tree(texts, head)


def violations_of(tree):
    for check in RULES:
        for path, line, message in check(tree):
            yield check.__name__, path, line, message


def print_stats(tree):
    """Figures for a reader: nothing fails by them."""
    folders = sorted({file.folder for file in tree.c_files})
    print(f"{'folder':24} {'files':>5} {'lines':>6} {'functions':>9} {'median':>6} "
          f"{'asserts/kloc':>12}")
    for folder in folders:
        files = [file for file in tree.c_files if file.folder == folder]
        lines = sum(len(file.lines) for file in files)
        lengths = [function.line_count for file in files for function in file.functions]
        asserts = sum(len(re.findall(r"\b(WEIR_ASSERT|static_assert)\(", file.bare))
                      for file in files)
        print(f"{folder:24} {len(files):5} {lines:6} {len(lengths):9} "
              f"{median(lengths or [0]):6.0f} {1000 * asserts / max(lines, 1):12.1f}")


def main(arguments):
    options = [argument for argument in arguments if argument.startswith("--")]
    roots = [argument for argument in arguments if not argument.startswith("--")]
    root = roots[0] if roots else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    if "--self-test" in options:
        import tidy_selftest
        return tidy_selftest.run()
    tree = read_tree(root)
    if "--stats" in options:
        print_stats(tree)
        return 0
    count = 0
    for name, path, line, message in violations_of(tree):
        print(f"{path}:{line}: {message} [{name}]")
        count += 1
    print(f"{len(tree.files)} files, {len(RULES)} rules, {count} violations")
    return 1 if count else 0


if __name__ == "__main__":
    # The rules register with the module that tidy_selftest.py imports, too.
    sys.modules["tidy"] = sys.modules["__main__"]
    sys.exit(main(sys.argv[1:]))
