/* sandbox_settings.h - what the command line says: how to serve, and which Miro to be.
 *
 * One table is parser, help text, and GET and PATCH /_sandbox/settings. Strings are borrowed from argv, unless the
 * settings are a copy; lists, and a copy's strings, are freed by settings_done. Main thread only. */
#ifndef ROLLCALL_SANDBOX_SETTINGS_H
#define ROLLCALL_SANDBOX_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "json.h"
#include "miro.h"

struct settings {
    const char *listen; /* address */
    int64_t port;       /* 0: any free one */
    const char *port_file;
    const char *state_file; /* loaded at start and at every reset */
    const char *state_out;  /* written at the end */
    double window_scale;    /* multiplies the limits' window */
    int64_t latency_ms, latency_jitter_ms;
    int64_t journal_max; /* requests that the journal remembers */
    int64_t connections_max;
    int64_t seed;
    int64_t slow_group_patch_members,
        slow_group_patch_ms; /* more members: half at once, all after this time */
    bool own_location;       /* base-url follows from listen and port */
    bool help;               /* print the help and leave */
    bool owned;              /* a copy: the strings are its own */
    struct miro_config miro; /* settings_parse has worked window_scale and seed in */
};

/* Fails with ERROR_INPUT. */
bool settings_parse(int argc, char **argv, struct settings *ret, struct error *err)
    __attribute__((warn_unused_result));
void settings_done(struct settings *s);
void settings_copy(struct settings *to, const struct settings *from);
/* Sets what the object's members name; the program's own ones (port, files, sizes) stay what they are. Only of a copy.
 * Fails with ERROR_INPUT and changes nothing then. */
bool settings_change(struct settings *s, const cJSON *object, struct error *err)
    __attribute__((warn_unused_result));
void settings_default(struct settings *s);
void settings_print_help(void); /* to stdout */
void settings_put_json(const struct settings *s, struct json_out *w, const char *name);

#endif
