/* test_unix_socket.c -- listening on a file: whose it is, its mode, its end.
 * SPDX-License-Identifier: MIT */
#include "net/unix_socket.h"
#include "support/netrig.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct folder {
    char path[64], sock[96], address[128];
} folder;

static void make_folder(folder *f) {
    (void)snprintf(f->path, sizeof f->path, "/tmp/cstar-unix-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    (void)snprintf(f->sock, sizeof f->sock, "%s/s,ock", f->path);
    (void)snprintf(f->address, sizeof f->address, "unix:%s", f->sock);
}

static void remove_folder(const folder *f) {
    (void)unlink(f->sock);
    assert_int_equal(rmdir(f->path), 0);
}

static bool exists(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0;
}

static cstar__server *try_server(const char *address, cstar_err *err) {
    static const cstar__handler handler;
    memset(err, 0, sizeof *err);
    return cstar__server_new(&(cstar__server_opts){.listen = address, .handler = &handler}, err);
}

static void it_serves_and_its_file_goes_with_it(void **state) {
    (void)state;
    folder f;
    netrig r;
    make_folder(&f);
    netrig_start(&r, (cstar__server_opts){.listen = f.address, .workers = 3});
    assert_string_equal(cstar__server_host(r.server), f.sock);
    assert_int_equal(cstar__server_port(r.server), 0);
    for (int i = 0; i < 20; i++) {
        int fd = netrig_dial(&r, 0);
        assert_true(netrig_ask(fd, "/by-file"));
        close(fd);
    }
    netrig_stop(&r);
    assert_false(exists(f.sock));
    remove_folder(&f);
}

static void its_mode(void **state) {
    (void)state;
    static const unsigned modes[] = {0600, 0660, 0666, 0777};
    folder f;
    make_folder(&f);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char address[160];
        cstar_err err;
        struct stat st;
        (void)snprintf(address, sizeof address, "%s,mode=%04o", f.address, modes[i]);
        cstar__server *s = try_server(address, &err);
        assert_non_null(s);
        assert_int_equal(lstat(f.sock, &st), 0);
        assert_int_equal(st.st_mode & 07777, modes[i]);
        cstar__server_free(s);
        assert_false(exists(f.sock));
    }
    remove_folder(&f);
}

/* A server that was killed leaves its file. */
static void leave_stale(const char *path, int type) {
    int fd = socket(AF_UNIX, type, 0);
    struct sockaddr_un name;
    unsigned len = 0;
    assert_true(cstar__unix_name(path, &name, &len));
    assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
    close(fd);
    assert_true(exists(path));
}

static void a_stale_file_is_replaced(void **state) {
    (void)state;
    folder f;
    netrig r;
    make_folder(&f);
    leave_stale(f.sock, SOCK_STREAM);
    netrig_start(&r, (cstar__server_opts){.listen = f.address});
    int fd = netrig_dial(&r, 0);
    assert_true(netrig_ask(fd, "/again"));
    close(fd);
    netrig_stop(&r);
    remove_folder(&f);
}

static void a_live_one_stays(void **state) {
    (void)state;
    folder f;
    netrig r;
    cstar_err err;
    make_folder(&f);
    netrig_start(&r, (cstar__server_opts){.listen = f.address});
    assert_null(try_server(f.address, &err));
    assert_int_equal(err.code, CSTAR_EIO);
    assert_non_null(strstr(err.text, "another server listens there"));
    int fd = netrig_dial(&r, 0);
    assert_true(netrig_ask(fd, "/still"));
    close(fd);
    netrig_stop(&r);
    remove_folder(&f);
}

static void what_is_no_socket_stays(void **state) {
    (void)state;
    folder f;
    cstar_err err;
    make_folder(&f);
    int fd = open(f.sock, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_null(try_server(f.address, &err));
    assert_non_null(strstr(err.text, "no socket"));
    assert_true(exists(f.sock));
    assert_int_equal(unlink(f.sock), 0);
    /* nor what a link leads to, nor the link */
    char target[128];
    (void)snprintf(target, sizeof target, "%s/t", f.path);
    leave_stale(target, SOCK_STREAM);
    assert_int_equal(symlink(target, f.sock), 0);
    assert_null(try_server(f.address, &err));
    assert_true(exists(f.sock) && exists(target));
    assert_int_equal(unlink(target), 0);
    remove_folder(&f);
}

static void a_datagram_socket_stays(void **state) {
    (void)state;
    folder f;
    cstar_err err;
    make_folder(&f);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un name;
    unsigned len = 0;
    assert_true(cstar__unix_name(f.sock, &name, &len));
    assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
    assert_null(try_server(f.address, &err));
    assert_true(exists(f.sock));
    close(fd);
    remove_folder(&f);
}

static void a_file_that_has_become_anothers_stays(void **state) {
    (void)state;
    folder f;
    netrig r;
    make_folder(&f);
    netrig_start(&r, (cstar__server_opts){.listen = f.address});
    assert_int_equal(unlink(f.sock), 0);
    leave_stale(f.sock, SOCK_STREAM);
    netrig_stop(&r);
    assert_true(exists(f.sock));
    remove_folder(&f);
}

static void a_path_that_is_too_long(void **state) {
    (void)state;
    char address[200] = "unix:/tmp/";
    cstar_err err;
    memset(address + 10, 'a', 150);
    assert_null(try_server(address, &err));
    assert_int_equal(err.code, CSTAR_EIO);
    struct sockaddr_un name;
    unsigned len = 0;
    assert_false(cstar__unix_name(address + 5, &name, &len));
    assert_int_equal(errno, ENAMETOOLONG);
}

static void abstract_names(void **state) {
    (void)state;
#ifdef __linux__
    netrig r;
    cstar_err err;
    char address[64];
    (void)snprintf(address, sizeof address, "unix:@cstar-test-%ld", (long)getpid());
    netrig_start(&r, (cstar__server_opts){.listen = address, .workers = 2});
    assert_null(try_server(address, &err));
    assert_non_null(strstr(err.text, "another server"));
    int fd = netrig_dial(&r, 0);
    assert_true(netrig_ask(fd, "/abstract"));
    close(fd);
    netrig_stop(&r);
    assert_false(exists(address + 5));
#else
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_and_its_file_goes_with_it),
        cmocka_unit_test(its_mode),
        cmocka_unit_test(a_stale_file_is_replaced),
        cmocka_unit_test(a_live_one_stays),
        cmocka_unit_test(what_is_no_socket_stays),
        cmocka_unit_test(a_datagram_socket_stays),
        cmocka_unit_test(a_file_that_has_become_anothers_stays),
        cmocka_unit_test(a_path_that_is_too_long),
        cmocka_unit_test(abstract_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
