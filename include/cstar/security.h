/* cstar/security.h -- what other sites can't do with our visitors' browsers: requests that are not
 * ours (CSRF), scripts that are not ours (CSP), our pages in their frames.
 *
 *     cstar_sessions(app, .secrets = secrets);           // tokens are checked from here on
 *     cstar_csp(app, CSTAR_CSP_STRICT);
 *     cstar_allow_frames(app, CSTAR_FRAMES_NONE);
 *
 * Requests that change something (every method but GET, HEAD, OPTIONS) pass two gates; 403
 * otherwise, before any handler, and the log says why.
 * 1. Where it comes from, before the body is read: Sec-Fetch-Site has to be same-origin or none;
 *    without it, Origin has to be the host that was asked for. A request with neither is from no
 *    browser (curl, a server) and passes.
 * 2. Where the app has sessions: a token, which only our own pages know. The first of these that is
 *    there counts, right or wrong: the body's `_csrf_token` (of a form or of JSON), its `csrf` (a
 *    signal), the signal `csrf` in the query, the query's `csrf`, the header x-csrf-token. A
 *    `_csrf_token` in the query is never looked at. DELETE has no body here.
 * Events by GET (or HEAD) pass the first gate too, and need the header Datastar-Request, which the
 * client always sends: a link, an image or a form of another site can't. No token is asked for.
 * What a plain route or a page changes by GET is protected by neither.
 * An upload's on_part and on_data run between the gates: what they take counts when the handler
 * says so.
 *
 * Every text/html answer has x-content-type-options: nosniff and referrer-policy: same-origin (the
 * signals of a GET are in its URL), unless its handler has set them.
 *
 * Life: app functions are called before serving. Threads: those of the conn.
 * SPDX-License-Identifier: MIT */
#ifndef CSTAR_SECURITY_H
#define CSTAR_SECURITY_H

#include "cstar/html.h"

CSTAR_BEGIN_DECLS

typedef struct cstar_app cstar_app;
typedef struct cstar_conn cstar_conn;

/* ---- requests -------------------------------------------------------------------------------- */

/**
 * Takes that site's requests as our own at the first gate.
 * @param origin  "https://other.example", "http://127.0.0.1:5173": scheme, host, and the port
 *                unless it is the scheme's own; nothing behind it. Copied.
 * @return CSTAR_EINVAL it is none; CSTAR_ENOMEM. It stays with the app, as a bad route does.
 */
CSTAR_API cstar_status cstar_trust_origin(cstar_app *app, const char *origin);

/** The visitor's token, another text at each call, for `_csrf_token` in a form, the signal `csrf`
 * or the header x-csrf-token. "" without sessions or with their `.no_csrf`; "" and CSTAR_ESTATE: there
 * is no token yet and the response has been given; CSTAR_EIO, CSTAR_ENOMEM. The first one makes a
 * session. cstar_session_renew() and cstar_session_clear() end it: pages that show an older one
 * have to be loaded again. */
CSTAR_API const char *cstar_csrf_token(cstar_conn *conn);
/** <input type='hidden' name='_csrf_token' ...>: for a <form> that posts; nothing where no token is
 * asked for. */
CSTAR_API void cstar_csrf_field(cstar_conn *conn, cstar_html *h);

/* ---- pages ----------------------------------------------------------------------------------- */

/**
 * The Content-Security-Policy of every text/html answer, unless its handler has set one.
 * @param policy  Each {} in it becomes a nonce of this response. The client needs 'unsafe-eval' in
 *                script-src: it compiles the expressions in attributes. Copied; NULL: none.
 * @return CSTAR_EINVAL a line break or control byte, or over 4096 bytes; CSTAR_ENOMEM. It stays
 *         with the app.
 */
CSTAR_API cstar_status cstar_csp(cstar_app *app, const char *policy);
/**
 * A policy that fits most apps: cstar_csp(app, CSTAR_CSP_STRICT). Scripts run if they have the nonce
 * (cstar_head()'s has it), and no others: neither a <script> that somebody has smuggled into the
 * markup, nor on...='' attributes, nor cstar_execute_script() and what is built on it (docs/howto/
 * security-headers.md says what to do instead). All else comes from this origin: style sheets, or
 * <style> with the nonce; images, also data: URLs; fonts, media, the manifest. Forms go to this
 * origin; no site may frame the pages, no plugin or <base> counts.
 * 'unsafe-eval' has to be there: Datastar v1.0.2 makes functions of the expressions in attributes,
 * and nothing on the page would react without it. 'unsafe-inline' is not. So data-... attributes
 * are code that no nonce guards: what is left to the app is to let no markup of a visitor's through
 * (cstar_trust()), and to build no expression of their text by hand. cstar_put() writes values as
 * data.
 */
#define CSTAR_CSP_STRICT                                                                           \
    "default-src 'none'; script-src 'nonce-{}' 'unsafe-eval'; style-src 'self' 'nonce-{}'; "       \
    "img-src 'self' data:; font-src 'self'; media-src 'self'; manifest-src 'self'; "               \
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
/** The nonce of this response, for <script nonce='{}'> and <style nonce='{}'>: 24 characters, the
 * same until the handler returns; "" if the policy has no {}. cstar_head() has it at its script. */
CSTAR_API const char *cstar_nonce(cstar_conn *conn);

typedef enum cstar_frames {
    CSTAR_FRAMES_ANY,  /* the default: no header */
    CSTAR_FRAMES_SAME, /* pages of this origin may frame ours: x-frame-options: SAMEORIGIN */
    CSTAR_FRAMES_NONE, /* x-frame-options: DENY */
} cstar_frames;

/** Who may show our pages in a frame; for a list of sites, frame-ancestors in the policy. */
CSTAR_API void cstar_allow_frames(cstar_app *app, cstar_frames frames);

CSTAR_END_DECLS
#endif
