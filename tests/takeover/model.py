# SPDX-License-Identifier: Apache-2.0
"""model.py - what is fed to the application that changes hands, and what must come out.

A record is (topic, partition, timestamp, key, value). The model is the application once more, on
dictionaries; it knows the order of records in a partition, and nothing of the order between them.
"""

import random
import struct

PARTITIONS = 3
WINDOW_MS = 10000
INPUTS = ["words", "clicks", "amounts", "orders", "customers"]
OUTPUTS = ["counts", "windows", "sums", "joined"]


def topic(name):
    return "takeover." + name


def murmur2(data):
    """Kafka's hash of a key."""
    mask = 0xffffffff
    m = 0x5bd1e995
    h = (0x9747b28c ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = struct.unpack_from("<I", data, at)[0] * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key):
    return (murmur2(key.encode()) & 0x7fffffff) % PARTITIONS


class Feed:
    """Makes the records of one part after the other, the same for a seed."""

    def __init__(self, seed, start_ms):
        self.source = random.Random(seed)
        self.now_ms = start_ms
        self.parts = 0

    def record(self, name, key, value):
        return (topic(name), partition_of(key), self.now_ms, key, value)

    def customers(self):
        """The table's next version; some customers go, and come back with a later one."""
        self.parts += 1
        rows = []
        for number in range(50):
            self.now_ms += 1
            gone = self.parts > 1 and (number + self.parts) % 7 == 0
            value = None if gone else f"name-{number}-{self.parts}"
            rows.append(self.record("customers", f"customer-{number}", value))
        self.now_ms += 1
        return rows

    def part(self, count):
        return [self.other() for _ in range(count)]

    def other(self):
        """A record of one of the streams. Clicks are out of order; one in ten has no time."""
        self.now_ms += self.source.randrange(20)
        number = int(self.source.paretovariate(0.6)) % 60
        name = self.source.choice(INPUTS[:4])
        if name == "words":
            return self.record(name, f"speaker-{self.source.randrange(9)}", f"word-{number}")
        if name == "clicks":
            value = "?" if self.source.random() < 0.1 else "click"
            record = self.record(name, f"user-{number}", value)
            return (*record[:2], self.now_ms - self.source.randrange(3000), *record[3:])
        if name == "amounts":
            return self.record(name, f"account-{number}", str(self.source.randrange(1000)))
        return self.record(name, f"customer-{number}", f"order-{self.source.randrange(1 << 30)}")


class Expected:
    """All values that each key of each output takes, in order, with their times: {output: {key:
    [(value, timestamp)]}}. Times of counts depend on which speaker was heard first: only their last
    one is right."""

    def __init__(self):
        self.values = {name: {} for name in OUTPUTS}
        self.table = {}
        self.partition_times = {}

    def take(self, records):
        for record in records:
            getattr(self, "take_" + record[0].split(".")[1])(*record[1:])

    def last(self, output, key, default):
        return self.values[output].get(key, [default])[-1]

    def add(self, output, key, value, timestamp):
        self.values[output].setdefault(key, []).append((value, timestamp))

    def take_words(self, _, timestamp, __, word):
        count, latest = self.last("counts", word, (0, -1))
        self.add("counts", word, count + 1, max(latest, timestamp))

    def take_clicks(self, partition, timestamp, user, value):
        partition_time = self.partition_times.get(partition, -1)
        timestamp = partition_time if value == "?" else timestamp
        if timestamp < 0:
            return
        self.partition_times[partition] = max(partition_time, timestamp)
        window = (user, timestamp // WINDOW_MS * WINDOW_MS)
        count, latest = self.last("windows", window, (0, -1))
        self.add("windows", window, count + 1, max(latest, timestamp))

    def take_amounts(self, _, timestamp, account, amount):
        total, latest = self.last("sums", account, (None, -1))
        total = int(amount) if total is None else (int(total) * 31 + int(amount)) % 1000003
        self.add("sums", account, str(total), max(latest, timestamp))

    def take_orders(self, _, timestamp, customer, order):
        if customer in self.table:
            self.add("joined", customer, f"{order}|{self.table[customer][0]}", timestamp)

    def take_customers(self, _, timestamp, customer, name):
        if name is None:
            self.table.pop(customer, None)
        else:
            self.table[customer] = (name, timestamp)


def read_key(output, data, changelog=False):
    """The key of an output or changelog record: text, or text and start of the window."""
    if output != "windows":
        return data.decode()
    if changelog:
        assert data[-4:] == bytes(4), "a sequence number other than 0"
        data = data[:-4]
    return (data[:-8].decode(), struct.unpack(">q", data[-8:])[0])


def read_value(output, data):
    if data is None:
        return None
    return struct.unpack(">q", data)[0] if output in ("counts", "windows") else data.decode()
