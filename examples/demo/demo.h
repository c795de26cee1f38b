/* demo.h -- the parts of the demo.
 * SPDX-License-Identifier: MIT */
#ifndef DEMO_H
#define DEMO_H

#include <cstar.h>

/* layout.c: the document around the page. */
void demo_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content);

/* counter.c */
void counter_mount(cstar_conn *conn);
void counter_card(cstar_html *h);
void counter_add(cstar_conn *conn, const cstar_signals *in);
void counter_subtract(cstar_conn *conn, const cstar_signals *in);
void counter_reset(cstar_conn *conn, const cstar_signals *in);

/* signup.c */
void signup_mount(cstar_conn *conn);
void signup_card(cstar_html *h);
void signup_validate(cstar_conn *conn, const cstar_signals *in);
void signup_submit(cstar_conn *conn, const cstar_signals *in);
void signup_again(cstar_conn *conn, const cstar_signals *in);

#endif
