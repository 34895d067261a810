/* SPDX-License-Identifier: MIT */
#include "tests/scenarios/memory.h"

enum whb_status memory_map(struct guest *g, const void *from, uint64_t gpa, uint64_t size, uint64_t flags)
{
    return whb_map(whb_handle(g->partition), from, gpa, size, flags);
}

enum whb_status memory_unmap(struct guest *g, uint64_t gpa, uint64_t size)
{
    return whb_call(WHB_CALL_GPA_UNMAP, whb_handle(g->partition), gpa, size, 0, 0, NULL);
}

enum whb_status memory_protect(struct guest *g, uint64_t gpa, uint64_t size, uint64_t flags)
{
    return whb_call(WHB_CALL_GPA_PROTECT, whb_handle(g->partition), gpa, size, flags, 0, NULL);
}

enum whb_status memory_dirty(struct guest *g, uint64_t gpa, uint64_t size, uint64_t *bitmap)
{
    uint64_t bytes = bitmap == NULL ? 0 : (size / 4096 + 63) / 64 * 8;
    return whb_call(WHB_CALL_GPA_DIRTY, whb_handle(g->partition), gpa, size, (uintptr_t)bitmap, bytes, NULL);
}

enum whb_status memory_write(struct guest *g, uint64_t gpa, const void *data, uint64_t size)
{
    return whb_call(WHB_CALL_GPA_WRITE, whb_handle(g->partition), gpa, (uintptr_t)data, size, 0, NULL);
}

enum whb_status memory_read(struct guest *g, uint64_t gpa, void *data, uint64_t size)
{
    return whb_call(WHB_CALL_GPA_READ, whb_handle(g->partition), gpa, (uintptr_t)data, size, 0, NULL);
}

void memory_statistics(struct whb_statistics *statistics)
{
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)statistics, sizeof(*statistics), 0, 0, 0, NULL));
}

static void run_main(void *arg)
{
    struct memory_run *run = arg;
    HRESULT hr;
    while ((hr = WHvRunVirtualProcessor(run->guest->partition, run->vp, &run->record, sizeof(run->record))) ==
           WHB_HR_INTERRUPTED) {
        cpu_pause();
    }
    if (hr != S_OK || run->record.ExitReason != run->expect) {
        run->bad++;
    }
}

void memory_run_on(uint32_t cpu, struct memory_run *run)
{
    run->bad = 0;
    root_run_on(cpu, run_main, run);
}

void memory_run_end(uint32_t cpu, struct memory_run *run)
{
    if (run->expect == WHvRunVpExitReasonCanceled) {
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(run->guest->partition, run->vp, 0));
    }
    CHECK(root_wait(cpu, MEMORY_TICKS));
    check_equal("runs that ended otherwise", 0, run->bad);
}

bool memory_wait_change(const volatile uint32_t *word, uint32_t from)
{
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < MEMORY_TICKS;) {
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != from) {
            return true;
        }
        cpu_pause();
    }
    return false;
}
