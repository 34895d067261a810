/* SPDX-License-Identifier: MIT */
#include "root/lib/root.h"
#include "root/service/service.h"

void root_main(const struct whb_handoff *handoff)
{
    bool good = handoff->module_count == 0 ? demo_run(handoff) : guests_run(handoff);
    root_power_off(good ? 0 : 1);
}
