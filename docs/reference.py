#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""reference.py - writes docs/reference/*.md from the comments of the public headers.

usage: reference.py [--check | --self-test]

An entry is a block of a header: a comment, and the declarations below it without an empty line.
What a comment leaves to the file's own comment (ownership, errors, threads) or to names (units) is
added to each entry. --check writes nothing; it fails where a page is not what would be written,
where a prototype is not documented, and where a guide names what no header has.
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = "docs/reference"

# Page, title, what it is for, and its headers; a pattern stands for those not named before it.
PAGES = [
    ("dsl", "The DSL", "streams and tables, and what can be done with them", [
        "streams/dsl/builder.h", "streams/dsl/function.h", "streams/dsl/kstream.h",
        "streams/dsl/grouped.h", "streams/dsl/windowed.h", "streams/dsl/sessions.h",
        "streams/dsl/cogrouped.h", "streams/dsl/ktable.h", "streams/dsl/joins.h",
        "streams/dsl/foreign_join.h", "streams/dsl/global_table.h", "streams/dsl/suppress.h",
        "streams/dsl/*.h"]),
    ("application", "Topologies and applications",
     "build from processors, configure, run, ask, test", [
         "streams/topology.h", "streams/processor.h", "streams/record.h", "streams/config.h",
         "streams/application.h", "streams/query.h", "streams/query_windows.h",
         "streams/subscription.h", "streams/metadata.h",
         "streams/test_driver.h",
         "streams/topology_description.h", "streams/topology_plan.h", "streams/broker.h"]),
    ("stores", "Stores", "what processors read and write", [
        "statestore/kv_store.h", "statestore/timestamped.h", "statestore/window_store.h",
        "statestore/session_store.h", "statestore/ttl_store.h", "statestore/bitmap_store.h",
        "statestore/task_state.h", "statestore/*.h"]),
    ("connectors", "Connectors", "brokers, the web, objects, REST", [
        "connectors/broker_embedded.h", "connectors/broker_kafka.h",
        "connectors/kafka_settings.h", "connectors/http.h", "connectors/http_curl.h",
        "connectors/http_resource.h", "connectors/object_store.h", "connectors/*.h"]),
    ("base", "Base", "bytes, memory, errors, JSON, time", [
        "streams/base/bytes.h", "streams/base/status.h", "streams/base/alloc.h",
        "streams/base/arena.h", "streams/base/*.h"]),
    ("runtime", "Runtime", "the parts of an application, for those who work on weir",
     ["streams/*.h"]),
    ("avro", "Avro", "records of the pipeline and their schemas", ["avro/*.h"]),
    ("topologies", "Pipeline", "the stages of the web-data pipeline", ["topologies/*.h"]),
]

# What names functions and types of the headers besides.
GUIDES = ["docs/KAFKA_STREAMS.md", "docs/compatibility.md", "docs/GUIDE.md", "docs/MIGRATION.md",
          "docs/examples/README.md", "README.md"]
# In a guide, not in a header: metrics, and C names of programs.
NOT_IN_HEADERS = re.compile(r"weir_(memory_limit_bytes|examples|streams|connectors)$")

UNITS = [
    ("_ms", "milliseconds"), ("_ns", "nanoseconds"), ("_us", "microseconds"),
    ("_seconds", "seconds"), ("_bytes_max", "bytes, a limit"), ("_bytes", "bytes"),
    ("_max", "a limit"), ("_per_mille", "thousandths"), ("_ppm", "millionths"),
]

# What functions of these names do wherever they are; a comment may say more.
CONVENTIONS = [
    (r"_free$", "Frees it, and what it owns. NULL is fine."),
    (r"_cleanup$", "Frees what it owns and zeroes it; all-zero is fine."),
    (r"_new$", "A new one."),
    (r"_count$", "How many there are."),
]

LABEL = re.compile(r"^(Ownership|Errors|Threads|Limits|Order)\s{2,}(.*)$")


class Block:
    """A comment and its declarations; functions are their names, in order."""

    def __init__(self, line):
        self.line = line
        self.comment = []
        self.code = []
        self.functions = []
        self.prototypes = []


def comment_text(lines):
    """The lines of a comment without its marks."""
    text = []
    for line in lines:
        line = re.sub(r"^\s*/\*\s?|\s*\*/\s*$", "", line)
        text.append(re.sub(r"^\s*\* ?", "", line).rstrip())
    return text


def file_comment(lines):
    """Title, body and labels of the comment at the top of a header."""
    end = next(i for i, line in enumerate(lines) if "*/" in line)
    text = comment_text(lines[:end + 1])[2:]
    labels, body, label = {}, [], None
    for line in text:
        match = LABEL.match(line)
        if match:
            label = match.group(1)
            labels[label] = match.group(2)
        elif label and line.startswith("   "):
            labels[label] += " " + line.strip()
        else:
            label = None
            body.append(line)
    return body, labels, end


def declarations(code):
    """The statements of a block of code at depth 0."""
    bare = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    bare = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", bare, flags=re.M)
    statement, depth = "", 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        statement += character
        if depth == 0 and (character == ";" or (character == "}" and "(" in
                                                statement.split("{")[0])):
            yield re.sub(r"\s+", " ", statement).strip()
            statement = ""


def function_of(statement):
    """The name of the function that a statement declares, or None."""
    head = re.sub(r"__attribute__\s*\(\(.*\)\)", "", statement.split("{")[0])
    if re.match(r"(typedef|struct|enum|union|static_assert|WEIR_)\b", head) and \
            not re.match(r"(struct|enum) \w+ \**\w+\(", head):
        return None
    match = re.match(r"[\w\s]+?[\s*]+(weir_\w+)\s*\(", head)
    return match.group(1) if match else None


def blocks_of(lines, start):
    """The blocks of a header below its guard."""
    block, depth = None, 0
    for number in range(start, len(lines)):
        line = lines[number]
        if re.match(r"#(ifndef|endif|include)\b|#define WEIR_\w+_H$", line) and depth == 0:
            continue
        if line.strip() == "" and depth == 0:
            if block:
                yield block
            block = None
            continue
        block = block or Block(number + 1)
        in_comment = not block.code and (block.comment or line.lstrip().startswith("/*"))
        if in_comment and not (block.comment and "*/" in block.comment[-1]):
            block.comment.append(line)
            continue
        block.code.append(line)
        depth = max(0, depth + line.count("{") - line.count("}"))
    if block:
        yield block


def read_header(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        lines = file.read().split("\n")
    body, labels, end = file_comment(lines)
    blocks = []
    for block in blocks_of(lines, end + 1):
        for statement in declarations("\n".join(block.code)):
            name = function_of(statement)
            if name:
                block.functions.append(name)
                block.prototypes.append(statement)
        blocks.append(block)
    return body, labels, blocks


def undocumented(block):
    """The functions of a block that no comment and no convention documents."""
    if block.comment or "/*" in "\n".join(block.code):
        return []
    return [name for name in block.functions
            if not any(re.search(pattern, name) for pattern, _ in CONVENTIONS)]


def units_of(prototypes):
    found = []
    for prototype in prototypes:
        for name in re.findall(r"(\w+)\s*[,)]", prototype):
            unit = next((unit for suffix, unit in UNITS if name.endswith(suffix)), None)
            if unit and f"`{name}` {unit}" not in found:
                found.append(f"`{name}` {unit}")
    return ", ".join(found)


def ownership_of(block, label, functions):
    parts = []
    for name, prototype in zip(block.functions, block.prototypes):
        for owned in re.findall(r"\b(owned_\w+)", prototype):
            parts.append(f"takes `{owned}`")
        for kind, out in re.findall(r"(?<!const )(weir_\w+) \*\*(out_\w+)", prototype):
            if f"{kind}_free" in functions:
                parts.append(f"`*{out}` becomes the caller's (`{kind}_free`)")
        match = re.match(r"(weir_\w+) \*(weir_\w+_new)\(", prototype)
        if match and f"{match.group(1)}_free" in functions:
            parts.append(f"the caller frees what `{name}` answers (`{match.group(1)}_free`)")
    parts = list(dict.fromkeys(parts))
    own = "; ".join(parts)
    own = own[:1].upper() + own[1:] + ". " if own else ""
    return own + (label or ("" if own else "Arguments are borrowed for the call."))


def resolved(labels):
    """The labels of a header; those of the DSL refer to the builder's."""
    if not labels.get("Ownership", "").startswith("As in builder.h"):
        return labels
    _, builder, _ = read_header("streams/dsl/builder.h")
    return {**labels, "Ownership": builder["Ownership"],
            "Errors": labels.get("Errors", builder["Errors"])}


def errors_of(block, label):
    answers = [name for name, prototype in zip(block.functions, block.prototypes)
               if prototype.startswith("weir_status ")]
    if label and (answers or label.startswith("The first mistake")):
        return label
    if not answers:
        return "None."
    return "A status (`streams/base/status.h`), with its sentence in `*err` unless that is NULL."


def escape(text):
    return text.replace("<", "&lt;").replace("|", "\\|") if "`" not in text else text


def paragraphs(lines):
    """Text as it is, pictures (what is indented) in a block of code."""
    out, in_picture = [], False
    for line in lines:
        is_picture = line.startswith("  ") and line.strip() != ""
        if is_picture and not in_picture:
            out += ["", "```"]
        if in_picture and not is_picture and line.strip() != "":
            out += ["```", ""]
        in_picture = is_picture or (in_picture and line.strip() == "")
        out.append(line if is_picture or in_picture else escape(line))
    if in_picture:
        while out and out[-1] == "":
            out.pop()
        out.append("```")
    return "\n".join(out).strip()


def entry(block, labels, functions):
    out = []
    if block.functions:
        out.append("### " + ", ".join(f"`{name}`" for name in block.functions))
        out.append("")
    if block.comment:
        out += [paragraphs(comment_text(block.comment)), ""]
    elif block.functions and not any("/*" in line for line in block.code):
        said = [text for name in block.functions for pattern, text in CONVENTIONS
                if re.search(pattern, name)]
        out += [" ".join(dict.fromkeys(said)), ""]
    out += ["```c", *block.code, "```", ""]
    if block.functions:
        units = units_of(block.prototypes)
        out += [f"- **Units** {units}"] if units else []
        out += [f"- **Ownership** {ownership_of(block, labels.get('Ownership'), functions)}",
                f"- **Errors** {errors_of(block, labels.get('Errors'))}",
                f"- **Thread** {labels.get('Threads', 'Any, one at a time.')}", ""]
    return out


def headers_of(patterns, taken):
    for pattern in patterns:
        paths = sorted(glob.glob(os.path.join(ROOT, pattern)))
        for path in (os.path.relpath(path, ROOT) for path in paths):
            if path not in taken and not path.endswith("_internal.h"):
                taken.add(path)
                yield path


def all_pages():
    """(page, title, purpose, [(header, body, labels, blocks)]) of the whole tree."""
    taken = set()
    for page, title, purpose, patterns in PAGES:
        headers = []
        for path in headers_of(patterns, taken):
            body, labels, blocks = read_header(path)
            headers.append((path, body, resolved(labels), blocks))
        yield page, title, purpose, headers


def write_page(title, headers, functions):
    out = ["<!-- Written by docs/reference.py from the headers: ./dev docs -->", f"# {title}", ""]
    for path, body, _, blocks in headers:
        count = sum(len(block.functions) for block in blocks)
        anchor = re.sub(r"[^\w-]", "", path.lower())
        out.append(f"- [{path}](#{anchor}): {count} functions")
    for path, body, labels, blocks in headers:
        out += ["", f"## {path}", "", paragraphs(body), ""]
        for block in blocks:
            out += entry(block, labels, functions)
    return "\n".join(out).rstrip("\n") + "\n"


def write_all():
    """Path -> text of each page, and the list of what is not documented."""
    pages = list(all_pages())
    functions = {name for _, _, _, headers in pages for _, _, _, blocks in headers
                 for block in blocks for name in block.functions}
    texts, missing = {}, []
    index = ["<!-- Written by docs/reference.py from the headers: ./dev docs -->", "# Reference",
             "", "Every public function, from the comments of its header; a page a group.", "",
             "| Page | | Functions |", "|---|---|---|"]
    for page, title, purpose, headers in pages:
        texts[f"{FOLDER}/{page}.md"] = write_page(title, headers, functions)
        count = sum(len(block.functions) for _, _, _, blocks in headers for block in blocks)
        index.append(f"| [{title}]({page}.md) | {purpose} | {count} |")
        missing += [f"{path}:{block.line}: {name} has no comment"
                    for path, _, _, blocks in headers for block in blocks
                    for name in undocumented(block)]
    texts[f"{FOLDER}/README.md"] = "\n".join(index) + "\n"
    return texts, missing


def check(texts, missing):
    stale = []
    for path, text in texts.items():
        try:
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                same = file.read() == text
        except FileNotFoundError:
            same = False
        if not same:
            stale.append(f"{path} is not what the headers say: ./dev docs")
    for path in glob.glob(os.path.join(ROOT, FOLDER, "*.md")):
        if os.path.relpath(path, ROOT) not in texts:
            stale.append(f"{os.path.relpath(path, ROOT)} is of no group of headers: remove it")
    return missing + stale


def unknown_names():
    """What the guides call by a name that no public header has."""
    known = set()
    for _, _, _, patterns in PAGES:
        for path in headers_of(patterns, set()):
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                known.update(re.findall(r"\b(?:weir|WEIR)_\w+", file.read()))
    for guide in GUIDES:
        if not os.path.exists(os.path.join(ROOT, guide)):
            continue
        with open(os.path.join(ROOT, guide), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                for name in re.findall(r"\b(?:weir|WEIR)_\w+(?![\w…*])", line):
                    if name not in known and not NOT_IN_HEADERS.match(name):
                        yield f"{guide}:{number}: {name} is in no public header"


def self_test():
    """A prototype without a comment is found, one with a comment or a convention is not."""
    source = ["/* SPDX", " *", " * x.h - x.", " *", " * Threads    One.", " */", "",
              "weir_x *weir_x_new(void);", "void weir_x_free(weir_x *x);", "",
              "int weir_x_size(const weir_x *x);", "", "/* How wide. */",
              "int64_t weir_x_wait_ms(int64_t wait_ms);"]
    found = list(blocks_of(source, 6))
    for block in found:
        for statement in declarations("\n".join(block.code)):
            block.functions += [name for name in [function_of(statement)] if name]
            block.prototypes.append(statement)
    missing = [name for block in found for name in undocumented(block)]
    assert missing == ["weir_x_size"], missing
    assert units_of(found[2].prototypes) == "`wait_ms` milliseconds"
    assert [len(block.functions) for block in found] == [2, 1, 1]
    print("a prototype without a comment is found")


def main(arguments):
    if arguments == ["--self-test"]:
        self_test()
        return 0
    texts, missing = write_all()
    if arguments == ["--check"]:
        complaints = check(texts, missing) + list(unknown_names())
        print("\n".join(complaints) if complaints else f"{len(texts)} pages are up to date")
        return 1 if complaints else 0
    os.makedirs(os.path.join(ROOT, FOLDER), exist_ok=True)
    for path, text in texts.items():
        with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
            file.write(text)
    print("\n".join(missing) if missing else f"{len(texts)} pages written")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
