#include "test_lib.h"

#include "digest.h"

START_TEST(murmur2_agrees_with_kafkas_own_tests)
{
    static const struct {
        struct str key;
        int32_t hash; /* as in Kafka's UtilsTest */
    } vectors[] = {
        {BYTES("21"), -973932308},
        {BYTES("foobar"), -790332482},
        {BYTES("a-little-bit-long-string"), -985981536},
        {BYTES("a-little-bit-longer-string"), -1486304829},
        {BYTES("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971},
        {BYTES("abc"), 479470107},
    };
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
        ck_assert_uint_eq(digest_murmur2(vectors[i].key.p, vectors[i].key.n),
                          (uint32_t)vectors[i].hash & 0x7fffffff);
    ck_assert_uint_eq(digest_murmur2("", 0), 275646681);
}
END_TEST

START_TEST(sha256_of_abc_is_the_published_one)
{
    char hex[SHA256_HEX_SIZE];
    digest_sha256_hex("abc", 3, hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256_hex(NULL, 0, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

START_TEST(hash64_never_changes)
{
    ck_assert_uint_eq(digest_hash64("", 0), UINT64_C(0xefd01f60ba992926));
    ck_assert_uint_eq(digest_hash64("rollcall", 8), UINT64_C(0xf2f941946eb56b15));
}
END_TEST

START_TEST(reads_and_writes_hex)
{
    unsigned char bytes[3];
    ck_assert(hex_decode(BYTES("00fFa5"), bytes, 3));
    ck_assert_mem_eq(bytes, "\x00\xff\xa5", 3);
    char text[7];
    hex_encode(bytes, 3, text);
    ck_assert_str_eq(text, "00ffa5");
    ck_assert(!hex_decode(BYTES("00fFa"), bytes, 3));
    ck_assert(!hex_decode(BYTES("00fFa5b0"), bytes, 3));
    ck_assert(!hex_decode(BYTES("00fFag"), bytes, 3));
    ck_assert(!hex_decode(BYTES("00 fa5"), bytes, 3));
}
END_TEST

static const struct {
    struct str bytes;
    const char *text;
} base64[] = {
    {BYTES(""), ""},
    {BYTES("f"), "Zg=="},
    {BYTES("fo"), "Zm8="},
    {BYTES("foo"), "Zm9v"},
    {BYTES("foob"), "Zm9vYg=="},
    {BYTES("fooba"), "Zm9vYmE="},
    {BYTES("\xff\xfe\xfd"), "//79"},
};

START_TEST(reads_and_writes_base64)
{
    for (size_t i = 0; i < ARRAY_SIZE(base64); i++) {
        struct buf b;
        buf_init(&b, 100);
        base64_encode(base64[i].bytes.p, base64[i].bytes.n, &b);
        ck_assert_str_eq(b.p ? b.p : "", base64[i].text);
        buf_clear(&b);
        ck_assert(base64_decode(str_of(base64[i].text), &b));
        ck_assert(str_eq(buf_str(&b), base64[i].bytes));
        buf_done(&b);
    }
}
END_TEST

START_TEST(base64_takes_both_alphabets_and_no_padding)
{
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } rows[] = {
        {"__79", "\xff\xfe\xfd"}, {"Zg", "f"}, {"Zm8", "fo"},      {"Zg=", NULL},
        {"Zg===", NULL},          {"Z", NULL}, {"Zh==", NULL},     {"Zm9=", NULL},
        {"Z g=", NULL},           {"=", NULL}, {"Zm9v====", NULL}, {"Zm9vYg=", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        bool ok = base64_decode(str_of(rows[i].text), &b);
        ck_assert_msg(ok == (rows[i].bytes != NULL), "%s", rows[i].text);
        if (ok)
            ck_assert_str_eq(b.p, rows[i].bytes);
        buf_done(&b);
    }
}
END_TEST

START_TEST(percent_encoding_leaves_only_what_is_plain_in_every_part_of_a_uri)
{
    char all[256], plain[256];
    size_t n = 0;
    for (int c = 1; c < 256; c++) {
        all[c - 1] = (char)c;
        if (percent_plain((char)c))
            plain[n++] = (char)c;
    }
    all[255] = plain[n] = '\0';
    ck_assert_str_eq(plain, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
    struct buf b;
    buf_init(&b, 1000);
    percent_encode(all, &b);
    ck_assert_uint_eq(b.n, n + 3 * (255 - n));
    buf_clear(&b);
    percent_encode("a b/c?d=\"\xc3\xa9\"&+%", &b);
    ck_assert_str_eq(b.p, "a%20b%2Fc%3Fd%3D%22%C3%A9%22%26%2B%25");
    buf_done(&b);
}
END_TEST

RUN_TESTS("digest", murmur2_agrees_with_kafkas_own_tests, sha256_of_abc_is_the_published_one,
          hash64_never_changes, reads_and_writes_hex, reads_and_writes_base64,
          base64_takes_both_alphabets_and_no_padding,
          percent_encoding_leaves_only_what_is_plain_in_every_part_of_a_uri)
