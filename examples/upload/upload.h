/* upload.h -- the parts of the example.
 * SPDX-License-Identifier: MIT */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <cstar.h>

/* page.c: the form, what is wrong with it, what was received. */
extern const cstar_page_def upload_page;

/* progress.c: how far each upload is, by an id that nobody can guess. [any thread] */
enum { UPLOAD_ID_SIZE = 33 };
bool progress_new_id(char id[UPLOAD_ID_SIZE]);
void progress_set(cstar_str id, uint64_t bytes, int64_t total);
/* 0 to 100; -1: no such upload. */
int progress_get(cstar_str id);

/* checksum.c: CRC-32, to see that nothing was lost. Begin with 0. */
uint32_t checksum_add(uint32_t sum, const char *ptr, size_t len);

/* plain.c: the same without a page, for programs. */
void plain_files(cstar_conn *conn);
void plain_stream(cstar_conn *conn);
extern const cstar_upload_opts plain_stream_opts;

/* style.c */
void upload_layout(cstar_conn *conn, cstar_html *h, cstar_fragment content);
void upload_style(cstar_conn *conn);

#endif
