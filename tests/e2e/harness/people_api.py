"""A vendor's API with everybody of a company: one person, or a page of all, in time or late, or not at all.

`people` is the truth; tests change it as they please. `fault` answers everything with that status (0: not at all).
"""
import http.server
import json
import threading
import urllib.parse

TOKEN = "people-api-token"
PAGE = 50
# The API side of a source file; `base` is what the file returns without it.
LUA = """
local function person(u)
    return { employment = u.gone and "left" or "joined", suspended = u.held, profile = u.profile }
end
base.api = { auth = "header", header = "x-api-key", prefix = "Key ", limit = { requests = 1000, per_s = 1 } }
base.fetch = function(subject) return { path = "/people/" .. rollcall.escape(subject) } end
base.person = function(reply) return person(reply.body) end
base.list = function(cursor) return { path = "/people?after=" .. rollcall.escape(cursor or "") } end
base.page = function(reply)
    local people = {}
    for i = 1, #reply.body.people do
        people[i] = person(reply.body.people[i])
        people[i].subject = reply.body.people[i].id
    end
    return people, reply.headers["x-next"]
end
return base
"""


def write_source(directory, kind, sources):
    """A copy of the sources' directory in which `kind` has an API side; returns it."""
    target = directory / "sources"
    target.mkdir()
    for path in sources.glob("*.lua"):
        text = path.read_text(encoding="utf-8")
        if path.stem == kind:
            text = f"local base = (function()\n{text}\nend)()\n{LUA}"
        (target / path.name).write_text(text, encoding="utf-8")
    return target


class PeopleApi:
    def __init__(self):
        self.people = {}   # id → {"profile": {…}, "gone": bool, "held": bool}
        self.fault = None  # status, or 0: closes without an answer
        self.faults = {}   # number of the request (from 1) → the same, for that one
        self.requests = []  # paths, in order
        self.refused = 0    # without the token
        self.gate = threading.Event()  # no answer while it is closed
        self.gate.set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def fetches(self, subject):
        return self.requests.count(f"/people/{subject}")

    def _one(self, subject):
        person = self.people.get(subject)
        return (200, {**person, "id": subject}, {}) if person else (404, {}, {})

    def _page(self, after):
        ids = sorted(i for i in self.people if i > after)
        page = [{**self.people[i], "id": i} for i in ids[:PAGE]]
        return 200, {"people": page}, {"X-Next": ids[PAGE - 1]} if len(ids) > PAGE else {}

    def answer(self, path):
        """(status, body, headers); status 0: none."""
        url = urllib.parse.urlsplit(path)
        self.requests.append(path)
        fault = self.faults.get(len(self.requests), self.fault)
        self.gate.wait()
        if fault is not None:
            return fault, {}, {"Retry-After": "1"} if fault == 429 else {}
        if url.path.startswith("/people/"):
            return self._one(urllib.parse.unquote(url.path.removeprefix("/people/")))
        return self._page(urllib.parse.parse_qs(url.query).get("after", [""])[0])

    def _handler(api):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.headers["x-api-key"] != f"Key {TOKEN}":
                    api.refused += 1
                    status, body, headers = 401, {}, {}
                else:
                    status, body, headers = api.answer(self.path)
                if status == 0:
                    self.close_connection = True
                    return
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        return Handler
