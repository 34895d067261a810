/* SPDX-License-Identifier: MIT */
/* x87, SSE, AVX and AVX-512 registers: each VP keeps its own, and none shows another's. */
#include "root/lib/hypercall.h"
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(fpu64);

#define CR4_FPU 0x40620ull /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
#define XCR0_LEGACY 3ull
#define XCR0_TO_AVX 7ull
#define XCR0_ALL 0xe7ull
#define IMAGE_IN(vp) (0x20000u + 0x4000u * (vp))
#define IMAGE_OUT(vp) (0x22000u + 0x4000u * (vp))
#define IMAGE_SIZE 0x1000u
#define XSTATE_BV 512u
#define X87_REGISTERS 32u
#define XMM_REGISTERS 160u
#define TICKS 2000000000ull
#define CPUID_1_XSAVE (1u << 26)

/* The components that this processor and the hypervisor offer, out of XCR0_ALL. */
static uint64_t offered(void)
{
    if ((cpu_cpuid(1, 0).ecx & CPUID_1_XSAVE) == 0) {
        return 0;
    }
    return cpu_cpuid(0xd, 0).eax & XCR0_ALL;
}

static uint8_t pattern(uint32_t seed, uint32_t at)
{
    return (uint8_t)(seed * 0x35 + at * 7 + (at >> 8) + 1);
}

static void fill(uint8_t *image, uint32_t seed, uint32_t from, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        image[from + i] = pattern(seed, from + i);
    }
}

/* An image whose every register has a pattern of its own. */
static void make_image(uint8_t *image, uint32_t seed, uint64_t components)
{
    const uint16_t control = 0x37f;
    const uint32_t mxcsr = 0x1f80;
    memset(image, 0, IMAGE_SIZE);
    memcpy(image, &control, sizeof(control));
    image[4] = 0xff; /* all x87 registers in use */
    memcpy(image + 24, &mxcsr, sizeof(mxcsr));
    for (uint32_t i = 0; i < 8; i++) {
        fill(image, seed, X87_REGISTERS + 16 * i, 10);
    }
    fill(image, seed, XMM_REGISTERS, 256);
    for (uint32_t i = 2; i < 8; i++) {
        if ((components >> i & 1) != 0) {
            fill(image, seed, cpu_cpuid(0xd, i).ebx, cpu_cpuid(0xd, i).eax);
        }
    }
    memcpy(image + XSTATE_BV, &components, sizeof(components));
}

static void compare(const char *what, const uint8_t *is, const uint8_t *should, uint32_t from, uint32_t size)
{
    for (uint32_t i = from; i < from + size; i++) {
        if (is[i] != should[i]) {
            check_equal(what, (uint64_t)i << 8 | should[i], (uint64_t)i << 8 | is[i]);
            return;
        }
    }
}

/* Registers alone: the pointers of the last x87 instruction may differ by what the processor keeps of them. */
static void compare_images(const uint8_t *is, const uint8_t *should, uint64_t components)
{
    compare("control word (offset, value)", is, should, 0, 2);
    compare("tag word (offset, value)", is, should, 4, 1);
    for (uint32_t i = 0; i < 8; i++) {
        compare("x87 register (offset, value)", is, should, X87_REGISTERS + 16 * i, 10);
    }
    compare("XMM register (offset, value)", is, should, XMM_REGISTERS, 256);
    for (uint32_t i = 2; i < 8; i++) {
        if ((components >> i & 1) != 0) {
            compare("extended component (offset, value)", is, should, cpu_cpuid(0xd, i).ebx, cpu_cpuid(0xd, i).eax);
        }
    }
}

static void start_vp(struct guest *g, uint32_t vp, uint64_t xcr0, bool load)
{
    guest_load(g, vp, payload_fpu64, payload_fpu64_end, PAYLOAD_AT);
    guest_enter_mode(g, vp, GUEST_LONG, PAYLOAD_AT);
    guest_set(g, vp, WHvX64RegisterCr4, CR4_FPU);
    guest_set(g, vp, WHvX64RegisterRbx, xcr0);
    guest_set(g, vp, WHvX64RegisterRbp, load);
    guest_set(g, vp, WHvX64RegisterRsi, IMAGE_IN(vp));
    guest_set(g, vp, WHvX64RegisterRdi, IMAGE_OUT(vp));
    make_image(g->ram + IMAGE_IN(vp), vp + 1, xcr0);
    memset(g->ram + IMAGE_OUT(vp), 0, IMAGE_SIZE);
}

struct turn {
    struct guest *g;
    uint32_t vp;
    uint16_t port;
};

static void take_turn(void *arg)
{
    const struct turn *t = arg;
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(t->g, t->vp, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(t->port, r.IoPortAccess.PortNumber);
    guest_skip(t->g, t->vp, &r);
}

static void run_on(uint32_t cpu, struct guest *g, uint32_t vp, uint16_t port)
{
    static struct turn t;
    t = (struct turn){g, vp, port};
    if (cpu == 0) {
        take_turn(&t);
        return;
    }
    root_run_on(cpu, take_turn, &t);
    CHECK(root_wait(cpu, TICKS));
}

static void check_vp(struct guest *g, uint32_t vp, uint64_t xcr0)
{
    compare_images(g->ram + IMAGE_OUT(vp), g->ram + IMAGE_IN(vp), xcr0);
    CHECK_EQ(xcr0, guest_get(g, vp, WHvX64RegisterR8));
    CHECK_EQ(xcr0, guest_get(g, vp, WHvX64RegisterXCr0));
    memset(g->ram + IMAGE_OUT(vp), 0, IMAGE_SIZE);
}

/* Three VPs with XCR0s of their own take turns, on all CPUs in turn. */
static void kept(void)
{
    struct guest g;
    uint64_t all = offered();
    const uint64_t xcr0[3] = {all, all & XCR0_TO_AVX, all & XCR0_LEGACY};
    if (all == 0) {
        return;
    }
    guest_create(&g, 3, 0);
    for (uint32_t vp = 0; vp < 3; vp++) {
        start_vp(&g, vp, xcr0[vp], true);
    }
    for (uint32_t turn = 0; turn < 12; turn++) {
        for (uint32_t vp = 0; vp < 3; vp++) {
            run_on((turn + vp) % root_cpu_count(), &g, vp, 0x80);
        }
        for (uint32_t vp = 0; vp < 3; vp++) {
            run_on((turn / 2 + vp) % root_cpu_count(), &g, vp, 0x81);
            check_vp(&g, vp, xcr0[vp]);
        }
    }
    guest_destroy(&g);
}

/* What a VP that loaded nothing sees: the initial configuration (SDM vol. 1, 13.6). */
static void check_empty(struct guest *g, uint32_t vp, uint64_t xcr0)
{
    static uint8_t empty[IMAGE_SIZE];
    const uint16_t control = (uint16_t)guest_get(g, vp, WHvX64RegisterFpControlStatus);
    start_vp(g, vp, xcr0, false);
    run_on(0, g, vp, 0x80);
    run_on(0, g, vp, 0x81);
    memset(empty, 0, sizeof(empty));
    memcpy(empty, &control, sizeof(control));
    const uint8_t *out = g->ram + IMAGE_OUT(vp);
    empty[4] = out[4]; /* an FNINIT'ed unit says 0, one after reset has zeroes in all registers */
    compare_images(out, empty, xcr0);
}

static void load_patterns(struct guest *g, uint32_t vp, uint64_t xcr0)
{
    start_vp(g, vp, xcr0, true);
    run_on(0, g, vp, 0x80);
}

/* Another VP, one made anew at the same index, and one of a new partition see nothing of the patterns. */
static void no_leak(void)
{
    struct guest g;
    uint64_t all = offered();
    if (all == 0) {
        return;
    }
    for (uint32_t round = 0; round < 3; round++) {
        guest_create(&g, 2, 0);
        load_patterns(&g, 0, all);
        check_empty(&g, 1, all);
        CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(g.partition, 0));
        CHECK_EQ(S_OK, WHvCreateVirtualProcessor(g.partition, 0, 0));
        check_empty(&g, 0, all);
        load_patterns(&g, 0, all);
        load_patterns(&g, 1, all);
        guest_destroy(&g);
    }
    guest_create(&g, 2, 0);
    check_empty(&g, 0, all);
    check_empty(&g, 1, all);
    guest_destroy(&g);
}

/* XCR0 turned down does not lose what the components above held. */
static void xcr0_down_and_up(void)
{
    struct guest g;
    uint64_t all = offered();
    if (all == 0) {
        return;
    }
    guest_create(&g, 1, 0);
    load_patterns(&g, 0, all);
    guest_set(&g, 0, WHvX64RegisterXCr0, XCR0_LEGACY);
    run_on(0, &g, 0, 0x81);
    CHECK_EQ(XCR0_LEGACY, guest_get(&g, 0, WHvX64RegisterR8));
    guest_set(&g, 0, WHvX64RegisterXCr0, all);
    run_on(0, &g, 0, 0x80);
    run_on(0, &g, 0, 0x81);
    check_vp(&g, 0, all);
    guest_destroy(&g);
}

/* The register names and the XSAVE image say what the guest has; what they set, the guest gets. */
static void by_name(void)
{
    struct guest g;
    static uint8_t state[IMAGE_SIZE];
    uint64_t written = 0;
    uint64_t all = offered();
    if (all == 0) {
        return;
    }
    guest_create(&g, 1, 0);
    load_patterns(&g, 0, all);
    uint8_t *in = g.ram + IMAGE_IN(0);
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_VP_STATE_GET, whb_handle(g.partition), 0, WHvVirtualProcessorStateTypeXsaveState,
                              (uintptr_t)state, sizeof(state), &written));
    compare_images(state, in, all);
    for (uint32_t i = 0; i < 16; i++) {
        const WHV_REGISTER_NAME name = (WHV_REGISTER_NAME)(WHvX64RegisterXmm0 + i);
        WHV_REGISTER_VALUE v = {0};
        CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
        CHECK_EQ(0, memcmp(&v, in + XMM_REGISTERS + 16 * i, 16));
        fill((uint8_t *)&v, 77 + i, 0, 16);
        memcpy(in + XMM_REGISTERS + 16 * i, &v, 16);
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    }
    for (uint32_t i = 0; i < 8; i++) {
        const WHV_REGISTER_NAME name = (WHV_REGISTER_NAME)(WHvX64RegisterFpMmx0 + i);
        WHV_REGISTER_VALUE v = {0};
        CHECK_EQ(S_OK, WHvGetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
        CHECK_EQ(0, memcmp(&v, in + X87_REGISTERS + 16 * i, 10));
        fill((uint8_t *)&v, 99 + i, 0, 10);
        memcpy(in + X87_REGISTERS + 16 * i, &v, 10);
        CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(g.partition, 0, &name, 1, &v));
    }
    run_on(0, &g, 0, 0x81);
    check_vp(&g, 0, all);
    guest_destroy(&g);
}

const struct scenario scenarios_fpu_registers[] = {
    {"fpu/kept", 1, kept},       {"fpu/kept-across-cpus", 2, kept},
    {"fpu/no-leak", 1, no_leak}, {"fpu/xcr0-down-and-up", 1, xcr0_down_and_up},
    {"fpu/by-name", 1, by_name}, {0},
};
