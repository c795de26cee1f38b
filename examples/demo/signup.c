/* signup.c -- a form whose rules live on the server only, and are applied while you type.
 * SPDX-License-Identifier: MIT */
#include "demo.h"

#include <string.h>

void signup_mount(cstar_conn *conn) {
    cstar_signal(conn, "name", "");
    cstar_signal(conn, "email", "");
    cstar_signal(conn, "word", "");
    cstar_signal_bool(conn, "ready", false);
}

/* ---- the rules ---- */

typedef struct verdict {
    const char *text; /* what to say */
    const char *tone; /* "good", "bad", or "" for nothing typed yet */
} verdict;

static const verdict untouched = {"", ""};

/* Code points, not bytes: "Zoë" has three. */
static size_t characters(const char *s) {
    cstar_str text = cstar_cstr(s);
    size_t n = 0;
    for (size_t at = 0; at < text.len; n++) {
        (void)cstar_utf8_next(text, &at);
    }
    return n;
}

static verdict judge_name(const char *name) {
    static const char *const taken[] = {"admin", "root", "ada"};
    if (name[0] == '\0') {
        return untouched;
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (cstar_str_ieq(cstar_cstr(name), cstar_cstr(taken[i]))) {
            return (verdict){"This name is taken. (The server knows.)", "bad"};
        }
    }
    size_t n = characters(name);
    if (n < 2 || n > 24) {
        return (verdict){"Two to 24 characters, please.", "bad"};
    }
    return (verdict){"Nice name, and it is free.", "good"};
}

static verdict judge_email(const char *email) {
    if (email[0] == '\0') {
        return untouched;
    }
    const char *at = strchr(email, '@');
    const char *dot = at != NULL ? strrchr(at, '.') : NULL;
    bool fine = at != NULL && at != email && strchr(at + 1, '@') == NULL && dot != NULL &&
                dot > at + 1 && dot[1] != '\0' && strpbrk(email, " \t<>") == NULL;
    return fine ? (verdict){"Looks like an address.", "good"}
                : (verdict){"Something like ada@example.org.", "bad"};
}

static verdict judge_word(const char *word) {
    size_t n = characters(word);
    if (n == 0) {
        return untouched;
    }
    return n < 10 ? (verdict){"Ten characters or more.", "bad"} : (verdict){"Long enough.", "good"};
}

typedef struct form {
    const char *name;
    verdict name_is, email_is, word_is;
    bool ready;
} form;

static bool is_good(verdict v) { return strcmp(v.tone, "good") == 0; }

static form read_form(const cstar_signals *in) {
    form f = {.name = cstar_signals_str(in, "name", "")};
    f.name_is = judge_name(f.name);
    f.email_is = judge_email(cstar_signals_str(in, "email", ""));
    f.word_is = judge_word(cstar_signals_str(in, "word", ""));
    f.ready = is_good(f.name_is) && is_good(f.email_is) && is_good(f.word_is);
    return f;
}

/* ---- the markup ---- */

static void hint(cstar_html *h, const char *id, verdict v) {
    cstar_put(h, "<p class='hint {}' id='{}'>{}</p>\n", v.tone, id, v.text);
}

static void field(cstar_html *h, const char *label, const char *signal, const char *type,
                  const char *hint_id) {
    cstar_put(h,
              "<label>{}<input type='{}' autocomplete='off' data-bind='{}' aria-describedby='{}'"
              " data-on:input__debounce.150ms='{}'></label>",
              label, type, signal, hint_id, cstar_event("validate"));
    hint(h, hint_id, untouched);
}

static void signup_form(cstar_html *h) {
    cstar_put(h, "<form id='signup' data-on:submit='{}'>", cstar_event("submit"));
    field(h, "Name", "name", "text", "name-hint");
    field(h, "E-mail", "email", "email", "email-hint");
    field(h, "Password", "word", "password", "word-hint");
    cstar_put(h, "<button id='send' data-attr:disabled='!$ready' disabled>Sign up</button></form>");
}

void signup_card(cstar_html *h) {
    cstar_put(
        h, "<section class='card' aria-labelledby='signup-title'><h2 id='signup-title'>Sign up</h2>"
           "<p class='lead'>Type: the rules live on the server and answer while you do. Try the "
           "name “ada”.</p>");
    signup_form(h);
    cstar_put(h, "</section>");
}

/* ---- events ---- */

static void show(cstar_conn *conn, const form *f) {
    cstar_signal_bool(conn, "ready", f->ready);
    cstar_patch(conn, h) {
        hint(h, "name-hint", f->name_is);
        hint(h, "email-hint", f->email_is);
        hint(h, "word-hint", f->word_is);
    }
}

void signup_validate(cstar_conn *conn, const cstar_signals *in) {
    form f = read_form(in);
    show(conn, &f);
}

/* Judged again: what a browser claims about its own form is only a claim. */
void signup_submit(cstar_conn *conn, const cstar_signals *in) {
    form f = read_form(in);
    if (!f.ready) {
        show(conn, &f);
        return;
    }
    cstar_patch(conn, h, .selector = "#signup", .mode = CSTAR_REPLACE) {
        cstar_put(h,
                  "<div id='signup' class='welcome' role='status'><p class='big'>Welcome, {}!</p>"
                  "<p>Nothing was stored. It is a demo.</p>"
                  "<button class='quiet' id='again' data-on:click='{}'>Once more</button></div>",
                  f.name, cstar_event("again"));
    }
    cstar_signal(conn, "word", "");
}

void signup_again(cstar_conn *conn, const cstar_signals *in) {
    (void)in;
    cstar_signal(conn, "name", "");
    cstar_signal(conn, "email", "");
    cstar_signal(conn, "word", "");
    cstar_signal_bool(conn, "ready", false);
    cstar_patch(conn, h, .selector = "#signup", .mode = CSTAR_REPLACE) {
        signup_form(h);
    }
}
