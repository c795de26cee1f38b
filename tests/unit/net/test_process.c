/* test_process.c -- giving up root, in a child each time, since there is no way back.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* setgroups(), getgroups() */
#include "net/process.h"
#include "net/server.h"

#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1 /* clang */
#endif
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1 /* gcc */
#endif
#ifndef HAS_TSAN
#define HAS_TSAN 0
#endif

/* Exit status of `body` in a child. */
static int in_child(int (*body)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void need_root(void) {
    if (geteuid() != 0 || getpwnam("nobody") == NULL) {
        print_message("skipped: becoming another user can be tested as root only\n");
        skip();
    }
}

/* ---- whom ---- */

static void who_is_unknown_or_root_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *user, *group, *says;
    } cases[] = {
        {"no-such-user-here", NULL, "there is no \"no-such-user-here\""},
        {"", NULL, "there is no \"\""},
        {"nobody", "no-such-group-here", "there is no \"no-such-group-here\""},
        {NULL, "nogroup", "needs a user"},
        {"root", NULL, "is root"},
        {"0", "12345", "is root"},
        {"12345", "0", "in its group"},
        {"4000000001", NULL, "name a group too"},
        {"4294967295", "12345", "there is no \"4294967295\""},
    };
    cstar__identity who;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cstar_err err = {0};
        cstar_status rc = cstar__process_find(cases[i].user, cases[i].group, &who, &err);
        assert_int_equal(rc, CSTAR_EINVAL);
        assert_false(who.wanted);
        if (strstr(err.text, cases[i].says) == NULL) {
            print_error("%s\n", err.text);
        }
        assert_non_null(strstr(err.text, cases[i].says));
    }
    assert_int_equal(cstar__process_find(NULL, NULL, &who, NULL), CSTAR_OK);
    assert_false(who.wanted);
    assert_int_equal(cstar__process_become(&who, NULL), CSTAR_OK);
    assert_int_equal(cstar__process_find("4000000001", "12345", &who, NULL), CSTAR_OK);
    assert_true(who.wanted && who.uid == 4000000001U && who.gid == 12345);
}

/* Refused before a socket is bound or a thread runs. */
static void a_server_does_not_run_as_root_instead(void **state) {
    (void)state;
    static const cstar__handler handler;
    cstar_err err = {0};
    cstar__server_opts opts = {
        .listen = "127.0.0.1:0", .handler = &handler, .user = "no-such-user-here"};
    assert_null(cstar__server_new(&opts, &err));
    assert_int_equal(err.code, CSTAR_EINVAL);
    assert_string_equal(err.where, "user");
}

/* ---- becoming ---- */

static int become_nobody(void) {
    static const cstar__handler handler;
    const struct passwd *nobody = getpwnam("nobody");
    cstar__server_opts opts = {
        .listen = "127.0.0.1:0", .workers = 2, .handler = &handler, .user = "nobody"};
    const gid_t extra[] = {0, 4};
    if (setgroups(2, extra) != 0) {
        return 1;
    }
    cstar_err err = {0};
    cstar__server *s = cstar__server_new(&opts, &err);
    if (s == NULL) {
        print_error("%s\n", err.text);
        return 2;
    }
    bool is = getuid() == nobody->pw_uid && geteuid() == nobody->pw_uid &&
              getgid() == nobody->pw_gid && getegid() == nobody->pw_gid;
    bool back = setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || setegid(0) == 0;
    gid_t groups[8];
    int n = getgroups(8, groups);
    for (int i = 0; i < n; i++) {
        back = back || groups[i] == 0 || groups[i] == 4;
    }
    bool dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0;
    cstar__server_stop(s);
    bool runs = cstar__server_run(s) == CSTAR_OK;
    cstar__server_free(s);
    return !is ? 3 : back ? 4 : dumpable ? 5 : runs ? 0 : 6;
}

static void root_becomes_another_for_good(void **state) {
    (void)state;
    need_root();
    assert_int_equal(in_child(become_nobody), 0);
}

static int become_number(void) {
    cstar__identity who;
    if (cstar__process_find("12345", "23456", &who, NULL) != CSTAR_OK ||
        cstar__process_become(&who, NULL) != CSTAR_OK) {
        return 1;
    }
    gid_t groups[8];
    bool alone = getgroups(8, groups) == 1 && groups[0] == 23456;
    return alone && getuid() == 12345 && getgid() == 23456 ? 0 : 2;
}

static void numbers_will_do(void **state) {
    (void)state;
    need_root();
    assert_int_equal(in_child(become_number), 0);
}

/* The user that it is already: nothing to do. Another: refused, with what to do. */
static int as_somebody(void) {
    cstar__identity who;
    cstar__identity other;
    cstar_err err = {0};
    char uid[16];
    char gid[16];
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(23456) != 0 || setuid(12345) != 0)) {
        return 1;
    }
    (void)snprintf(uid, sizeof uid, "%u", (unsigned)getuid());
    (void)snprintf(gid, sizeof gid, "%u", (unsigned)getgid());
    if (cstar__process_find(uid, gid, &who, NULL) != CSTAR_OK ||
        cstar__process_become(&who, NULL) != CSTAR_OK) {
        return 2;
    }
    if (cstar__process_find("4000000001", gid, &other, NULL) != CSTAR_OK ||
        cstar__process_become(&other, &err) != CSTAR_EPOLICY) {
        return 3;
    }
    return strstr(err.text, "start as root") != NULL ? 0 : 4;
}

static void who_is_not_root_stays(void **state) {
    (void)state;
    assert_int_equal(in_child(as_somebody), 0);
}

/* A process that keeps its capabilities can come back, which is seen. */
static int keep_a_way_back(void) {
    cstar__identity who;
    cstar_err err = {0};
    /* SECBIT_NO_SETUID_FIXUP: capabilities survive setuid() */
    if (prctl(PR_SET_SECUREBITS, 1UL << 2, 0, 0, 0) != 0) {
        return 77;
    }
    if (cstar__process_find("12345", "23456", &who, NULL) != CSTAR_OK) {
        return 1;
    }
    return cstar__process_become(&who, &err) == CSTAR_EPOLICY ? 0 : 2;
}

static void a_way_back_is_an_error(void **state) {
    (void)state;
    need_root();
#if HAS_TSAN
    print_message("skipped: securebits are a thread's own, and ThreadSanitizer has one too\n");
    skip();
#endif
    int rc = in_child(keep_a_way_back);
    if (rc == 77) {
        print_message("skipped: securebits can't be set here\n");
        skip();
    }
    assert_int_equal(rc, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_unknown_or_root_is_refused),
        cmocka_unit_test(a_server_does_not_run_as_root_instead),
        cmocka_unit_test(root_becomes_another_for_good),
        cmocka_unit_test(numbers_will_do),
        cmocka_unit_test(who_is_not_root_stays),
        cmocka_unit_test(a_way_back_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
