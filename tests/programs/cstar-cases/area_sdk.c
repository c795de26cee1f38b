/* area_sdk.c -- the inputs of the official SDK tests, mapped as the conformance server does.
 * SPDX-License-Identifier: MIT */
#include "runner.h"
#include "support/sdk_events.h"

#include "cstar/wire.h"

static void endpoint(call *c) {
    cstar_err err = {.code = CSTAR_OK};
    cstar_status rc =
        sdk_format_events(&c->out->text, cstar_json_get(c->args, "input"), c->arena, &err);
    call_done(c, rc, &err);
}

const call_entry cases_sdk[] = {
    {"sdk_test_endpoint", endpoint, "input method path transport", NULL},
    {NULL, NULL, NULL, NULL},
};
