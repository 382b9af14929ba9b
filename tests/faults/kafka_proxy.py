# SPDX-License-Identifier: Apache-2.0
"""kafka_proxy.py - TCP proxies between clients and brokers, to cut or stall connections.

One proxy a broker, since clients connect to every broker by the address that it advertises. All run
in one thread with an event loop; the methods of Proxies are for other threads.
"""

import asyncio
import socket
import threading

CHUNK_BYTES = 1 << 16


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
        await asyncio.gather(self.relay(reader, far_writer), self.relay(far_reader, writer))
        self.transports -= {writer.transport, far_writer.transport}

    async def relay(self, reader, writer):
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await self.open.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()

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

    def refuse(self, index, refusing):
        """While it refuses, the broker cannot be reached through it."""
        self.proxies[index].refusing = refusing
        if refusing:
            self.cut(index)
