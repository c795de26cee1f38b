/* login.h -- the parts of the example.
 * SPDX-License-Identifier: MIT */
#ifndef LOGIN_H
#define LOGIN_H

#include <cstar.h>

/* layout.c: the document around every page. */
void login_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content);

/* door.c: who may come in. */
void login_post(cstar_conn *conn);
void logout_post(cstar_conn *conn);
/** The visitor's name; NULL: nobody is logged in. */
const char *login_name(cstar_conn *conn);

CSTAR_PAGE_DECLARE(login_page);
CSTAR_PAGE_DECLARE(notes_page);

#endif
