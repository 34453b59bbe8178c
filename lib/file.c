#include "file.h"

#include <errno.h>
#include <string.h>

bool file_read_stream(FILE *in, struct buf *out, struct error *err)
{
    char block[16 * 1024];
    for (size_t n; buf_ok(out) && (n = fread(block, 1, sizeof block, in)) > 0;)
        buf_add(out, block, n);
    if (ferror(in))
        return error_set(err, error_kind_of_file(errno), "%s", strerror(errno));
    return buf_ok(out) || error_set(err, ERROR_INPUT, "longer than %zu bytes", out->max);
}

bool file_read(const char *path, struct buf *out, struct error *err)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return error_set(err, error_kind_of_file(errno), "%s", strerror(errno));
    bool ok = file_read_stream(in, out, err);
    fclose(in);
    return ok;
}
