/* SPDX-License-Identifier: MIT */
/* In place of apic_emulator.c, in programs whose guests have no local APICs: it would bring the decoder with it. */
#include "root/libwhv/client.h"

const WHV_RUN_VP_EXIT_CONTEXT *client_answer_apic(uint64_t handle, uint32_t index, const struct whb_run_page *page,
                                                  WHV_RUN_VP_EXIT_CONTEXT *room)
{
    (void)handle;
    (void)index;
    return client_unsupported_apic(page, room);
}
