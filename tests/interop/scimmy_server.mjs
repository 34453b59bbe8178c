// scimmy_server.mjs PORT TOKEN: SCIMMY, a SCIM library for Node, with its routers on Express and two maps as its store.
// What is SCIM about it (schemas, filters, PATCH, lists, errors) is SCIMMY's; here is only where resources are kept.
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";

const require = createRequire(new URL("../../build/interop/", import.meta.url));
const express = require("express");
const routers = require("scimmy-routers");
const SCIMMY = require("scimmy");
const [port, token] = process.argv.slice(2);

// One kind of resource, whose `name` nobody else may bear in the same letters' case or another.
function keep(Resource, name) {
    const kept = new Map();
    const missing = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    const taken = (value, id) => [...kept.values()].some((r) => r.id !== id && r[name].toLowerCase() === value.toLowerCase());
    Resource.ingress((resource, data) => {
        const id = resource.id ?? randomUUID();
        if (resource.id && !kept.has(id))
            throw missing(id);
        if (taken(data[name], id))
            throw new SCIMMY.Types.Error(409, "uniqueness", `${name} is taken`);
        const now = new Date().toISOString();
        const meta = { created: kept.get(id)?.meta.created ?? now, lastModified: now };
        kept.set(id, { ...JSON.parse(JSON.stringify(data)), id, meta });
        return kept.get(id);
    });
    Resource.egress((resource) => {
        if (!resource.id)
            return [...kept.values()];
        if (!kept.has(resource.id))
            throw missing(resource.id);
        return kept.get(resource.id);
    });
    Resource.degress((resource) => {
        if (!kept.delete(resource.id))
            throw missing(resource.id);
    });
}

SCIMMY.Resources.declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false), "User");
SCIMMY.Resources.declare(SCIMMY.Resources.Group, "Group");
keep(SCIMMY.Resources.User, "userName");
keep(SCIMMY.Resources.Group, "displayName");

const app = express();
app.use("/scim", new (routers.default ?? routers)({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${token}`)
            throw new Error("Authorization not detected!");
        return "tester";
    },
}));
app.listen(Number(port), "127.0.0.1");
