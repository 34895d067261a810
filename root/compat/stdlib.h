/* SPDX-License-Identifier: MIT */
/* The part of the C library's stdlib.h that a root program has. */
#pragma once

#include <stddef.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1

/* Ends the program and switches the machine off. */
_Noreturn void exit(int status);
