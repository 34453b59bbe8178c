"""Writes rollcall.yaml, its secret files and the policy of a run."""
import json
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
SOURCES_DIR = REPO / "ingest" / "sources"
POLICY = Path(__file__).with_name("policy.lua")
# Tests do in a minute what a company does in a year; those of the guard set it.
NO_GUARD = {action: {"count": 0, "percent": 0, "floor": 0}
            for action in ("deactivations", "deletions", "creations", "upgrades", "removals")}


def yaml(value, indent=0):
    """Block style; strings in JSON's quotes, which YAML reads the same way."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{key}:{_nested(item, indent + 1)}" for key, item in value.items())
    if isinstance(value, (list, tuple)) and value:
        return "".join(f"{pad}- {yaml(item, indent + 1).lstrip()}" if isinstance(item, (dict, list))
                       else f"{pad}- {_scalar(item)}\n" for item in value)
    return f"{pad}{_scalar(value)}\n"


def _nested(item, indent):
    if isinstance(item, (dict, list, tuple)) and item:
        return "\n" + yaml(item, indent)
    return f" {_scalar(item)}\n"


def _scalar(value):
    if isinstance(value, (str, Path)):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, (dict, list, tuple)):
        return "[]" if isinstance(value, (list, tuple)) else "{}"
    return json.dumps(value)


def merge(base, changes):
    """base with changes laid over it: objects member by member, everything else replaced; None removes."""
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


class Config:
    """The configuration of a run. `document` is what is written; tests change it before programs start."""

    def __init__(self, directory, broker, prefix, partitions):
        self.directory = Path(directory)
        self.document = {
            "log": {"format": "json", "level": "debug"},
            "kafka": {"brokers": broker.bootstrap, "topic_prefix": prefix,
                      "manage_topics": broker.manages_topics, "partitions": partitions,
                      "replication_factor": getattr(broker, "replication_factor", 1)},
            "ingest": {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "threads": 1,
                       "sources_dir": str(SOURCES_DIR)},
            "sources": [],
            "worker": {"group": prefix, "admin": "127.0.0.1:0", "policy": str(POLICY),
                       "session_timeout_ms": 6000, "heartbeat_ms": 500, "transaction_timeout_ms": 10000},
            "tenants": [],
            "targets": [],
        }

    def secret(self, name, value):
        """A secret file; returns the reference for the configuration."""
        path = self.directory / f"secret-{name}"
        path.touch(mode=0o600)
        path.write_text(value, encoding="utf-8")
        return f"file:{path}"

    def add_tenant(self, name, **more):
        if all(t["name"] != name for t in self.document["tenants"]):
            self.document["tenants"].append({"name": name, **more})

    def add_source(self, source, **more):
        entry = {"name": source.name, "kind": source.kind, "tenant": source.tenant,
                 "secrets": [self.secret(f"source-{source.name}", source.secret)]}
        if source.directory:
            entry["directory"] = source.directory
        self.add_tenant(source.tenant)
        self.document["sources"].append({**entry, **more})

    def add_target(self, sandbox, tenant, **more):
        self.add_tenant(tenant)
        self.document["targets"].append({
            "name": sandbox.name, "tenant": tenant, "kind": "miro", "base_url": sandbox.base_url,
            "token": self.secret(f"target-{sandbox.name}", sandbox.token), "guard": NO_GUARD, **more})

    def target_directory(self, name):
        """The directory whose persons the target takes; "": the only one that its tenant has."""
        return next(t.get("directory", "") for t in self.document["targets"] if t["name"] == name)

    def targets_of(self, tenant, directory):
        return [t["name"] for t in self.document["targets"]
                if t["tenant"] == tenant and t.get("directory", directory) == directory]

    def write(self, name, changes):
        """Writes <name>.yaml with changes laid over the document; returns its path."""
        path = self.directory / f"{name}.yaml"
        path.write_text(yaml(merge(self.document, changes)), encoding="utf-8")
        return path
