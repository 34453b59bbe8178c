/* file.h - a small file as a whole. Any thread. */
#ifndef ROLLCALL_FILE_H
#define ROLLCALL_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "buf.h"
#include "error.h"

/* Appends all of it to out, whose maximum is the file's: one that is longer, or without end, is not read further. Fails with
 * ERROR_INPUT or ERROR_SYSTEM (error_kind_of_file) and does not name the path: error_wrap does. */
bool file_read(const char *path, struct buf *out, struct error *err) __attribute__((warn_unused_result));

/* The same of what is open already, such as stdin. */
bool file_read_stream(FILE *in, struct buf *out, struct error *err) __attribute__((warn_unused_result));

#endif
