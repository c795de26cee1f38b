/* visitors -- an app with sessions for tests of what keeps visitors apart and strangers out: tokens,
 * origins, policies, and two visitors on one connection.
 *
 * VISITORS_CSP is its policy, VISITORS_TRUST an origin that it trusts.
 * SPDX-License-Identifier: MIT */
#include <cstar.h>

#include <stdlib.h>

/* ---- who is who: everything that could leak from one request to another ---- */

static void come(cstar_conn *conn) {
    const char *name = cstar_form(conn, "name");
    cstar_session_renew(conn);
    cstar_session_set(conn, "name", name != NULL ? name : "nobody");
    cstar_flash(conn, "hello", name != NULL ? name : "nobody");
    cstar_respond_text(conn, 200, cstar_csrf_token(conn));
}

static void show_name(cstar_conn *conn, const char *name) {
    cstar_assign(conn, "assigned", name);
    cstar_signal(conn, "signal", name);
}

static void me_mount(cstar_conn *conn) {
    const char *name = cstar_session_str(conn, "name", NULL);
    if (name != NULL) { /* a stranger's page would show what was left of another's */
        show_name(conn, name);
    }
}

static void me_render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<main data-signals='{}'><p id='session'>{}</p><p id='assigned'>{}</p>",
              cstar_init_signals(conn), cstar_session_str(conn, "name", "-"),
              cstar_assigned_str(conn, "assigned", "-"));
    cstar_flash_area(conn, h);
    cstar_put(h, "</main>");
}

static void who(cstar_conn *conn, const cstar_signals *in) {
    cstar_signal(conn, "before", cstar_assigned_str(conn, "mark", "-"));
    cstar_assign(conn, "mark", cstar_session_str(conn, "name", "-"));
    cstar_signal(conn, "session", cstar_session_str(conn, "name", "-"));
    cstar_signal(conn, "echo", cstar_signals_str(in, "echo", "-"));
    cstar_flash(conn, "note", cstar_signals_str(in, "echo", "-"));
}

CSTAR_PAGE(me, .mount = me_mount, .render = me_render, .events = CSTAR_EVENTS({"who", who}));

/* ---- a page with every way to send something ---- */

static void told(cstar_conn *conn, const cstar_signals *in) {
    const char *had = cstar_signals_str(in, "csrf", NULL);
    cstar_signal(conn, "told", cstar_event_name(conn));
    cstar_signal(conn, "hadToken", had != NULL ? "yes" : "no");
}

static void script(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_execute_script(conn, "document.body.dataset.ran = 'script'");
    cstar_patch(conn, h, .selector = "#place", .mode = CSTAR_INNER) {
        cstar_put(h, "<i data-init='document.body.dataset.began = \"yes\"'></i>");
    }
    cstar_signal(conn, "told", "script");
}

/* What a script would do, where a policy forbids scripts. */
static void away(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_patch(conn, h, .selector = "body", .mode = CSTAR_APPEND) {
        cstar_put(h, "<i data-init='location.href = {}'></i>", "/me");
    }
}

CSTAR_COMPONENT(part, .name = "part", .events = CSTAR_EVENTS({"*", told}));

static void send_head(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<meta name='extra' content='{}'><link rel='icon' href='data:,'>",
              cstar_nonce(conn)[0] != '\0' ? "policy" : "none");
}

static void send_buttons(cstar_html *h) {
    static const char *const names[] = {"post", "get", "put", "patch", "delete"};
    for (int i = 0; i < 5; i++) {
        const char *name = names[i];
        const cstar_expr page_event = cstar_event(name, .verb = (cstar_verb)i);
        const cstar_expr part_event = cstar_component_event("part", name, .verb = (cstar_verb)i);
        cstar_put(h, "<button id='{}' data-on:click='{}'>{}</button>", name, page_event, name);
        cstar_put(h, "<button id='part-{}' data-on:click='{}'>{}</button>", name, part_event, name);
    }
}

static void send_render(cstar_conn *conn, cstar_html *h) {
    cstar_put(h, "<h1 data-text='$told'></h1><p id='tab' data-text='$tabId'></p>"
                 "<p id='had' data-text='$hadToken'></p>"
                 "<p id='styled' data-show='$told' data-style:color='\"red\"'>styled</p><div "
                 "id='place'></div>");
    send_buttons(h);
    cstar_put(h,
              "<button id='options' data-on:click='{}'>options</button>"
              "<button id='script' data-on:click='{}'>script</button>"
              "<button id='away' data-on:click='{}'>away</button>"
              "<form method='post' action='/form'>",
              cstar_at_delete("part", "options", .options = "{headers: {'x-own': 'mine'}}"),
              cstar_event("script"), cstar_event("away"));
    cstar_csrf_field(conn, h);
    cstar_put(h, "<input name='name' value='Zoë'><button id='form'>form</button></form>");
}

CSTAR_PAGE(sender, .render = send_render, .head = send_head,
           .events = CSTAR_EVENTS({"script", script}, {"away", away}, {"*", told}));

static void form(cstar_conn *conn) { cstar_respond_text(conn, 200, cstar_form(conn, "name")); }

static void hook(cstar_conn *conn) { cstar_respond_text(conn, 200, "hooked"); }

int main(int argc, char **argv) {
    static const char *const secrets[] = {"a secret of tests, of at least 32 bytes", NULL};
    cstar_app *app = cstar_app_new();
    cstar_sessions(app, .secrets = secrets);
    const char *policy = getenv("VISITORS_CSP");
    if (policy != NULL) {
        cstar_csp(app, strcmp(policy, "strict") == 0 ? CSTAR_CSP_STRICT : policy);
    }
    if (getenv("VISITORS_TRUST") != NULL) {
        cstar_trust_origin(app, getenv("VISITORS_TRUST"));
    }
    cstar_page(app, "/", &sender);
    cstar_page(app, "/me", &me);
    cstar_components(app, "/ds", &part);
    cstar_route(app, CSTAR_POST, "/come", come, .cross_origin = true);
    cstar_route(app, CSTAR_POST, "/form", form, .blocking = true);
    cstar_route(app, CSTAR_POST, "/hook", hook, .cross_origin = true);
    return cstar_main(app, argc, argv);
}
