/* last_words.h - a tear-down that hangs is ended, and says so. Main thread. */
#ifndef ROLLCALL_WORKER_LAST_WORDS_H
#define ROLLCALL_WORKER_LAST_WORDS_H

#include "log.h"

/* From now on the process has so many seconds; then it writes a line and dies of SIGALRM. */
void last_words_begin(enum log_format format, unsigned seconds);
/* In time after all. */
void last_words_end(void);

#endif
