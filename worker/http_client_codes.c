#include "http_client_codes.h"

#include <stddef.h>
#include <string.h>

#include "mem.h"

static const CURLcode tls[] = {
    CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
    CURLE_SSL_INVALIDCERTSTATUS,    CURLE_SSL_CIPHER,        CURLE_SSL_CERTPROBLEM,    CURLE_SSL_CLIENTCERT,
};

static bool is_listed(CURLcode code)
{
    for (size_t i = 0; i < ARRAY_SIZE(tls); i++)
        if (tls[i] == code)
            return true;
    return false;
}

/* "… tlsv13 alert certificate required", "… alert unknown ca": the alerts of RFC 8446 6.2 about a certificate of ours. */
bool http_code_is_tls(CURLcode code, const char *error)
{
    if (is_listed(code))
        return true;
    const char *alert =
        code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ? strstr(error, " alert ") : NULL;
    return alert && (strstr(alert, "certificate") || strstr(alert, "unknown ca"));
}

const char *http_code_tls_reason(CURLcode code)
{
    return is_listed(code) ? curl_easy_strerror(code) : "our certificate is refused";
}
