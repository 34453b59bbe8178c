#include "proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

static const char HEADER[] = "x-forwarded-for";

struct network { /* as IPv6; IPv4 is mapped */
    struct in6_addr address;
    unsigned bits;
};

struct proxies {
    size_t n;
    struct network v[];
};

enum { V4_PREFIX = 96, V6_BITS = 128, TEXT_MAX = INET6_ADDRSTRLEN + 8 };

static struct in6_addr mapped(struct in_addr four)
{
    struct in6_addr six = {0};
    six.s6_addr[10] = six.s6_addr[11] = 0xff;
    memcpy(&six.s6_addr[12], &four, 4);
    return six;
}

static bool parse(const char *text, struct in6_addr *ret, bool *ret_v4)
{
    struct in_addr four;
    *ret_v4 = inet_pton(AF_INET, text, &four) == 1;
    if (*ret_v4)
        *ret = mapped(four);
    return *ret_v4 || inet_pton(AF_INET6, text, ret) == 1;
}

static bool parse_network(const char *text, struct network *ret)
{
    char address[TEXT_MAX];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    bool v4;
    if (n == 0 || n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    if (!parse(address, &ret->address, &v4))
        return false;
    ret->bits = V6_BITS;
    if (!slash)
        return true;
    char *end;
    unsigned long bits = strtoul(slash + 1, &end, 10), most = v4 ? 32 : V6_BITS;
    if (slash[1] < '0' || slash[1] > '9' || *end || bits > most)
        return false;
    ret->bits = (unsigned)bits + (v4 ? V4_PREFIX : 0);
    return true;
}

bool proxies_new(const struct config_strings *list, struct proxies **ret, struct error *err)
{
    struct proxies *p = xcalloc(1, sizeof *p + list->n * sizeof p->v[0]);
    for (; p->n < list->n; p->n++) {
        if (parse_network(list->v[p->n], &p->v[p->n]))
            continue;
        error_set(err, ERROR_INPUT,
                  "ingest.trusted_proxies[%zu]: not an address or a network such as 10.0.0.0/8", p->n);
        proxies_free(p);
        return false;
    }
    *ret = p;
    return true;
}

void proxies_free(struct proxies *p)
{
    free(p);
}

static bool within(const struct network *net, const struct in6_addr *a)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(net->address.s6_addr, a->s6_addr, whole) != 0)
        return false;
    return rest == 0 || (net->address.s6_addr[whole] ^ a->s6_addr[whole]) >> (8 - rest) == 0;
}

static bool trusted(const struct proxies *p, const struct in6_addr *a)
{
    for (size_t i = 0; i < p->n; i++)
        if (within(&p->v[i], a))
            return true;
    return false;
}

bool proxies_trust(const struct proxies *p, const struct sockaddr *from)
{
    if (from->sa_family == AF_INET) {
        struct in6_addr six = mapped(((const struct sockaddr_in *)(const void *)from)->sin_addr);
        return trusted(p, &six);
    }
    return from->sa_family == AF_INET6 &&
           trusted(p, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr);
}

/* "192.0.2.1", "192.0.2.1:8080", "2001:db8::1", "[2001:db8::1]:8080" */
static bool parse_client(struct str text, struct in6_addr *ret)
{
    char copy[TEXT_MAX], *address = copy;
    bool v4;
    if (text.n == 0 || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    char *colon = strchr(copy, ':'), *bracket = strchr(copy, ']');
    if (copy[0] == '[' && bracket) {
        *bracket = '\0';
        address++;
    } else if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
    }
    return parse(address, ret, &v4);
}

/* Cuts the last element off a list; false when it is empty. */
static bool last_element(struct str *list, struct str *ret)
{
    size_t end = list->n, begin;
    if (end == 0)
        return false;
    for (begin = end; begin > 0 && list->p[begin - 1] != ',';)
        begin--;
    *ret = (struct str){list->p + begin, end - begin};
    list->n = begin > 0 ? begin - 1 : 0;
    while (ret->n > 0 && (ret->p[0] == ' ' || ret->p[0] == '\t'))
        *ret = (struct str){ret->p + 1, ret->n - 1};
    while (ret->n > 0 && (ret->p[ret->n - 1] == ' ' || ret->p[ret->n - 1] == '\t'))
        ret->n--;
    return true;
}

bool proxies_client(const struct proxies *p, const struct message *m, struct sockaddr_storage *ret)
{
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
    bool found = false;
    *ret = (struct sockaddr_storage){.ss_family = AF_INET6};
    for (size_t i = m->n_headers; i-- > 0;) {
        struct str list = m->headers[i].value, element, name = m->headers[i].name;
        if (name.n != sizeof HEADER - 1 || strncasecmp(name.p, HEADER, name.n) != 0)
            continue;
        while (last_element(&list, &element)) {
            if (!parse_client(element, &six->sin6_addr))
                return false;
            found = true;
            if (!trusted(p, &six->sin6_addr))
                return true;
        }
    }
    return found; /* proxies all the way: the furthest one */
}
