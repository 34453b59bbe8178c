"""HTTPS without a proxy: hostile clients meet the same limits, and the certificate is replaced while it serves."""
import signal
import socket
import ssl

import hostile
import hostile_client as attacker
from harness.certificates import Authority, Certificates
from harness.scenario import scenario
from harness.wait import wait_until

DEADLINE_MS = 1000
# Those that say something about TLS: large, slow, cut short, many in a row.
CASES = ("forged", "declared_too_large", "declared_too_large_and_sent", "counted_too_large", "counted_without_end",
         "header_bombs", "truncated", "slow_head_and_slow_body", "heads_in_pieces", "pipelined", "pipelined_without_waiting",
         "http_1_0", "half_closed", "never_reads")
CROWD = 12  # that wait at once: their answers come in one turn


def greet(t):
    """An open connection that has been served once."""
    sock = attacker.connect(t)
    attacker.send(sock, attacker.request(t, b"{"))
    assert attacker.read_reply(sock)[0] == 400
    return sock


def trusted(t):
    try:
        greet(t).close()
        return True
    except ssl.SSLError:
        return False


def reload(ingest, word):
    before = ingest.process.log().count(word)
    ingest.process.signal(signal.SIGHUP)
    wait_until(lambda: ingest.process.log().count(word) > before, 10, f"it says {word}")


def post(port, context, path, body, headers=""):
    """The status of the answer over a TLS connection of its own."""
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(
            plain, server_hostname="127.0.0.1") as sock:
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}"
                     f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        return int(b"".join(iter(lambda: sock.recv(4096), b"")).split()[1])


@scenario()
def a_client_is_known_by_its_certificate(run):
    files = Certificates(run.directory)
    authority = Authority(run.directory)
    run.config.document["ingest"]["tls"] = {**files.references(), "client_ca": f"file:{authority.ca}"}
    run.config.add_tenant("acme")
    run.config.document["sources"].append({
        "name": "mutual", "kind": "generic", "tenant": "acme", "options": [{"name": "auth", "value": "certificate"}],
        "secrets": [run.config.secret("subject", "CN=hr.example.com,O=Acme")]})
    context = files.make()
    ingest = run.ingest().start()
    body = '{"type":"person.left","id":"1","timestamp":"2026-11-20T08:00:00Z"}'

    def answer(headers=""):
        return post(ingest.ports["listen"], context, "/hooks/mutual", body, headers)

    assert answer() == 401, "nobody has shown a certificate"
    assert answer("X-Client-Subject: CN=hr.example.com,O=Acme\r\n") == 401
    subject = "/O=Acme/CN=hr.example.com"
    for certificate, status in (((files.certificate, files.key), 401),  # nobody vouches for it
                                (authority.certify(subject, "serverAuth"), 401),
                                (authority.certify(subject, "clientAuth"), 200)):
        context = ssl.create_default_context(cafile=files.certificate)
        context.load_cert_chain(*certificate)
        assert answer() == status, certificate
    assert len(run.topics.dump("events")) == 1


@scenario()
def hostile_clients_over_tls_meet_the_same_limits_and_the_certificate_is_replaced(run):
    files = Certificates(run.directory)
    run.config.document["ingest"].update({"deadline_ms": DEADLINE_MS, "tls": files.references()})
    source = run.source("hostile")
    run.config.document["sources"][0]["unreadable"] = "refuse"
    first = files.make()
    ingest = run.ingest().start()
    port = ingest.ports["listen"]
    failures = hostile.run_all("127.0.0.1", port, ingest.admin_port, attacker.signer(source.secret), cases=CASES,
                               source=source.name, deadline_s=DEADLINE_MS / 1000, tls=first)
    for name, why in failures:
        print(f"    --- {name}\n{why}")
    assert not failures, [name for name, _ in failures]
    published = len(run.topics.dump("events"))
    assert published == 1, "only the good request at the end may be published"

    t = attacker.Target("127.0.0.1", port, ingest.admin_port, attacker.signer(source.secret), source.name, tls=first)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        first.maximum_version = version
        waiting = [attacker.say_all(t, attacker.request(t, attacker.GOOD)) for _ in range(CROWD)]
        answers = [attacker.read_reply(client)[0] for client in waiting]
        for client in waiting:
            client.close()
        assert set(answers) <= {200, 503}, (version, answers)  # 503: after a second, on a host that is busy
        assert len(run.topics.dump("events")) - published >= answers.count(200) > 0
        published = len(run.topics.dump("events"))

    with socket.create_connection(("127.0.0.1", port), 10) as plain:  # no TLS, no answer in plain text
        attacker.send(plain, attacker.request(t, attacker.GOOD))
        assert not plain.recv(4096).startswith(b"HTTP")
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    t.tls = old
    assert not trusted(t), "TLS 1.1 is spoken"

    t.tls = first
    kept = greet(t)
    second = files.make()
    reload(ingest, '"reloaded"')
    assert not trusted(t)
    t.tls = second
    assert trusted(t)
    attacker.send(kept, attacker.request(t, b"{"))
    assert attacker.read_reply(kept)[0] == 400, "a connection from before goes on"
    assert ingest.metrics()["rollcall_ingest_tls_certificate_expires_seconds"] > 1e9

    another = files.key.read_text(encoding="ascii")
    files.make()
    for key in (another, "no key", ""):
        files.key.write_text(key, encoding="ascii")
        reload(ingest, "reload failed")
        assert trusted(t), "a broken pair took the place of a good one"
    kept.close()
