/* SPDX-License-Identifier: MIT */
#include "root/lib/root.h"

void root_start(const struct whb_handoff *handoff);

/* Called by start.S. */
void root_start(const struct whb_handoff *handoff)
{
    console_init((uint16_t)handoff->serial_port);
    if (handoff->magic != WHB_HANDOFF_MAGIC || handoff->version != WHB_HANDOFF_VERSION) {
        root_printf("This root program was started by something that is not Whimbrel %u.\n", WHB_HANDOFF_VERSION);
        root_power_off(1);
    }
    trap_init_cpu(0);
    library_init_cpu();
    memory_init(handoff);
    apic_enable();
    smp_start(handoff);
    root_main(handoff);
    root_power_off(0);
}
