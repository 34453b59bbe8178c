#include "policies.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"
#include "policy.h"

struct loaded {
    const char *path; /* the configuration's */
    struct policy *policy;
};

struct of_tenant {
    char *tenant;
    struct policy *policy;
};

struct policies {
    struct loaded *loaded; /* the first is worker.policy */
    size_t n_loaded;
    struct of_tenant *tenants; /* by name; only those that have their own */
    size_t n_tenants;
};

static struct policy *find_loaded(const struct policies *p, const char *path)
{
    for (size_t i = 0; i < p->n_loaded; i++)
        if (strcmp(p->loaded[i].path, path) == 0)
            return p->loaded[i].policy;
    return NULL;
}

static bool load(struct policies *p, const char *path, struct policy **ret, struct error *err)
{
    *ret = find_loaded(p, path);
    if (*ret)
        return true;
    if (!policy_new(path, ret, err))
        return false;
    p->loaded = xreallocarray(p->loaded, p->n_loaded + 1, sizeof *p->loaded);
    p->loaded[p->n_loaded++] = (struct loaded){path, *ret};
    return true;
}

static int compare_tenants(const void *a, const void *b)
{
    return strcmp(((const struct of_tenant *)a)->tenant, ((const struct of_tenant *)b)->tenant);
}

static bool load_tenants(struct policies *p, const struct config *cfg, struct error *err)
{
    struct policy *policy;
    p->tenants = xcalloc(cfg->tenants.n + 1, sizeof *p->tenants);
    for (size_t i = 0; i < cfg->tenants.n; i++) {
        const struct config_tenant *tenant = &cfg->tenants.v[i];
        if (!tenant->policy)
            continue;
        if (!load(p, tenant->policy, &policy, err))
            return error_wrap(err, "tenants[%zu].policy", i);
        p->tenants[p->n_tenants++] = (struct of_tenant){xstrdup(tenant->name), policy};
    }
    qsort(p->tenants, p->n_tenants, sizeof *p->tenants, compare_tenants);
    return true;
}

bool policies_new(const struct config *cfg, struct policies **ret, struct error *err)
{
    struct policies *p = xcalloc(1, sizeof *p);
    struct policy *first;
    bool ok = (load(p, cfg->worker.policy, &first, err) || error_wrap(err, "worker.policy")) &&
              load_tenants(p, cfg, err);
    for (size_t i = 0; i < p->n_loaded; i++)
        p->loaded[i].path = NULL; /* the configuration may go */
    if (!ok) {
        policies_free(p);
        return false;
    }
    *ret = p;
    return true;
}

void policies_free(struct policies *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_loaded; i++)
        policy_free(p->loaded[i].policy);
    for (size_t i = 0; i < p->n_tenants; i++)
        free(p->tenants[i].tenant);
    free(p->loaded);
    free(p->tenants);
    free(p);
}

uint64_t policies_fingerprint(const struct policies *p)
{
    uint64_t sum = policy_fingerprint(p->loaded[0].policy);
    for (size_t i = 0; i < p->n_tenants; i++) {
        const struct of_tenant *t = &p->tenants[i];
        uint64_t parts[3] = {sum, digest_hash64(t->tenant, strlen(t->tenant)), policy_fingerprint(t->policy)};
        sum = digest_hash64(parts, sizeof parts);
    }
    return sum;
}

struct policy *policies_of(const struct policies *p, const char *tenant)
{
    struct of_tenant key = {.tenant = (char *)tenant};
    const struct of_tenant *found =
        bsearch(&key, p->tenants, p->n_tenants, sizeof *p->tenants, compare_tenants);
    return found ? found->policy : p->loaded[0].policy;
}

uint64_t policies_fingerprint_of(const void *ctx, const char *tenant)
{
    return policy_fingerprint(policies_of(ctx, tenant));
}

bool policies_ask(struct policies *p, const struct person_view *view, const char *target, struct desired *ret,
                  struct error *err)
{
    return policy_ask(policies_of(p, view->tenant), view, target, ret, err);
}
