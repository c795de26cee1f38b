/* process.c
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* initgroups(), setgroups() */
#include "net/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <unistd.h>

#define MAX_DESCRIPTORS ((rlim_t)1 << 30)
#define LOOKUP_BYTES 16384

size_t cstar__process_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    struct rlimit more = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (limit.rlim_cur != limit.rlim_max && setrlimit(RLIMIT_NOFILE, &more) == 0) {
        limit = more;
    }
    bool bounded = limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < MAX_DESCRIPTORS;
    return (size_t)(bounded ? limit.rlim_cur : MAX_DESCRIPTORS);
}

/* ---- whom ---- */

static bool parse_number(const char *text, unsigned *out) {
    uint64_t n = 0;
    size_t i = 0;
    for (; text[i] >= '0' && text[i] <= '9' && i < 10; i++) {
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    *out = (unsigned)n;
    return i != 0 && text[i] == '\0' && n < UINT32_MAX; /* the last one means "no change" */
}

static cstar_status find_user(const char *user, cstar__identity *out, bool *has_group,
                              cstar_err *err) {
    char buffer[LOOKUP_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    bool number = parse_number(user, &out->uid);
    int rc = number ? getpwuid_r((uid_t)out->uid, &entry, buffer, sizeof buffer, &found)
                    : getpwnam_r(user, &entry, buffer, sizeof buffer, &found);
    if (found == NULL && !number) {
        return cstar_err_set(err, CSTAR_EINVAL, "user",
                             "user: there is no \"%s\"%s%s: create it (useradd --system) or name "
                             "another",
                             user, rc != 0 ? ", " : "", rc != 0 ? strerror(rc) : "");
    }
    *has_group = found != NULL;
    if (found != NULL) {
        out->uid = (unsigned)found->pw_uid;
        out->gid = (unsigned)found->pw_gid;
        int n = snprintf(out->name, sizeof out->name, "%s", found->pw_name);
        if (n < 0 || (size_t)n >= sizeof out->name) {
            return cstar_err_set(err, CSTAR_EINVAL, "user", "user: the name is too long");
        }
    }
    return CSTAR_OK;
}

static cstar_status find_group(const char *group, cstar__identity *out, cstar_err *err) {
    char buffer[LOOKUP_BYTES];
    struct group entry;
    struct group *found = NULL;
    if (parse_number(group, &out->gid)) {
        return CSTAR_OK;
    }
    (void)getgrnam_r(group, &entry, buffer, sizeof buffer, &found);
    if (found == NULL) {
        return cstar_err_set(err, CSTAR_EINVAL, "group",
                             "group: there is no \"%s\": create it (groupadd --system) or name "
                             "another",
                             group);
    }
    out->gid = (unsigned)found->gr_gid;
    return CSTAR_OK;
}

cstar_status cstar__process_find(const char *user, const char *group, cstar__identity *out,
                                 cstar_err *err) {
    bool has_group = false;
    memset(out, 0, sizeof *out);
    if (user == NULL) {
        return group == NULL ? CSTAR_OK
                             : cstar_err_set(err, CSTAR_EINVAL, "group",
                                             "group: needs a user too: root in another group is "
                                             "still root");
    }
    cstar_status rc = find_user(user, out, &has_group, err);
    if (rc == CSTAR_OK && group != NULL) {
        rc = find_group(group, out, err);
        has_group = true;
    }
    if (rc != CSTAR_OK) {
        return rc;
    }
    if (!has_group) {
        return cstar_err_set(err, CSTAR_EINVAL, "user",
                             "user: %s has no entry in the user database: name a group too", user);
    }
    if (out->uid == 0 || out->gid == 0) {
        return cstar_err_set(err, CSTAR_EINVAL, "user",
                             "user: %s is root or in its group: name one that has no rights", user);
    }
    out->wanted = true;
    return CSTAR_OK;
}

/* ---- becoming ---- */

static cstar_status refused(const char *call, cstar_err *err) {
    return cstar_err_set(err, CSTAR_EIO, "user", "user: %s: %s", call, strerror(errno));
}

/* Groups first: afterwards there is no right to change them. */
static cstar_status change(const cstar__identity *who, cstar_err *err) {
    gid_t gid = (gid_t)who->gid;
    int rc = who->name[0] != '\0' ? initgroups(who->name, gid) : setgroups(1, &gid);
    if (rc != 0) {
        return refused("its groups", err);
    }
    if (setgid(gid) != 0) {
        return refused("setgid", err);
    }
    return setuid((uid_t)who->uid) == 0 ? CSTAR_OK : refused("setuid", err);
}

static bool is(const cstar__identity *who) {
    return getuid() == who->uid && geteuid() == who->uid && getgid() == who->gid &&
           getegid() == who->gid;
}

cstar_status cstar__process_become(const cstar__identity *who, cstar_err *err) {
    if (!who->wanted) {
        return CSTAR_OK;
    }
    if (geteuid() != 0) {
        return is(who) ? CSTAR_OK
                       : cstar_err_set(err, CSTAR_EPOLICY, "user",
                                       "user: only root can become another: start as root, or "
                                       "leave the user out");
    }
    cstar_status rc = change(who, err);
    if (rc != CSTAR_OK) {
        return rc;
    }
    if (!is(who) || setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0) {
        return cstar_err_set(err, CSTAR_EPOLICY, "user",
                             "user: the way back to root is open: does the system keep "
                             "capabilities (securebits)?");
    }
#ifdef __linux__
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return refused("prctl", err);
    }
#endif
    return CSTAR_OK;
}
