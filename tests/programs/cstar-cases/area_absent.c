/* area_absent.c -- calls that are known and have nothing to run them yet.
 * SPDX-License-Identifier: MIT */
#include "runner.h"

#define TASKS "the command line tool is not built yet"
#define CLIENT                                                                                     \
    "what the browser's client does: there is nothing of ours to ask; tests/browser run the real " \
    "one"

const call_entry cases_absent[] = {
    {"https_hosts_entry_ips", NULL, "", TASKS},
    {"https_dev_host", NULL, "", TASKS},
    {"https_host_from_dev_url", NULL, "", TASKS},
    {"https_validate_host", NULL, "", TASKS},
    {"https_validate_ip", NULL, "", TASKS},
    {"https_privileged_fallback", NULL, "", TASKS},
    {"server_args", NULL, "", TASKS},
    {"client_response", NULL, "", CLIENT},
    {"client_request", NULL, "", CLIENT},
    {"client_retry", NULL, "", CLIENT},
    {NULL, NULL, NULL, NULL},
};
