/* SPDX-License-Identifier: MIT */
#include "root/compat/arguments.h"

/* One word, from its first character; *to moves behind its zero. Returns what is behind the word. */
static const char *copy_word(const char *p, char **to)
{
    char quote = 0;
    for (; *p != 0 && (*p != ' ' || quote != 0); p++) {
        if (*p == '\\' && p[1] != 0) {
            *(*to)++ = *++p;
        } else if (*p == quote) {
            quote = 0;
        } else if (quote == 0 && (*p == '"' || *p == '\'')) {
            quote = *p;
        } else {
            *(*to)++ = *p;
        }
    }
    *(*to)++ = 0;
    return p;
}

int arguments_split(const char *line, char *text, char **words, int room)
{
    int count = 0;
    while (count < room - 1) {
        while (*line == ' ') {
            line++;
        }
        if (*line == 0) {
            break;
        }
        words[count++] = text;
        line = copy_word(line, &text);
    }
    words[count] = NULL;
    return count;
}
