/* SPDX-License-Identifier: MIT */
#include "root/lib/root.h"
void root_main(const struct whb_handoff *h)
{
    root_printf("root: %u CPUs\n", h->cpus);
}
