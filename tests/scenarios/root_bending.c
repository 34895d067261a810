/* SPDX-License-Identifier: MIT */
/* What the root writes to its registers does not bend the hypervisor's. */
#include "tests/scenarios/scenario.h"

#define VECTOR_GP 13u
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)

static uint64_t read_cr0(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static void write_cr0(void *arg)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(arg) : "memory");
}

static struct whb_mapping_audit audit(void)
{
    static struct whb_mapping_audit a;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_AUDIT_MAPPINGS, (uintptr_t)&a, sizeof(a), 0, 0, 0, NULL));
    return a;
}

/* As for the programming of MTRRs: CD, WBINVD, CD off again. Neither entries nor exits load CD and NW. */
static void caches(void)
{
    const uint64_t before = read_cr0(), forms[] = {CR0_CD, CR0_CD | CR0_NW};
    CHECK_EQ(0, before & (CR0_CD | CR0_NW));
    for (unsigned i = 0; i < 2; i++) {
        CHECK(!root_try(write_cr0, (void *)(before | forms[i]), NULL));
        CHECK_EQ(before | forms[i], read_cr0());
        CHECK_EQ(0, audit().cr0_cd);
        __asm__ volatile("wbinvd" : : : "memory");
        CHECK(!root_try(write_cr0, (void *)before, NULL));
        CHECK_EQ(before, read_cr0());
    }
    struct root_fault fault = {0};
    CHECK(root_try(write_cr0, (void *)(before | CR0_NW), &fault));
    CHECK_EQ(VECTOR_GP, fault.vector);
    CHECK_EQ(before, read_cr0());
}

const struct scenario scenarios_root_bending[] = {
    {"root-caches", 1, caches},
    {0},
};
