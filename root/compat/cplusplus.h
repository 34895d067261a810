/* SPDX-License-Identifier: MIT */
/* Of programs in C++: objects that live from before main to the program's end. */
#pragma once

/* Runs the constructors, before main. */
void cplusplus_construct(void);
/* Runs the destructors, the last object's first. */
void cplusplus_destroy(void);
