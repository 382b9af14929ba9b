# SPDX-License-Identifier: Apache-2.0
"""kafka_proxy.py - TCP proxies between clients and brokers, to cut or stall connections, or to lose
the answers to commits of transactions.

One proxy a broker, since clients connect to every broker by the address that it advertises. All run
in one thread with an event loop; the methods of Proxies are for other threads.
"""

import asyncio
import socket
import struct
import threading

CHUNK_BYTES = 1 << 16
HEAD = struct.Struct(">ihhi")  # Of a request: bytes that follow, key, version, number.
ANSWER_HEAD = struct.Struct(">ii")  # Of an answer: bytes that follow, number of the request.
END_TXN = 26


class Link:
    """One connection of a client, and the one to the broker that belongs to it."""

    def __init__(self):
        self.commits = set()  # Numbers of the EndTxn requests whose answers are to be lost.


class Proxy:
    """The connections to one broker. Event loop only."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target = None  # The broker's port.
        self.open = asyncio.Event()  # Bytes flow while it is set.
        self.open.set()
        self.refusing = False
        self.transports = set()
        self.losing = False  # Answers to EndTxn.
        self.lost = 0

    async def serve(self):
        await asyncio.start_server(self.accept, sock=self.listener)

    async def accept(self, reader, writer):
        if self.refusing or self.target is None:
            writer.transport.abort()
            return
        self.transports.add(writer.transport)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            self.transports.discard(writer.transport)
            return
        self.transports.add(far_writer.transport)
        link = Link()
        await asyncio.gather(self.relay(reader, far_writer, self.requests(link, reader)),
                             self.relay(far_reader, writer, self.answers(link, far_reader)))
        self.transports -= {writer.transport, far_writer.transport}

    async def relay(self, reader, writer, heads):
        """Passes frames on until one side ends, or a head says so."""
        try:
            async for head, left in heads:
                await self.pass_on(writer, head)
                while left > 0:
                    chunk = await reader.read(min(left, CHUNK_BYTES))
                    if not chunk:
                        raise ConnectionError("the frame is cut")
                    left -= len(chunk)
                    await self.pass_on(writer, chunk)
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.transport.abort()

    async def pass_on(self, writer, data):
        await self.open.wait()
        writer.write(data)
        await writer.drain()

    async def requests(self, link, reader):
        while True:
            head = await reader.readexactly(HEAD.size)
            size, key, _, number = HEAD.unpack(head)
            if key == END_TXN and self.losing:
                link.commits.add(number)
            yield head, size + 4 - HEAD.size

    async def answers(self, link, reader):
        while True:
            head = await reader.readexactly(ANSWER_HEAD.size)
            size, number = ANSWER_HEAD.unpack(head)
            if number in link.commits:
                self.lost += 1
                return
            yield head, size + 4 - ANSWER_HEAD.size

    def cut(self):
        """Resets every connection."""
        for transport in list(self.transports):
            transport.abort()


class Proxies:
    def __init__(self, count):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.proxies = [self.call(self.make) for _ in range(count)]
        self.ports = [proxy.port for proxy in self.proxies]

    def call(self, function, *arguments):
        """Runs function in the event loop and waits for its result."""
        async def run():
            result = function(*arguments)
            return await result if asyncio.iscoroutine(result) else result
        return asyncio.run_coroutine_threadsafe(run(), self.loop).result()

    async def make(self):
        proxy = Proxy()
        await proxy.serve()
        return proxy

    def lead_to(self, ports):
        for proxy, port in zip(self.proxies, ports):
            proxy.target = port

    def cut(self, index):
        self.call(self.proxies[index].cut)

    def stall(self, index, stalled):
        flag = self.proxies[index].open
        self.call(flag.clear if stalled else flag.set)

    def lose_commits(self, losing):
        """While it does, a connection is cut when a broker has ended a transaction and says so."""
        for proxy in self.proxies:
            proxy.losing = losing

    def lost_commits(self):
        return sum(proxy.lost for proxy in self.proxies)

    def refuse(self, index, refusing):
        """While it refuses, the broker cannot be reached through it."""
        self.proxies[index].refusing = refusing
        if refusing:
            self.cut(index)
