/* SPDX-License-Identifier: MIT */
#pragma once

#define EPERM 1
#define ENOENT 2
#define EIO 5
#define EBADF 9
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ESPIPE 29
#define EROFS 30
#define EDOM 33
#define ERANGE 34
#define ENOSYS 40

typedef int errno_t;

#ifdef __cplusplus
extern "C" {
#endif

/* The calling thread's. */
int *_errno(void);
#define errno (*_errno())

#ifdef __cplusplus
}
#endif
