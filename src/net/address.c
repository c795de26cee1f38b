/* address.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* SOCK_NONBLOCK, SOCK_CLOEXEC, SO_REUSEPORT */
#include "net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static bool parse_port(const char *text, unsigned *port) {
    unsigned long n = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 6; digits++) {
        n = n * 10 + (unsigned long)(text[digits] - '0');
    }
    if (digits == 0 || text[digits] != '\0' || n > 65535) {
        return false;
    }
    *port = (unsigned)n;
    return true;
}

/* Splits at the last colon; brackets keep the colons of an IPv6 address together. */
static cstar_status parse_tcp(const char *text, cstar__address *out, cstar_err *err) {
    const char *host = text;
    const char *colon = strrchr(text, ':');
    size_t host_len = colon != NULL ? (size_t)(colon - text) : 0;
    const char *port = colon != NULL ? colon + 1 : text;
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (close == NULL || close[1] != ':') {
            return cstar_err_set(err, CSTAR_EINVAL, "listen",
                                 "listen: \"%s\" should be [address]:port", text);
        }
        host = text + 1;
        host_len = (size_t)(close - host);
        port = close + 2;
    } else if (memchr(host, ':', host_len) != NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "listen",
                             "listen: \"%s\": an IPv6 address stands in brackets: [::1]:8080",
                             text);
    }
    if (host_len >= sizeof out->host || !parse_port(port, &out->port)) {
        return cstar_err_set(err, CSTAR_EINVAL, "listen",
                             "listen: \"%s\" should be host:port, port 0 to 65535", text);
    }
    memcpy(out->host, host, host_len);
    out->host[host_len] = '\0';
    return CSTAR_OK;
}

/* "0660" and the like: three digits of octal. 0 is no mode to give. */
static bool parse_mode(const char *text, unsigned *mode) {
    unsigned n = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '7' && digits < 5; digits++) {
        n = n * 8 + (unsigned)(text[digits] - '0');
    }
    *mode = n;
    return digits != 0 && text[digits] == '\0' && n != 0 && n <= 0777;
}

/* The path may hold commas: the option is what stands behind the last ",mode=". */
static cstar_status parse_unix(const char *path, cstar__address *out, cstar_err *err) {
    static const char option[] = ",mode=";
    const char *at = NULL;
    for (const char *p = strstr(path, option); p != NULL; p = strstr(p + 1, option)) {
        at = p;
    }
    size_t len = at != NULL ? (size_t)(at - path) : strlen(path);
    bool named = (path[0] == '/' || path[0] == '@') && len >= 2 && len < sizeof out->host;
    if (!named) {
        return cstar_err_set(err, CSTAR_EINVAL, "listen",
                             "listen: \"unix:%s\" should be unix:/path or unix:@name", path);
    }
    if (at != NULL && (path[0] == '@' || !parse_mode(at + sizeof option - 1, &out->mode))) {
        return cstar_err_set(err, CSTAR_EINVAL, "listen",
                             "listen: \"unix:%s\": the mode of a path should be as in mode=0660",
                             path);
    }
    out->kind = CSTAR__ADDRESS_UNIX;
    memcpy(out->host, path, len);
    return CSTAR_OK;
}

static cstar_status parse_fd(const char *text, cstar__address *out, cstar_err *err) {
    unsigned fd = 0;
    if (!parse_port(text, &fd)) { /* as many digits as a port */
        return cstar_err_set(err, CSTAR_EINVAL, "listen", "listen: \"fd:%s\" should be fd:3", text);
    }
    out->kind = CSTAR__ADDRESS_FD;
    out->fd = (int)fd;
    return CSTAR_OK;
}

static cstar_status parse_systemd(const char *text, cstar__address *out, cstar_err *err) {
    const char *name = text[0] == ':' ? text + 1 : text;
    size_t len = strlen(name);
    if (len >= sizeof out->host || (text[0] == ':' && len == 0)) {
        return cstar_err_set(err, CSTAR_EINVAL, "listen",
                             "listen: \"systemd%s\" should be systemd or systemd:NAME", text);
    }
    out->kind = CSTAR__ADDRESS_SYSTEMD;
    memcpy(out->host, name, len);
    return CSTAR_OK;
}

cstar_status cstar__address_parse(const char *text, cstar__address *out, cstar_err *err) {
    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (strncmp(text, "unix:", 5) == 0) {
        return parse_unix(text + 5, out, err);
    }
    if (strncmp(text, "fd:", 3) == 0) {
        return parse_fd(text + 3, out, err);
    }
    if (strcmp(text, "systemd") == 0 || strncmp(text, "systemd:", 8) == 0) {
        return parse_systemd(text + 7, out, err);
    }
    return parse_tcp(text, out, err);
}

/* ---- TCP ---- */

static unsigned bound_port(int fd) {
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
        return 0;
    }
    if (name.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &name, sizeof in6);
        return ntohs(in6.sin6_port);
    }
    struct sockaddr_in in;
    memcpy(&in, &name, sizeof in);
    return ntohs(in.sin_port);
}

bool cstar__fd_prepare(int fd) {
    int fl = fcntl(fd, F_GETFL);
    return fl >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
           fcntl(fd, F_SETFL, fl | O_NONBLOCK) == 0;
}

static bool set_flags(int fd) {
    int on = 1;
    return cstar__fd_prepare(fd) && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

static int listen_on(const struct addrinfo *ai) {
    int fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    if (ai->ai_family == AF_INET6) {
        int off = 0; /* ":8080" serves IPv4 too */
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (set_flags(fd) && bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* SO_REUSEPORT lets another process of the same user share the port in silence: half of the
 * requests would go to a server that the user has forgotten. So the first socket is tried without
 * it. */
static bool is_taken(const struct addrinfo *ai) {
    int fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
    if (fd < 0) {
        return false;
    }
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool taken = bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

static int listen_first(const struct addrinfo *list, bool check) {
    int fd = -1;
    for (const struct addrinfo *ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
        if (check && is_taken(ai)) {
            errno = EADDRINUSE;
            continue;
        }
        fd = listen_on(ai);
    }
    return fd;
}

int cstar__address_listen(const cstar__address *a, unsigned *port, cstar_err *err) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[8];
    bool first = *port == 0;
    (void)snprintf(service, sizeof service, "%u", first ? a->port : *port);
    const char *host = a->host[0] != '\0' ? a->host : "::";
    int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0 && a->host[0] == '\0') { /* a machine without IPv6 */
        rc = getaddrinfo("0.0.0.0", service, &hints, &list);
    }
    if (rc != 0) {
        (void)cstar_err_set(err, CSTAR_EIO, "listen", "listen: %s: %s", a->host, gai_strerror(rc));
        return -1;
    }
    int fd = listen_first(list, first && a->port != 0);
    int saved = errno;
    freeaddrinfo(list);
    if (fd < 0 && a->host[0] == '\0' && saved == EAFNOSUPPORT) {
        cstar__address any4 = {.host = "0.0.0.0", .port = a->port};
        return cstar__address_listen(&any4, port, err);
    }
    if (fd < 0) {
        (void)cstar_err_set(err, CSTAR_EIO, "listen", "listen: can't listen on %s port %s: %s",
                            a->host[0] != '\0' ? a->host : "any address", service, strerror(saved));
        return -1;
    }
    *port = bound_port(fd);
    return fd;
}
