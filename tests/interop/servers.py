"""SCIM servers that we did not write: started as processes of a run, and read independently of Rollcall."""
import http.client
import json
from pathlib import Path
from urllib.parse import quote

from harness.processes import free_port

HERE = Path(__file__).resolve().parent
FOREIGN = HERE.parents[1] / "build" / "interop"
START_S = 30
TIMEOUT_S = 20
TOKEN = "interop-token"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class Server:
    """name: of the target. argv: of the process, a port put in for {port}. path: of its base URL."""

    def __init__(self, run, name, argv, path):
        self.name = name
        self.token = TOKEN
        self.path = path
        self.port = free_port()
        self.process = run.processes.add(name, [str(a).format(port=self.port) for a in argv], foreign=True)
        self.process.await_ready(self._answers, START_S, "it answers")

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}{self.path}"

    def _answers(self):
        try:
            return self.call("GET", "/ServiceProviderConfig")[0] == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        """(status, parsed reply)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        try:
            connection.request(method, self.path + path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            data = reply.read()
            return reply.status, json.loads(data) if data else None
        finally:
            connection.close()

    def _made(self, path, body):
        status, reply = self.call("POST", path, body)
        assert status == 201, f"{self.name}: POST {path}: {status} {reply}"
        return reply["id"]

    def add_user(self, user_name, **more):
        return self._made("/Users", {"schemas": [USER, ENTERPRISE] if ENTERPRISE in more else [USER],
                                     "userName": user_name, "active": True, **more})

    def add_group(self, name):
        return self._made("/Groups", {"schemas": [GROUP], "displayName": name})

    def _everybody(self):
        found, page = [], self.call("GET", "/Users?count=100")[1]
        while page.get("Resources"):
            found += page["Resources"]
            if not page.get("nextCursor"):
                break
            page = self.call("GET", f"/Users?count=100&cursor={quote(page['nextCursor'])}")[1]
        return found

    def users(self, user_name):
        """All that bear the name, whatever the case of its letters."""
        return [u for u in self._everybody() if u["userName"].lower() == user_name.lower()]

    def user(self, user_name):
        found = self.users(user_name)
        assert len(found) == 1, f"{self.name}: {len(found)} accounts are {user_name}"
        return found[0]

    def members(self, group):
        """Ids, each as often as it is listed."""
        return sorted(m["value"] for m in self.call("GET", f"/Groups/{group}")[1].get("members") or [])


def scim2_server(run, version, **options):
    """scim2-server of PyPI."""
    argv = [FOREIGN / f"scim2-server-{version}" / "bin" / "scim2-server", "--port", "{port}", "--bearer-token", TOKEN]
    for option, value in options.items():
        argv += ["--" + option.replace("_", "-"), value]
    return Server(run, f"scim2-{version.replace('.', '-')}", argv, "/v2")


def scim2_server_without_patch(run, version="0.8.3"):
    """The same, which announces neither PATCH nor filters, and pages by cursor."""
    config = run.directory / "config.json"
    off, on = {"supported": False}, {"supported": True}
    config.write_text(json.dumps({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": off, "filter": {**off, "maxResults": 2}, "changePassword": off, "sort": off, "etag": on,
        "bulk": {**off, "maxOperations": 0, "maxPayloadSize": 0},
        "pagination": {"cursor": True, "index": True, "defaultPaginationMethod": "cursor", "defaultPageSize": 2, "maxPageSize": 2},
        "authenticationSchemes": [{"type": "oauthbearertoken", "name": "Bearer", "description": "a token"}]}), encoding="utf-8")
    return scim2_server(run, version, service_provider_config=config)


def scimmy(run):
    """SCIMMY of npm."""
    return Server(run, "scimmy", ["node", HERE / "scimmy_server.mjs", "{port}", TOKEN], "/scim")
