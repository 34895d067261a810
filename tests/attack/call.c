/* SPDX-License-Identifier: MIT */
/* One hypercall, and what must hold after each. */
#include "tests/attack/attack.h"

static bool failed; /* atomic */

bool attack_failed(void)
{
    return __atomic_load_n(&failed, __ATOMIC_RELAXED);
}

void attack_fail(const struct attacker *a, const char *what, uint64_t expected, uint64_t came)
{
    if (!__atomic_exchange_n(&failed, true, __ATOMIC_RELAXED)) {
        root_printf("FAIL first-failure: %s on CPU %u in call %lu, expected 0x%lx, came 0x%lx\n", what, a->cpu,
                    a->calls, expected, came);
    }
}

enum whb_status attack_call(struct attacker *a, uint64_t rax, const uint64_t arguments[5], uint64_t *value)
{
    memcpy(a->doing.arguments, arguments, sizeof(a->doing.arguments));
    a->doing.number = (uint32_t)(rax & 0xffff);
    a->doing.since = cpu_rdtsc();
    a->doing.what = "in call";
    register uint64_t r8 __asm__("r8") = arguments[4];
    uint64_t status = rax, rdi = arguments[0], rsi = arguments[1], rdx = arguments[2], rcx = arguments[3];
    __asm__ volatile("vmcall" : "+a"(status), "+d"(rdx), "+D"(rdi), "+S"(rsi), "+c"(rcx), "+r"(r8) : : "memory", "cc");
    a->doing.what = NULL;
    if (rax == WHB_CALL(WHB_CALL_PARTITION_CREATE) && status == WHB_OK) {
        a->newest = rdx;
    }
    uint64_t number = rax & 0xffff;
    bool named = rax == WHB_CALL(number) && number < WHB_CALL_COUNT;
    bool known = status <= ATTACK_LAST_STATUS;
    a->calls++;
    a->counts[named ? number : WHB_CALL_COUNT][known ? status : ATTACK_STATUSES - 1]++;
    if (!known) {
        attack_fail(a, "status", ATTACK_LAST_STATUS, status);
    }
    if (rdi != arguments[0] || rsi != arguments[1] || rcx != arguments[3] || r8 != arguments[4]) {
        attack_fail(a, "an argument register changed by call", number, status);
    }
    if (status != WHB_OK && status != WHB_ERROR_BUFFER_TOO_SMALL && rdx != 0) {
        attack_fail(a, "value of a failed call", 0, rdx);
    }
    if (!named && status != WHB_ERROR_UNKNOWN_CALL && status != WHB_ERROR_VERSION) {
        attack_fail(a, "status of what is no call", WHB_ERROR_UNKNOWN_CALL, status);
    }
    if (value != NULL) {
        *value = rdx;
    }
    return (enum whb_status)status;
}

enum whb_status attack_do(struct attacker *a, enum whb_call number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                          uint64_t a5)
{
    const uint64_t arguments[5] = {a1, a2, a3, a4, a5};
    return attack_call(a, WHB_CALL(number), arguments, NULL);
}

enum whb_status attack_map(struct attacker *a, uint64_t partition, uint64_t pa, uint64_t gpa, uint64_t size,
                           uint64_t flags)
{
    const struct whb_extent extent = {.gpa = gpa, .pa = pa, .size = size, .flags = flags};
    memcpy(a->buffers, &extent, sizeof(extent));
    return attack_do(a, WHB_CALL_GPA_MAP, partition, (uintptr_t)a->buffers, 1, 0, 0);
}

enum whb_status attack_run(struct attacker *a, uint64_t partition, uint64_t vp, uint32_t ticks)
{
    apic_timer(ticks, false);
    enum whb_status status = attack_do(a, WHB_CALL_VP_RUN, partition, vp, 0, 0, 0);
    apic_timer(0, false);
    __asm__ volatile("sti; nop; cli" : : : "memory"); /* it may have fired after the run as well */
    return status;
}
