/* SPDX-License-Identifier: MIT */
/* main's arguments from the root module's command line. Inside root/compat only. */
#pragma once

#include <stddef.h>

/*
 * Splits a command line into words as GRUB writes them: separated by spaces, in which \ stands before a character that
 * is to be taken as it is, and what is between double or single quotes belongs to one word. The words are put into
 * `text`, which has at least strlen(line) + 1 bytes, their addresses into `words`, with a null behind them; those that
 * do not fit are left out. Returns how many there are.
 */
int arguments_split(const char *line, char *text, char **words, int room);
