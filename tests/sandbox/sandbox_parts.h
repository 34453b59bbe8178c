/* sandbox_parts.h - what the front-end's modules share; nobody outside includes it. */
#ifndef ROLLCALL_SANDBOX_PARTS_H
#define ROLLCALL_SANDBOX_PARTS_H

#include "sandbox.h"
#include "sandbox_exchange.h"
#include "sandbox_faults.h"
#include "sandbox_journal.h"
#include "sandbox_timers.h"

struct sandbox {
    const struct settings *first; /* the settings that a reset brings back */
    struct settings *settings;    /* as they are now */
    char base_url[128];           /* our own address; "" : that of the settings */
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct miro *miro;
    struct journal journal;
    struct faults faults;
    struct timers timers;
    struct exchange *waiting;           /* suspended connections */
    struct exchange *late;              /* requests to be applied after their connection is gone */
    int64_t real_base_ms, mono_base_ms; /* of the clock, which never runs backwards */
    uint64_t jitter;                    /* state of the draws */
};

int64_t sandbox_now_ms(const struct sandbox *sb); /* since 1970 */
/* Back to the beginning: users, limits, faults, journal; late requests are forgotten, waiting ones let go. */
bool sandbox_reset(struct sandbox *sb, struct error *err);

/* ---- sandbox_control.c: the API under /_sandbox/ ------------------------------------------------------- */
bool control_is(const char *target);
void control_answer(struct sandbox *sb, const struct miro_request *rq, struct miro_reply *ret);

/* ---- sandbox_page.c ------------------------------------------------------------------------------------ */
void page_write(const struct sandbox *sb, struct buf *out);

#endif
