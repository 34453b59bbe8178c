/* record_partition.c - the record of a partition itself: who has opened it, and whether it was closed in order. */
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "record.h"

static void put_mark(struct json_out *w, const char *name, uint64_t mark)
{
    char text[17];
    if (!mark)
        return;
    snprintf(text, sizeof text, "%016llx", (unsigned long long)mark);
    json_put_string(w, name, text);
}

static bool read_mark(const char *text, uint64_t *ret)
{
    char *end;
    if (!text)
        return true;
    *ret = strtoull(text, &end, 16);
    return end == text + 16 && *end == '\0';
}

void partition_record_write(const struct partition_record *r, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_int(&w, "version", RECORD_VERSION);
    json_put_int(&w, "partition", r->partition);
    json_put_int(&w, "partitions", r->partitions);
    json_put_bool(&w, "open", r->open);
    json_put_string(&w, "slot", r->slot);
    json_put_int(&w, "openedAt", r->opened_at_ms);
    json_put_int(&w, "offset", r->offset);
    if (r->deaths)
        json_put_int(&w, "deaths", r->deaths);
    if (r->calls_unseen)
        json_put_bool(&w, "callsUnseen", true);
    put_mark(&w, "swept", r->swept);
    put_mark(&w, "teams", r->teams);
    if (r->spreads.n > 0)
        json_open(&w, "spreads", '{');
    for (size_t i = 0; i < r->spreads.n; i++)
        json_put_int(&w, r->spreads.v[i].name, strtoll(r->spreads.v[i].value, NULL, 10));
    if (r->spreads.n > 0)
        json_close(&w);
    json_close(&w);
}

static void read_spreads(const cJSON *spreads, struct attrs *ret)
{
    const cJSON *spread;
    cJSON_ArrayForEach(spread, spreads)
    {
        char text[24];
        snprintf(text, sizeof text, "%.0f", spread->valuedouble);
        if (cJSON_IsNumber(spread))
            attrs_set(ret, spread->string, text);
    }
}

bool partition_record_read(struct str value, struct partition_record *ret, struct error *err)
{
    cJSON *root = NULL;
    if (!json_parse(value, &root, err))
        return error_set(err, ERROR_PERMANENT, "the partition's record is not JSON");
    int64_t version = 0, partition = 0, partitions = 0, deaths = 0;
    struct partition_record r = {0};
    bool ok = json_int64(root, "version", &version) && json_int64(root, "partition", &partition) &&
              json_int64(root, "partitions", &partitions) && json_bool(root, "open", &r.open) &&
              json_int64(root, "openedAt", &r.opened_at_ms) && json_int64(root, "offset", &r.offset);
    json_int64(root, "deaths", &deaths);
    json_bool(root, "callsUnseen", &r.calls_unseen);
    ok = ok && read_mark(json_string(root, "swept"), &r.swept) &&
         read_mark(json_string(root, "teams"), &r.teams);
    if (ok && version <= RECORD_VERSION)
        read_spreads(json_get(root, "spreads"), &r.spreads);
    cJSON_Delete(root);
    if (!ok || version > RECORD_VERSION)
        return error_set(err, ERROR_PERMANENT,
                         "the partition's record is malformed or of a newer version (%d)", (int)version);
    r.deaths = deaths > 0 ? (uint32_t)deaths : 0;
    r.partition = (int32_t)partition;
    r.partitions = (int32_t)partitions;
    *ret = r;
    return true;
}
