/* bench-h1 -- nanoseconds per request through the HTTP/1.1 machine: no socket, no loop; feed a
 * request of about 350 bytes, answer 200 with 300 bytes, throw the output away.
 *
 *     bench-h1 [requests per round]
 *
 * Prints the best and the median of 15 rounds, and counts allocations in the last.
 * SPDX-License-Identifier: MIT */
#include "http/h1.h"
#include "support/benchrig.h"

#include <stdio.h>

static const char get_request[] =
    "GET /counter?tab=0123456789abcdef HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
    "Accept: text/event-stream, text/html, application/json\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Datastar-Request: true\r\n"
    "Referer: http://127.0.0.1:8080/counter\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

static const char post_request[] =
    "POST /counter/_event/increment HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "Accept: text/event-stream, text/html, application/json\r\n"
    "Content-Type: application/json\r\n"
    "Datastar-Request: true\r\n"
    "Origin: http://127.0.0.1:8080\r\n"
    "Referer: http://127.0.0.1:8080/counter\r\n"
    "Content-Length: 76\r\n"
    "\r\n"
    "{\"count\":41,\"tabId\":\"6f1c2b52-4f1e-4b3c-9a39-0d2c1b7e8a90\",\"csrf\":\"x\",\"a\":1}";

static int measure(const char *name, const char *request, size_t len, size_t requests) {
    benchrig b;
    cstar__h1 m;
    size_t before = 0;
    benchrig_init(&b);
    cstar__h1_init(&m, &b.env, NULL, &b.out);
    for (size_t r = 0; r < BENCHRIG_ROUNDS; r++) {
        before = b.allocations;
        double start = benchrig_now();
        for (size_t i = 0; i < requests; i++) {
            (void)cstar__h1_feed(&m, request, len);
            cstar_buf_reset(&b.out);
        }
        b.rounds[r] = (benchrig_now() - start) / (double)requests;
    }
    size_t allocations = b.allocations - before;
    benchrig_sort(&b);
    (void)printf(
        "%-5s %zu bytes: %.0f ns per request (median %.0f), %zu allocations in %zu requests\n",
        name, len, b.rounds[0], b.rounds[BENCHRIG_ROUNDS / 2], allocations, requests);
    cstar__h1_fini(&m);
    benchrig_fini(&b);
    return b.served == BENCHRIG_ROUNDS * requests && allocations == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    size_t requests = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 100000;
    int rc = measure("GET", get_request, sizeof get_request - 1, requests);
    return rc | measure("POST", post_request, sizeof post_request - 1, requests);
}
