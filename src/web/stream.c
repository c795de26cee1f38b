/* stream.c
 * SPDX-License-Identifier: MIT */
#include "web/app.h"

void cstar__stream_wake(cstar_conn *conn) { (void)conn; }
void cstar__stream_close(cstar_conn *conn) { (void)conn; }
