"""What an operator does to a group or a topic with Kafka's own tools, spoken directly: three requests of the
protocol, each in the oldest version that Kafka 4 takes. For a cluster of one node, which is every group's
coordinator."""
import socket
import struct

TIMEOUT_S = 20
TIMEOUT_MS = 15000
OFFSET_COMMIT, CREATE_PARTITIONS, DELETE_GROUPS = (8, 2), (37, 0), (42, 0)


class AdminFailed(Exception):
    """The broker refused; carries the error code."""


def _text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def _receive(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise AdminFailed("the broker hung up")
        data += piece
    return data


def _ask(bootstrap, api, body):
    """The body of the answer."""
    host, port = bootstrap.split(",", maxsplit=1)[0].rsplit(":", 1)
    request = struct.pack(">hhi", *api, 1) + _text("e2e") + body
    with socket.create_connection((host, int(port)), TIMEOUT_S) as sock:
        sock.sendall(struct.pack(">i", len(request)) + request)
        size, = struct.unpack(">i", _receive(sock, 4))
        return _receive(sock, size)[4:]


def _check(code, what):
    if code:
        raise AdminFailed(f"{what}: error {code}")


def delete_group(bootstrap, group):
    """As the broker does when a group's offsets expire. The group must be empty."""
    answer = _ask(bootstrap, DELETE_GROUPS, struct.pack(">i", 1) + _text(group))
    _check(struct.unpack(">h", answer[-2:])[0], f"deleting the group {group}")


def create_partitions(bootstrap, topic, count):
    body = struct.pack(">i", 1) + _text(topic) + struct.pack(">iii?", count, -1, TIMEOUT_MS, False)
    answer = _ask(bootstrap, CREATE_PARTITIONS, body)
    at = 8 + 2 + len(topic.encode())
    _check(struct.unpack(">h", answer[at:at + 2])[0], f"{count} partitions for {topic}")


def set_offset(bootstrap, group, topic, partition, offset):
    """kafka-consumer-groups --reset-offsets --to-offset."""
    body = _text(group) + struct.pack(">i", -1) + _text("") + struct.pack(">q", -1)
    body += struct.pack(">i", 1) + _text(topic) + struct.pack(">iiq", 1, partition, offset) + _text("")
    answer = _ask(bootstrap, OFFSET_COMMIT, body)
    _check(struct.unpack(">h", answer[-2:])[0], f"offset {offset} for partition {partition}")
