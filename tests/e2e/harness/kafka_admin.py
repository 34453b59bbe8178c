"""What an operator does to groups, topics and partitions with Kafka's own tools, spoken directly: a few requests
of the protocol, each in the oldest version that Kafka 4 takes.

A group's requests go to the first server of bootstrap: for a cluster of one node, which is every group's
coordinator. All others may go to any node, which passes them on; a node that does not answer is passed over.
"""
import socket
import struct

TIMEOUT_S = 20
TIMEOUT_MS = 15000
OFFSET_COMMIT, DELETE_TOPICS, DELETE_RECORDS, DESCRIBE_CONFIGS, CREATE_PARTITIONS, DELETE_GROUPS, ELECT_LEADERS, REASSIGN = (
    (8, 2), (20, 1), (21, 1), (32, 1), (37, 0), (42, 0), (43, 1), (45, 0))
FLEXIBLE = (REASSIGN,)  # compact lengths, tagged fields: KIP-482
PREFERRED = 0
A_TOPIC = 2
NOT_NEEDED, PREFERRED_NOT_AVAILABLE = 84, 80


class AdminFailed(Exception):
    """The broker refused; carries the error code."""


# ---- the wire ----


def _text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def _varint(value):
    data = b""
    while value >= 0x80:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def _compact(items):
    """An array of encoded items, or with a bytes object a string."""
    return _varint(len(items) + 1) + (items if isinstance(items, bytes) else b"".join(items))


TAGS = b"\0"  # none


class _Answer:
    """Reads the body of an answer from its beginning."""

    def __init__(self, data):
        self._data = data
        self._at = 0

    def take(self, layout):
        values = struct.unpack_from(">" + layout, self._data, self._at)
        self._at += struct.calcsize(">" + layout)
        return values[0] if len(values) == 1 else values

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take("B")
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def text(self):
        return self._bytes(self.take("h"))

    def compact_text(self):
        return self._bytes(self.varint() - 1)

    def _bytes(self, size):
        data = self._data[self._at:self._at + max(size, 0)]
        self._at += max(size, 0)
        return data.decode()


def _receive(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise AdminFailed("the broker hung up")
        data += piece
    return data


def _ask_one(server, api, body):
    host, port = server.rsplit(":", 1)
    tags = TAGS if api in FLEXIBLE else b""
    request = struct.pack(">hhi", *api, 1) + _text("e2e") + tags + body
    with socket.create_connection((host, int(port)), TIMEOUT_S) as sock:
        sock.sendall(struct.pack(">i", len(request)) + request)
        size, = struct.unpack(">i", _receive(sock, 4))
        return _Answer(_receive(sock, size)[4 + len(tags):])


def _ask(bootstrap, api, body):
    """The answer of the first server that gives one."""
    failure = None
    for server in bootstrap.split(","):
        try:
            return _ask_one(server, api, body)
        except (OSError, AdminFailed) as e:
            failure = e
    raise AdminFailed(f"no answer from {bootstrap}: {failure}")


def _check(code, what):
    if code:
        raise AdminFailed(f"{what}: error {code}")


# ---- groups ----


def delete_group(bootstrap, group):
    """As the broker does when a group's offsets expire. The group must be empty."""
    answer = _ask(bootstrap, DELETE_GROUPS, struct.pack(">i", 1) + _text(group))
    answer.take("ii")
    answer.text()
    _check(answer.take("h"), f"deleting the group {group}")


def set_offset(bootstrap, group, topic, partition, offset):
    """kafka-consumer-groups --reset-offsets --to-offset."""
    body = _text(group) + struct.pack(">i", -1) + _text("") + struct.pack(">q", -1)
    body += struct.pack(">i", 1) + _text(topic) + struct.pack(">iiq", 1, partition, offset) + _text("")
    answer = _ask(bootstrap, OFFSET_COMMIT, body)
    answer.take("i")
    answer.text()
    _check(answer.take("iih")[2], f"offset {offset} for partition {partition}")


# ---- topics ----


def topic_setting(bootstrap, topic, name):
    """A setting of the topic, as text."""
    body = struct.pack(">ib", 1, A_TOPIC) + _text(topic) + struct.pack(">i", 1) + _text(name) + struct.pack(">?", False)
    answer = _ask(bootstrap, DESCRIBE_CONFIGS, body)
    answer.take("ii")
    code = answer.take("h")
    answer.text()
    _check(code, f"reading {name} of {topic}")
    answer.take("b")
    answer.text()
    answer.take("i")
    answer.text()
    return answer.text()


def create_partitions(bootstrap, topic, count):
    body = struct.pack(">i", 1) + _text(topic) + struct.pack(">iii?", count, -1, TIMEOUT_MS, False)
    answer = _ask(bootstrap, CREATE_PARTITIONS, body)
    answer.take("ii")
    answer.text()
    _check(answer.take("h"), f"{count} partitions for {topic}")


def delete_topic(bootstrap, topic):
    answer = _ask(bootstrap, DELETE_TOPICS, struct.pack(">i", 1) + _text(topic) + struct.pack(">i", TIMEOUT_MS))
    answer.take("ii")
    answer.text()
    _check(answer.take("h"), f"deleting {topic}")


def delete_records(bootstrap, topic, partition, before):
    """As retention does. Of a cluster of one node, which leads everything."""
    body = struct.pack(">i", 1) + _text(topic) + struct.pack(">iiqi", 1, partition, before, TIMEOUT_MS)
    answer = _ask(bootstrap, DELETE_RECORDS, body)
    answer.take("ii")
    answer.text()
    _check(answer.take("iiqh")[3], f"deleting records of {topic}, partition {partition}")


def reassign(bootstrap, topic, replicas):
    """Moves partitions between brokers. replicas: {partition: [broker, …]}, the leader to be first. Returns when
    the controller has begun; the data follows by itself."""
    partitions = [struct.pack(">i", partition) + _compact([struct.pack(">i", b) for b in brokers]) + TAGS
                  for partition, brokers in replicas.items()]
    topics = [_compact(topic.encode()) + _compact(partitions) + TAGS]
    answer = _ask(bootstrap, REASSIGN, struct.pack(">i", TIMEOUT_MS) + _compact(topics) + TAGS)
    answer.take("i")
    _check(answer.take("h"), f"reassigning {topic}")
    answer.compact_text()
    answer.varint()
    answer.compact_text()
    for _ in range(answer.varint() - 1):
        partition, code = answer.take("ih")
        answer.compact_text()
        answer.varint()
        _check(code, f"reassigning {topic}, partition {partition}")


def elect_preferred(bootstrap, topic, partitions):
    """Makes the first of each partition's replicas its leader, where that one is in step. Returns how many
    leaders changed."""
    body = struct.pack(">bi", PREFERRED, 1) + _text(topic) + struct.pack(">i", len(partitions))
    body += b"".join(struct.pack(">i", p) for p in partitions) + struct.pack(">i", TIMEOUT_MS)
    answer = _ask(bootstrap, ELECT_LEADERS, body)
    answer.take("i")
    _check(answer.take("h"), f"electing leaders of {topic}")
    changed = 0
    for _ in range(answer.take("i")):
        answer.text()
        for _ in range(answer.take("i")):
            partition, code = answer.take("ih")
            answer.text()
            if code not in (0, NOT_NEEDED, PREFERRED_NOT_AVAILABLE):
                raise AdminFailed(f"electing a leader of {topic}, partition {partition}: error {code}")
            changed += code == 0
    return changed
