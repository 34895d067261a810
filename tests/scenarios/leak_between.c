/* SPDX-License-Identifier: MIT */
/* Nothing of one VP, partition or CPU shows in another, nor of the root in a guest, nor of a guest in the root. */
#include "tests/scenarios/leak.h"

#define TICKS 4000000000ull
#define SEED_ROOT 0x5au
#define OUT_LENGTH 2u
#define PORT_WAITED 0x14u
#define PORT_PENDING 0x15u
#define CR0_MP 2ull

static struct guest first, second;
static struct leak_vp vps[LEAK_SLOTS];
static struct leak_root root __attribute__((aligned(64)));

/* Both partitions have the same RAM: guest_create clears it. */
static void two_partitions(uint32_t first_vps, uint32_t second_vps)
{
    guest_create(&first, first_vps, 0);
    guest_create(&second, second_vps, 0);
    for (uint32_t i = 0; i < first_vps + second_vps; i++) {
        bool in_first = i < first_vps;
        leak_prepare(&vps[i], in_first ? &first : &second, in_first ? i : i - first_vps, i);
    }
}

static void same_partition(void)
{
    guest_create(&first, 2, 0);
    leak_prepare(&vps[0], &first, 0, 0);
    leak_prepare(&vps[1], &first, 1, 1);
    leak_guest_fill(&vps[0], 0x31);
    leak_guest_check(&vps[1]);
    leak_guest_check(&vps[0]);
    leak_guest_fill(&vps[1], 0xc2);
    leak_guest_check(&vps[0]);
    leak_guest_check(&vps[1]);
    guest_destroy(&first);
}

static void other_partition(void)
{
    two_partitions(1, 2);
    leak_guest_fill(&vps[0], 0x43);
    leak_guest_check(&vps[1]);
    leak_guest_fill(&vps[1], 0x88);
    leak_guest_check(&vps[0]);
    leak_guest_check(&vps[2]);
    leak_guest_check(&vps[1]);
    guest_destroy(&first);
    leak_guest_check(&vps[1]);
    guest_destroy(&second);
}

/* The new VP, and the new partition, get the pages and the VPID of the old one. */
static void after_delete(void)
{
    guest_create(&first, 2, 0);
    leak_prepare(&vps[0], &first, 0, 0);
    leak_guest_fill(&vps[0], 0x77);
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(first.partition, 0));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(first.partition, 0, 0));
    leak_prepare(&vps[0], &first, 0, 0);
    leak_guest_check(&vps[0]);
    leak_guest_fill(&vps[0], 0x2c);
    guest_destroy(&first);
    guest_create(&first, 1, 0);
    leak_prepare(&vps[0], &first, 0, 0);
    leak_guest_check(&vps[0]);
    leak_guest_fill(&vps[0], 0x9d);
    CHECK_EQ(S_OK, WHvResetPartition(first.partition));
    leak_prepare(&vps[0], &first, 0, 0);
    leak_guest_check(&vps[0]);
    guest_destroy(&first);
}

static bool all_zero(const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* What the register calls show of a VP that was made where another had been, and never ran. */
static void images_after_delete(void)
{
    static uint8_t image[LEAK_IMAGE];
    uint32_t written = 0;
    const uint32_t header = 512;
    guest_create(&first, 1, 0);
    leak_prepare(&vps[0], &first, 0, 0);
    leak_guest_fill(&vps[0], 0xe1);
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(first.partition, 0));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(first.partition, 0, 0));
    CHECK_EQ(S_OK, WHvGetVirtualProcessorXsaveState(first.partition, 0, image, sizeof(image), &written));
    CHECK(written >= 576 && written <= sizeof(image));
    CHECK(all_zero(image + 32, header - 32));
    CHECK(all_zero(image + header + 16, written - header - 16)); /* behind XSTATE_BV and XCOMP_BV */
    for (uint32_t name = WHvX64RegisterRax; name <= WHvX64RegisterR15; name++) {
        uint64_t expected = name == WHvX64RegisterRdx ? cpu_cpuid(1, 0).eax : 0;
        CHECK_EQ(expected, guest_get(&first, 0, (WHV_REGISTER_NAME)name));
    }
    guest_destroy(&first);
}

static void root_and_guest(void)
{
    guest_create(&first, 2, 0);
    leak_prepare(&vps[0], &first, 0, 0);
    leak_prepare(&vps[1], &first, 1, 1);
    leak_root_begin(&root);
    leak_root_fill(&root, SEED_ROOT);
    leak_guest_check(&vps[0]);
    leak_root_check(&root, SEED_ROOT);
    leak_root_fill(&root, SEED_ROOT + 1);
    leak_guest_fill(&vps[0], 0x11);
    leak_root_check(&root, SEED_ROOT + 1);
    leak_guest_check(&vps[0]);
    leak_guest_check(&vps[1]);
    leak_guest_bare(&vps[0]);
    leak_root_fill(&root, SEED_ROOT);
    leak_guest_bare(&vps[1]);
    leak_root_check(&root, SEED_ROOT);
    leak_root_end(&root);
    guest_destroy(&first);
}

/* All general registers that the ABI keeps over VP_RUN, while the guest's are full of patterns. */
static void root_general_registers(void)
{
    static uint64_t before[16], after[16];
    guest_create(&first, 1, 0);
    leak_prepare(&vps[0], &first, 0, 0);
    leak_guest_fill(&vps[0], 0x3f);
    leak_guest_run(&vps[0], payload_leak_bare, 0x13);
    for (uint32_t i = 0; i < 16; i++) {
        before[i] = after[i] = 0x1234567800000000ull + i;
    }
    guest_advance(&first, 0, OUT_LENGTH);
    CHECK_EQ(WHB_OK, leak_run(whb_handle(first.partition), 0, after));
    before[2] = 0; /* RDX: the call's value */
    before[6] = 0;
    before[7] = whb_handle(first.partition);
    before[0] = after[0];
    for (uint32_t i = 0; i < 16; i++) {
        check_equal("general register of the root", before[i], after[i]);
    }
    guest_destroy(&first);
}

/* A long walk over VPs of two partitions and the root, each checked against what it had last. */
static void random_walk(void)
{
    uint32_t random = 12345, root_seed = SEED_ROOT;
    two_partitions(3, 3);
    leak_root_begin(&root);
    leak_root_fill(&root, root_seed);
    for (uint32_t turn = 0; turn < 60; turn++) {
        random = random * 1664525 + 1013904223;
        struct leak_vp *v = &vps[(random >> 16) % 6];
        switch ((random >> 24) % 5) {
        case 0:
            leak_guest_fill(v, 1 + (random >> 8) % 255);
            break;
        case 1:
            leak_guest_bare(v);
            leak_guest_fill(v, v->seed != 0 ? v->seed : 1 + (random >> 8) % 255);
            break;
        case 2:
            leak_root_check(&root, root_seed);
            root_seed = 1 + (random >> 8) % 255;
            leak_root_fill(&root, root_seed);
            break;
        default:
            leak_guest_check(v);
        }
    }
    leak_root_check(&root, root_seed);
    leak_root_end(&root);
    guest_destroy(&first);
    guest_destroy(&second);
}

/*
 * WAIT looks for x87 exceptions that wait, and with CR0.MP = 0 no CR0.TS stops it: it must look at the VP's own x87
 * state, or it takes #MF for another's (there is no IDT here: a triple fault).
 */
static void waiting_exception(void)
{
    uint64_t cr0;
    two_partitions(1, 1);
    for (uint32_t i = 0; i < 2; i++) {
        leak_guest_run(&vps[i], payload_leak_wait, PORT_WAITED);
        guest_advance(vps[i].guest, 0, OUT_LENGTH);
        leak_guest_bare(&vps[1 - i]);
        WHV_RUN_VP_EXIT_CONTEXT r;
        guest_run(vps[i].guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
        CHECK_EQ(PORT_PENDING, r.IoPortAccess.PortNumber);
        __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
        __asm__ volatile("mov %0, %%cr0\n\tfwait\n\tmov %1, %%cr0" : : "r"(cr0 & ~CR0_MP), "r"(cr0));
    }
    guest_destroy(&first);
    guest_destroy(&second);
}

static void fill_here(void *vp)
{
    leak_guest_fill(vp, 0x64);
}

static void check_here(void *vp)
{
    leak_guest_check(vp);
}

static void on_other_cpu(void (*fn)(void *), struct leak_vp *v)
{
    root_run_on(1, fn, v);
    CHECK(root_wait(1, TICKS));
}

/* VPs 0 and 1 change places between two CPUs, each of which then has the other's leavings; 2 and 3 come fresh. */
static void other_cpu(void)
{
    two_partitions(2, 2);
    leak_guest_fill(&vps[0], 0x15);
    on_other_cpu(fill_here, &vps[1]);
    on_other_cpu(check_here, &vps[0]);
    leak_guest_check(&vps[1]);
    on_other_cpu(check_here, &vps[2]);
    leak_guest_check(&vps[3]);
    leak_guest_check(&vps[0]);
    on_other_cpu(check_here, &vps[1]);
    guest_destroy(&first);
    on_other_cpu(check_here, &vps[3]);
    leak_guest_check(&vps[2]);
    guest_destroy(&second);
}

static void root_here(void *unused)
{
    static struct leak_root other __attribute__((aligned(64)));
    (void)unused;
    leak_root_begin(&other);
    leak_root_fill(&other, SEED_ROOT);
    leak_guest_check(&vps[0]);
    leak_guest_check(&vps[1]);
    leak_root_check(&other, SEED_ROOT);
    leak_root_end(&other);
}

/* The root's registers on another CPU, with a guest that comes filled from the first CPU. */
static void root_of_other_cpu(void)
{
    two_partitions(1, 1);
    leak_guest_fill(&vps[0], 0xb7);
    root_run_on(1, root_here, NULL);
    CHECK(root_wait(1, TICKS));
    leak_guest_check(&vps[0]);
    guest_destroy(&first);
    guest_destroy(&second);
}

const struct scenario scenarios_leak_between[] = {
    {"leak/same-partition", 1, same_partition},
    {"leak/other-partition", 1, other_partition},
    {"leak/after-delete", 1, after_delete},
    {"leak/images-after-delete", 1, images_after_delete},
    {"leak/root-and-guest", 1, root_and_guest},
    {"leak/root-general-registers", 1, root_general_registers},
    {"leak/random-walk", 1, random_walk},
    {"leak/waiting-exception", 1, waiting_exception},
    {"leak/other-cpu", 2, other_cpu},
    {"leak/root-of-other-cpu", 2, root_of_other_cpu},
    {0},
};
