#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""site_server.py - serves the files below a directory on a free port of 127.0.0.1.

usage: site_server.py DIRECTORY

Prints its URL and serves until standard input ends. /all-pages.html links to every .html file, so
that a crawl of depth 1 from there fetches each of them once and nothing else.
"""

import functools
import http.server
import os
import sys
import threading
from pathlib import Path


class Handler(http.server.SimpleHTTPRequestHandler):
    """HTTP/1.1, head and body in one write: two would cost 40 ms each for a delayed ACK."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20
    disable_nagle_algorithm = True

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Says nothing."""

    def do_GET(self):
        """The list of pages, or a file."""
        if self.path == "/all-pages.html":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(self.server.index)))
            self.end_headers()
            self.wfile.write(self.server.index)
            return
        super().do_GET()


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection."""

    daemon_threads = True
    index = b""

    def handle_error(self, request, client_address):
        """Crawlers hang up when they are done: no reason for a traceback."""


def index_of(root):
    """An HTML page with a link to each page below root."""
    pages = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.html"))
    links = "\n".join(f'<p><a href="/{page}">{page}</a></p>' for page in pages)
    return f"<!DOCTYPE html><title>All pages</title>\n{links}\n".encode()


def main():
    root = Path(sys.argv[1])
    server = Server(("127.0.0.1", 0), functools.partial(Handler, directory=os.fspath(root)))
    server.index = index_of(root)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
