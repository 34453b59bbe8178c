"""The APIs of the shipped senders: each answers as ingest/sources/examples/KIND/api has it, about the person of its examples.

That person has another first name until `moved` is set.
"""
import base64
import http.server
import threading
import urllib.parse

TOKEN = "vendor-api:token"
BEFORE, AFTER = '"Anna', '"Ann'


def indented(lines):
    """{name: value} of the lines "    name = value" up to the first that is not indented."""
    found = {}
    for line in lines:
        if not line.startswith("    "):
            break
        name, equals, value = line.strip().partition(" = ")
        if equals:
            found[name] = value
    return found


class Vendor:
    """One sender's API, as its examples describe it."""

    def __init__(self, folder, subject):
        self.subject = subject
        self.stored = (folder / "subject").read_text(encoding="utf-8").strip()
        self.reply = (folder / "fetch.json").read_text(encoding="utf-8")
        lines = (folder / "people").read_text(encoding="utf-8").splitlines()
        self.says = indented(lines[next(i for i, line in enumerate(lines) if line.startswith("is ")) + 1:])
        self.user_name = self.says.get("userName")
        assert AFTER in self.reply, folder

    def answer(self, asked, user_name, moved):
        """Its answer to a request for the person, by path and body; None: it asks for somebody else."""
        if self.subject not in urllib.parse.unquote(asked):
            return None
        text = self.reply.replace(self.stored, self.subject)
        if self.user_name:
            text = text.replace(self.user_name, user_name)
        return text if moved else text.replace(AFTER, BEFORE)


class Vendors:
    def __init__(self):
        self.known = {}      # name of the source → (Vendor, userName)
        self.moved = False
        self.refused = []    # requests that were not understood
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, name, vendor, user_name):
        """Returns the base_url."""
        self.known[name] = (vendor, user_name)
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path, body, headers):
        """The text of the answer; None: 400."""
        name, asked = path.lstrip("/").split("/", 1)
        vendor, user_name = self.known[name]
        tokens = (TOKEN, base64.b64encode(TOKEN.encode()).decode())
        told = any(token in value for value in headers.values() for token in tokens)
        return vendor.answer(f"{asked} {body}", user_name, self.moved) if told else None

    def _handler(vendors):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                text = vendors.answer(self.path, body, self.headers)
                if text is None:
                    vendors.refused.append(f"{self.command} {self.path} {body}")
                data = (text or "{}").encode()
                self.send_response(400 if text is None else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        return Handler
