/* SPDX-License-Identifier: MIT */
/*
 * A client that talks: it says each line that is typed with its number, until the end is typed (Ctrl-Z at a line's
 * beginning, on Whimbrel also Ctrl-D). The same source is a Windows program and a Whimbrel root program
 * (docs/clients.md).
 */
#include <stdio.h>
#include <string.h>

int main(void)
{
    char line[128];
    unsigned count = 0;
    printf("Type lines, and Ctrl-Z at the end.\n");
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        printf("%u: \"%s\", %zu characters\n", ++count, line, strlen(line));
    }
    printf("lines: %u\n", count);
    return count > 0 ? 0 : 1;
}
