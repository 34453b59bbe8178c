#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "mem.h"

enum source { FROM_FILE, FROM_ENVIRONMENT, FROM_CREDENTIAL };

static const struct {
    const char *prefix;
    enum source source;
} schemes[] = {
    {"file:", FROM_FILE},
    {"env:", FROM_ENVIRONMENT},
    {"credential:", FROM_CREDENTIAL},
};

/* What stands behind the scheme, NULL when ref has none of ours. */
static const char *split(const char *ref, enum source *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        size_t n = strlen(schemes[i].prefix);
        if (strncmp(ref, schemes[i].prefix, n) == 0) {
            *ret = schemes[i].source;
            return ref + n;
        }
    }
    return NULL;
}

bool secret_ref_ok(const char *ref, struct error *err)
{
    enum source source;
    const char *name = split(ref, &source);
    if (!name || !name[0]) /* the ref may be the secret itself: it is not repeated */
        return error_set(err, ERROR_INPUT, "not a secret reference (file:PATH, env:NAME or credential:NAME)");
    if (source == FROM_CREDENTIAL && (strchr(name, '/') || strcmp(name, "..") == 0))
        return error_set(err, ERROR_INPUT, "a credential's name holds no path");
    return true;
}

void secret_done(struct secret *s)
{
    if (s->p)
        OPENSSL_cleanse(s->p, s->n);
    free(s->p);
    *s = (struct secret){0};
}

static size_t without_newline(const char *p, size_t n)
{
    if (n > 0 && p[n - 1] == '\n')
        n--;
    if (n > 0 && p[n - 1] == '\r')
        n--;
    return n;
}

static bool accept(const char *ref, const char *p, size_t n, struct secret *ret, struct error *err)
{
    if (n > SECRET_SIZE_MAX)
        return error_set(err, ERROR_INPUT, "%s: longer than %d bytes", ref, SECRET_SIZE_MAX);
    n = without_newline(p, n);
    if (n == 0)
        return error_set(err, ERROR_INPUT, "%s: empty", ref);
    if (memchr(p, '\0', n))
        return error_set(err, ERROR_INPUT, "%s: holds a NUL byte", ref);
    *ret = (struct secret){xstrndup(p, n), n};
    return true;
}

/* Reads to the end or until the buffer is full; -1 on failure. */
static ssize_t read_all(int fd, char *p, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

static bool load_file(const char *ref, const char *path, struct secret *ret, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set(err, error_kind_of_file(errno), "%s: %s", ref, strerror(errno));
    const size_t size = SECRET_SIZE_MAX + 1;
    char *p = xmalloc(size);
    ssize_t n = read_all(fd, p, size);
    bool ok = n < 0 ? error_set(err, error_kind_of_file(errno), "%s: %s", ref, strerror(errno))
                    : accept(ref, p, (size_t)n, ret, err);
    OPENSSL_cleanse(p, size);
    free(p);
    close(fd);
    return ok;
}

static bool load_environment(const char *ref, const char *name, struct secret *ret, struct error *err)
{
    const char *value = getenv(name);
    if (!value)
        return error_set(err, ERROR_INPUT, "%s: not set in the environment", ref);
    return accept(ref, value, strlen(value), ret, err);
}

static bool load_credential(const char *ref, const char *name, struct secret *ret, struct error *err)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (!directory)
        return error_set(err, ERROR_INPUT,
                         "%s: $CREDENTIALS_DIRECTORY is not set (is LoadCredential= in the unit?)", ref);
    char *path = xasprintf("%s/%s", directory, name);
    bool ok = load_file(ref, path, ret, err);
    free(path);
    return ok;
}

bool secret_load_text(const char *ref, struct secret *ret, struct error *err)
{
    static bool (*const load[])(const char *, const char *, struct secret *, struct error *) = {
        [FROM_FILE] = load_file,
        [FROM_ENVIRONMENT] = load_environment,
        [FROM_CREDENTIAL] = load_credential,
    };
    if (!secret_ref_ok(ref, err))
        return false;
    enum source source = FROM_FILE;
    const char *name = split(ref, &source);
    return load[source](ref, name, ret, err);
}

static bool printable(const struct secret *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->p[i] < ' ' || s->p[i] > '~')
            return false;
    return true;
}

bool secret_load(const char *ref, struct secret *ret, struct error *err)
{
    struct secret s;
    if (!secret_load_text(ref, &s, err))
        return false;
    if (!printable(&s)) {
        secret_done(&s);
        return error_set(err, ERROR_INPUT,
                         "%s: holds more than one line, a control character or a letter that is not ASCII",
                         ref);
    }
    *ret = s;
    return true;
}
