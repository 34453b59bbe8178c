#include "handshake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "json.h"
#include "mem.h"
#include "utf8.h"

enum { VALUE_MAX = 1024, SIGN_MAX = 8 * 1024 };

static const char BESIDE[] = ".unkept-"; /* follows the name of a token's file until that one is whole */

/* ---- answering ----------------------------------------------------------------------------------------- */

static bool put_headers(const struct source_handshake *h, struct str value, struct answer *ret)
{
    for (size_t i = 0; i < h->n_headers; i++) {
        struct answer_header *to = &ret->headers[ret->n_headers++];
        bool echo = strcmp(h->headers[i].value, "%") == 0;
        struct str text = echo ? value : str_of(h->headers[i].value);
        if (text.n >= sizeof to->value)
            return false;
        to->name = h->headers[i].name;
        memcpy(to->value, text.p, text.n);
        to->value[text.n] = '\0';
    }
    return true;
}

static enum handshake_result reply(const struct source_handshake *h, struct str value, struct buf *body,
                                   struct answer *ret)
{
    struct json_out w;
    *ret = (struct answer){.status = 200};
    if (value.n == 0 || value.n > VALUE_MAX || !utf8_printable(value) || !put_headers(h, value, ret))
        return HANDSHAKE_BAD;
    if (h->member[0]) {
        json_out_init(&w, body);
        json_open(&w, NULL, '{');
        json_put_str(&w, h->member, value);
        json_close(&w);
    } else if (h->text) {
        ret->type = "text/plain; charset=utf-8"; /* never HTML: the value is a stranger's */
        buf_add(body, value.p, value.n);
    }
    ret->body = buf_str(body);
    return buf_ok(body) ? HANDSHAKE_OK : HANDSHAKE_BAD;
}

/* ---- the head ------------------------------------------------------------------------------------------ */

/* The value asked with; false: this handshake is not meant. */
static bool read_head(const struct source_handshake *h, const struct message *m, struct buf *value)
{
    struct str text = {0};
    if (!str_eq(m->method, str_of(h->method)))
        return false;
    if (h->by == ASKS_BY_QUERY)
        return message_query(m, h->name, value);
    if (h->by != ASKS_BY_HEADER || message_header(m, h->name, &text) != 1)
        return false;
    buf_add(value, text.p, text.n);
    return true;
}

enum handshake_result handshake_head(const struct source *src, const struct message *m, struct buf *body,
                                     struct answer *ret)
{
    bool method = false;
    for (size_t i = 0; i < src->n_handshakes; i++) {
        const struct source_handshake *h = &src->handshakes[i];
        struct buf value;
        buf_init(&value, VALUE_MAX);
        bool asked = read_head(h, m, &value);
        enum handshake_result result = asked ? reply(h, buf_str(&value), body, ret) : HANDSHAKE_NONE;
        buf_done(&value);
        if (asked)
            return result;
        method = method || str_eq(m->method, str_of(h->method));
    }
    /* A method that is there for handshakes only, and no handshake. */
    return method && !str_eq(m->method, str_of("POST")) ? HANDSHAKE_BAD : HANDSHAKE_NONE;
}

void handshake_allowed(const struct source *src, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < src->n_handshakes; i++) {
        const char *method = src->handshakes[i].method;
        size_t n = strlen(out);
        if (strcmp(method, "POST") != 0 && !strstr(out, method))
            snprintf(out + n, size - n, "%s, ", method);
    }
    size_t n = strlen(out);
    snprintf(out + n, size - n, "POST");
}

/* ---- the body ------------------------------------------------------------------------------------------ */

/* Is this what the file holds? An editor may have ended the line. */
static bool is_kept(const char *path, struct str value)
{
    char text[VALUE_MAX + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (fd >= 0)
        close(fd);
    if (n == (ssize_t)value.n + 1 && text[value.n] == '\n')
        n--;
    return n == (ssize_t)value.n && CRYPTO_memcmp(text, value.p, value.n) == 0;
}

/* The name of a new file is on disk when its directory is. */
static bool sync_directory(const char *path)
{
    char *copy = xstrdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return ok;
}

static bool fill(int fd, const char *path, struct str value, struct error *err)
{
    bool ok = write(fd, value.p, value.n) == (ssize_t)value.n && fsync(fd) == 0;
    if (!ok)
        error_set(err, ERROR_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    close(fd);
    return ok;
}

/* Durable, or it does not stand: the sender is told that it was not kept, and may hand over another. */
static bool take_name(const char *beside, const char *path, struct str value, struct error *err)
{
    bool ours = link(beside, path) == 0;
    int why = errno;
    bool stands = ours || (why == EEXIST && is_kept(path, value)); /* another process, the same */
    if (stands && sync_directory(path))
        return true;
    why = stands ? errno : why;
    if (ours)
        unlink(path);
    return error_set(err, error_kind_of_file(why), "cannot keep the sender's token in %s: %s", path,
                     strerror(why));
}

/* The file gets its name when it is whole: who was killed half way has kept nothing. */
static bool write_once(const char *path, struct str value, struct error *err)
{
    char *beside = xasprintf("%s%sXXXXXX", path, BESIDE);
    int fd = mkostemp(beside, O_CLOEXEC); /* for its owner only */
    bool ok = fd >= 0
                  ? fill(fd, beside, value, err)
                  : error_set(err, error_kind_of_file(errno), "cannot make %s: %s", beside, strerror(errno));
    ok = ok && take_name(beside, path, value, err);
    if (fd >= 0)
        unlink(beside);
    free(beside);
    return ok;
}

/* Only the first token is kept: another one, from whomever, changes nothing until a person has looked. The same again is
 * kept already: the sender has not heard our answer. */
static bool keep(const struct source *src, struct str value, struct error *err)
{
    static pthread_mutex_t lock =
        PTHREAD_MUTEX_INITIALIZER; /* nobody accepts what another thread may take back */
    if (!src->capture_file)
        return error_set(err, ERROR_INPUT,
                         "the sender hands a token over and the source has no capture_file");
    pthread_mutex_lock(&lock);
    bool ok = is_kept(src->capture_file, value) || write_once(src->capture_file, value, err);
    pthread_mutex_unlock(&lock);
    return ok;
}

void handshake_clear(const struct source *src)
{
    if (!src->capture_file)
        return;
    char *directory = xstrdup(src->capture_file), *name = xstrdup(src->capture_file);
    char *begins = xasprintf("%s%s", basename(name), BESIDE);
    DIR *files = opendir(dirname(directory));
    for (struct dirent *entry; files && (entry = readdir(files)) != NULL;)
        if (strncmp(entry->d_name, begins, strlen(begins)) == 0)
            unlinkat(dirfd(files), entry->d_name, 0);
    if (files)
        closedir(files);
    free(begins);
    free(name);
    free(directory);
}

/* The text itself, or the same as a JSON string. */
static bool is_text(struct str body, const char *want)
{
    while (body.n > 0 && strchr(" \t\r\n", body.p[0]))
        body = (struct str){body.p + 1, body.n - 1};
    while (body.n > 0 && strchr(" \t\r\n", body.p[body.n - 1]))
        body.n--;
    if (body.n >= 2 && body.p[0] == '"' && body.p[body.n - 1] == '"')
        body = (struct str){body.p + 1, body.n - 2};
    return str_eq(body, str_of(want));
}

/* The member's value, borrowed from json. */
static struct str read_body(const struct source_handshake *h, const struct message *m, const cJSON *json)
{
    if (!str_eq(m->method, str_of(h->method)))
        return (struct str){0};
    if (h->by == ASKS_BY_TEXT)
        return is_text(m->body, h->name) ? str_of(h->name) : (struct str){0};
    struct str value = h->by == ASKS_BY_MEMBER ? str_of(json_string(json, h->name)) : (struct str){0};
    return h->is[0] && !str_eq(value, str_of(h->is)) ? (struct str){0} : value;
}

enum handshake_result handshake_body(const struct source *src, const struct message *m, struct buf *body,
                                     struct answer *ret, struct error *err)
{
    cJSON *json = NULL;
    enum handshake_result result = HANDSHAKE_NONE;
    if (src->n_handshakes == 0 || m->body.n > SIGN_MAX)
        return HANDSHAKE_NONE;
    if (!json_parse(m->body, &json, NULL))
        json = NULL;
    for (size_t i = 0; i < src->n_handshakes && result == HANDSHAKE_NONE; i++) {
        const struct source_handshake *h = &src->handshakes[i];
        struct str value = read_body(h, m, json);
        if (value.n == 0)
            continue;
        result = reply(h, value, body, ret);
        if (result == HANDSHAKE_OK && h->capture && !keep(src, value, err))
            result = HANDSHAKE_NOT_KEPT;
    }
    cJSON_Delete(json);
    return result;
}
