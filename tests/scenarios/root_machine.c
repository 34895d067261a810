/* SPDX-License-Identifier: MIT */
/* What the root partition sees of the machine, and what it does not. */
#include "tests/scenarios/scenario.h"

#define VECTOR_UD 6u
#define VECTOR_GP 13u
#define MSR_FEATURE_CONTROL 0x3au
#define MSR_VMX_BASIC 0x480u
#define MSR_VMX_LAST 0x491u
#define MSR_EFER 0xc0000080u
#define CPUID_1_ECX_VMX (1u << 5)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)

static void read_byte(void *at)
{
    (void)*(volatile uint8_t *)at;
}

static void write_byte(void *at)
{
    *(volatile uint8_t *)at = 0;
}

static void jump(void *at)
{
    void (*code)(void);
    memcpy(&code, &at, sizeof(code));
    code();
}

static void check_faults(const char *what, void (*fn)(void *), void *arg, uint64_t vector)
{
    struct root_fault fault = {0};
    if (!root_try(fn, arg, &fault)) {
        check_equal(what, vector, UINT64_MAX);
        return;
    }
    check_equal(what, vector, fault.vector);
    check_equal(what, 0, fault.error);
}

/* First, middle and last byte of the hypervisor's image and heap. */
static void isolation(void)
{
    uint32_t ranges = 0;
    for (uint32_t i = 0; i < scenario_machine->range_count; i++) {
        const struct whb_memory_range *r = &scenario_machine->ranges[i];
        if (r->type != WHB_MEMORY_HYPERVISOR) {
            continue;
        }
        ranges++;
        const uint64_t at[] = {r->base, r->base + r->size / 2, r->base + r->size - 1};
        for (unsigned n = 0; n < 3; n++) {
            void *p = (void *)(uintptr_t)at[n];
            check_faults("read of hypervisor memory", read_byte, p, VECTOR_GP);
            check_faults("write of hypervisor memory", write_byte, p, VECTOR_GP);
            check_faults("execution of hypervisor memory", jump, p, VECTOR_GP);
        }
    }
    CHECK(ranges >= 2);
}

static void leaves(void)
{
    CHECK_EQ(0, cpu_cpuid(1, 0).ecx & CPUID_1_ECX_VMX);
    CHECK(cpu_cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR);
    struct cpu_cpuid base = cpu_cpuid(WHB_CPUID_BASE, 0);
    const uint32_t text[3] = {base.ebx, base.ecx, base.edx};
    CHECK(base.eax >= WHB_CPUID_INTERFACE);
    CHECK_EQ(0, memcmp(text, "WhimbrelRoot", sizeof(text)));
    CHECK_EQ((WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR, cpu_cpuid(WHB_CPUID_INTERFACE, 0).eax);
}

static void vmxon(void *arg)
{
    __asm__ volatile("vmxon (%0)" : : "r"(arg) : "memory", "cc");
}

static void vmread(void *arg)
{
    uint64_t value;
    __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((uint64_t)(uintptr_t)arg) : "cc");
}

static void vmlaunch(void *arg)
{
    (void)arg;
    __asm__ volatile("vmlaunch" : : : "memory", "cc");
}

static void set_vmxe(void *arg)
{
    uint64_t cr4;
    (void)arg;
    __asm__ volatile("mov %%cr4, %0\n\tbts $13, %0\n\tmov %0, %%cr4" : "=r"(cr4) : : "memory", "cc");
}

static void read_msr(void *arg)
{
    (void)cpu_rdmsr((uint32_t)(uintptr_t)arg);
}

static void write_feature_control(void *arg)
{
    cpu_wrmsr(MSR_FEATURE_CONTROL, (uintptr_t)arg);
}

static void hidden_vmx(void)
{
    uint64_t region = 0;
    check_faults("VMXON", vmxon, &region, VECTOR_UD);
    check_faults("VMREAD", vmread, NULL, VECTOR_UD);
    check_faults("VMLAUNCH", vmlaunch, NULL, VECTOR_UD);
    check_faults("CR4.VMXE", set_vmxe, NULL, VECTOR_GP);
    for (uint32_t msr = MSR_VMX_BASIC; msr <= MSR_VMX_LAST; msr++) {
        check_faults("RDMSR of a VMX capability", read_msr, (void *)(uintptr_t)msr, VECTOR_GP);
    }
    CHECK_EQ(1, cpu_rdmsr(MSR_FEATURE_CONTROL)); /* locked, VMX off */
    check_faults("WRMSR IA32_FEATURE_CONTROL", write_feature_control, (void *)5, VECTOR_GP);
    uint64_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    CHECK_EQ(0, cr4 & (1u << 13));
}

static void set_xcr0(void *arg)
{
    uint64_t value = (uintptr_t)arg;
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static void set_xcr1(void *arg)
{
    (void)arg;
    __asm__ volatile("xsetbv" : : "c"(1), "a"(1), "d"(0) : "memory");
}

static uint64_t get_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static void xsetbv(void)
{
    uint64_t cr4;
    if ((cpu_cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE) == 0) {
        return;
    }
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | (1u << 18)));
    uint64_t before = get_xcr0(), offered = cpu_cpuid(0xd, 0).eax & 7;
    check_faults("XCR0 = 0", set_xcr0, NULL, VECTOR_GP);
    check_faults("XCR0 without x87", set_xcr0, (void *)2, VECTOR_GP);
    check_faults("XCR0 with AVX, without SSE", set_xcr0, (void *)5, VECTOR_GP);
    check_faults("XCR0 reserved bit", set_xcr0, (void *)(1ull << 62 | 3), VECTOR_GP);
    check_faults("XCR1", set_xcr1, NULL, VECTOR_GP);
    CHECK_EQ(before, get_xcr0());
    CHECK(!root_try(set_xcr0, (void *)(uintptr_t)offered, NULL));
    CHECK_EQ(offered, get_xcr0());
    CHECK(!root_try(set_xcr0, (void *)(uintptr_t)before, NULL));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
}

static void write_efer(void *arg)
{
    cpu_wrmsr(MSR_EFER, (uintptr_t)arg);
}

static void efer(void)
{
    uint64_t before = cpu_rdmsr(MSR_EFER);
    CHECK_EQ(0x500, before & 0x500);
    check_faults("EFER reserved bit 1", write_efer, (void *)(before | 2), VECTOR_GP);
    check_faults("EFER reserved bit 63", write_efer, (void *)(before | 1ull << 63), VECTOR_GP);
    check_faults("EFER.LME off under paging", write_efer, (void *)(before & ~0x100ull), VECTOR_GP);
    CHECK_EQ(before, cpu_rdmsr(MSR_EFER));
    cpu_wrmsr(MSR_EFER, before ^ 1);
    CHECK_EQ(before ^ 1, cpu_rdmsr(MSR_EFER));
    cpu_wrmsr(MSR_EFER, before);
}

/* The log from its beginning, piece by piece, says what the console said. */
static void log_ring(void)
{
    struct {
        struct whb_log_read header;
        char text[57];
    } part;
    uint64_t position = 0, copied = 0, found = 0;
    const char *wanted = "starting the root partition";
    memset(&part, 0, sizeof(part));
    do {
        CHECK_EQ(WHB_OK, whb_call(WHB_CALL_LOG_READ, position, (uintptr_t)&part, 8 + 56, 0, 0, &copied));
        CHECK(part.header.position >= position);
        CHECK(copied <= 56);
        for (uint64_t i = 0; i < copied; i++) {
            found += wanted[found] == '\0' ? 0 : wanted[found] == part.text[i] ? 1 : 0 - found;
        }
        position = part.header.position + copied;
    } while (copied != 0);
    CHECK_EQ(27, found);
    CHECK(position > 100);
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_LOG_READ, UINT64_MAX, (uintptr_t)&part, 64, 0, 0, &copied));
    CHECK_EQ(0, copied);
}

static void accounting(void)
{
    struct whb_statistics s = {0};
    uint64_t written = 0;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, &written));
    CHECK_EQ(sizeof(s), written);
    CHECK_EQ(s.heap_total, s.heap_free + s.heap_page_tables + s.heap_ept + s.heap_partition + s.heap_vp +
                               s.heap_root_map + s.heap_trace);
    CHECK_EQ(root_cpu_count(), s.cpus);
    CHECK_EQ(0, s.partitions);
    CHECK_EQ(0, s.heap_partition);
    CHECK_EQ(scenario_machine->tsc_khz, s.tsc_khz);
    CHECK(s.image_bytes > 4096);
}

static void audit_here(void *arg)
{
    static struct whb_mapping_audit a;
    (void)arg;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_AUDIT_MAPPINGS, (uintptr_t)&a, sizeof(a), 0, 0, 0, NULL));
    CHECK(a.pages > 0 && a.writable > 0 && a.executable > 0);
    CHECK_EQ(0, a.writable_executable);
    CHECK_EQ(0, a.user);
    CHECK(a.stacks > 0);
    CHECK_EQ(a.stacks, a.guard_gaps);
    CHECK_EQ(1, a.cr0_wp);
    CHECK_EQ(1, a.efer_nxe);
    CHECK_EQ(a.cpu_features & 1, a.cr4_smep);
    CHECK_EQ(a.cpu_features >> 1 & 1, a.cr4_smap);
    CHECK_EQ(a.cpu_features >> 2 & 1, a.cr4_umip);
    CHECK_EQ(cpu_cpuid(7, 0).ebx >> 7 & 1, a.cpu_features & 1);
}

static void audit(void)
{
    audit_here(NULL);
    for (uint32_t i = 1; i < root_cpu_count(); i++) {
        root_run_on(i, audit_here, NULL);
        CHECK(root_wait(i, 4000000000ull));
    }
}

#define WINDOW_SLOT 101u /* of the root's top page table */

/* A 4 KiB page at `pa`, whatever the initial page tables map. */
static void *far_page(uint64_t pa)
{
    uint64_t *top, cr3 = cpu_read_cr3() & ~(ROOT_PAGE - 1), at = (uint64_t)WINDOW_SLOT << 39, entry = pa;
    void *page;
    memcpy(&top, &cr3, sizeof(top));
    for (unsigned i = 0; i < 3; i++) {
        uint64_t *table = root_alloc_pages(1, ROOT_PAGE);
        table[0] = entry | 3;
        entry = (uintptr_t)table;
    }
    top[WINDOW_SLOT] = entry | 3;
    __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
    memcpy(&page, &at, sizeof(page));
    return page;
}

/* With keyid-bits=N the first address that is no memory is one that the processor knows: the same memory again. */
static void physical_width(void)
{
    uint64_t width = cpu_cpuid(0x80000008, 0).eax & 0xff;
    struct root_fault fault = {0};
    CHECK(!root_try(read_byte, far_page((1ull << width) - ROOT_PAGE), &fault));
    for (uint32_t i = 0; i < scenario_machine->range_count; i++) {
        const struct whb_memory_range *r = &scenario_machine->ranges[i];
        CHECK(root_try(read_byte, far_page(1ull << width | r->base), &fault));
        CHECK(root_try(write_byte, far_page(1ull << width | r->base), &fault));
    }
    struct guest g;
    guest_create(&g, 1, 0);
    CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT,
             whb_map(whb_handle(g.partition), (const void *)(1ull << width), 1u << 30, ROOT_PAGE, 1));
    CHECK_EQ(WHB_OK,
             whb_map(whb_handle(g.partition), (const void *)((1ull << width) - ROOT_PAGE), 1u << 30, ROOT_PAGE, 1));
    WHV_CPUID_OUTPUT output = {0};
    CHECK_EQ(S_OK, WHvGetVirtualProcessorCpuidOutput(g.partition, 0, 0x80000008, 0, &output));
    CHECK_EQ(width, output.Eax & 0xff);
    UINT32 capability = 0, size;
    CHECK_EQ(S_OK, WHvGetCapability(WHvCapabilityCodePhysicalAddressWidth, &capability, sizeof(capability), &size));
    CHECK_EQ(width, capability);
    guest_destroy(&g);
    CHECK_EQ(0, cpu_cpuid(7, 0).ecx & (1u << 13));
    static const uint32_t hidden[] = {0x87, 0x981, 0x982, 0x983, 0x984};
    for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        check_faults("a TME MSR", read_msr, (void *)(uintptr_t)hidden[i], VECTOR_GP);
    }
}

const struct scenario scenarios_root_machine[] = {
    {"root-isolation", 1, isolation},
    {"root-cpuid", 1, leaves},
    {"root-no-vmx", 1, hidden_vmx},
    {"root-xsetbv", 1, xsetbv},
    {"root-efer", 1, efer},
    {"root-log", 1, log_ring},
    {"root-statistics", 1, accounting},
    {"root-mapping-audit", 1, audit},
    {"root-physical-width", 1, physical_width},
    {0},
};
