/* SPDX-License-Identifier: MIT */
/*
 * How many samples are taken of each exit, and how they are printed: "@samples NAME TICKS TICKS ...", in hexadecimal.
 */
#pragma once

#define SAMPLES 400u
#define WARM_UP 200u
#define SAMPLES_IN_LINE 16u
