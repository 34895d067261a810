/* SPDX-License-Identifier: MIT */
/* Between the root's start and a client's main. */
#include "root/compat/stdlib.h"
#include "root/lib/root.h"

int main(void);

void exit(int status)
{
    root_printf("[client] ended with %d\n", status);
    console_drain();
    root_power_off(status == 0 ? 0 : 1);
}

void root_main(const struct whb_handoff *handoff)
{
    (void)handoff;
    cpu_sti(); /* a Windows program's runs are not ended by the host's interrupts: WHB_HR_INTERRUPTED is not for it */
    exit(main());
}
