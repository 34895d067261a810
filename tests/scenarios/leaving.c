/* SPDX-License-Identifier: MIT */
/*
 * The ways by which the root could come back without the hypervisor. The scenarios named leaving/ end the machine;
 * scripts/harness/leaving.py boots them and looks at what is left in memory.
 */
#include "tests/scenarios/scenario.h"

extern const uint8_t leaving_code[], leaving_code_end[];

#define CMOS_SHUTDOWN 0x0fu
#define SHUTDOWN_JUMP 0x0au /* to the far pointer at 40:67 */
#define CMOS_WAY 0x58u      /* nobody else's: how many ways have been tried */
#define CODE_SEGMENT 0x7000u
#define SLEEP_ENABLE 0x2000u
#define SLEEP_TYPE(t) ((uint32_t)(t) << 10)
#define VECTOR_GP 13u
#define TICKS 400000000ull

/* What the harness looks for: in the heap while the hypervisor runs, and nowhere afterwards. */
#define MARKER_LOW 0x6f6e2d657661656cull
#define MARKER_HIGH 0x2172656b72616d2dull

/* A byte of physical memory, also at addresses that the compiler takes for NULL's neighbours. */
static uint8_t *memory_at(uint64_t pa)
{
    __asm__("" : "+r"(pa));
    return (uint8_t *)(uintptr_t)pa;
}

static uint32_t read32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static void out32(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static uint8_t cmos_read(uint8_t index)
{
    cpu_outb(0x70, index);
    return cpu_inb(0x71);
}

static void cmos_write(uint8_t index, uint8_t value)
{
    cpu_outb(0x70, index);
    cpu_outb(0x71, value);
}

/* By the RSDT, which Bochs and QEMU have. */
static uint8_t *find_fadt(void)
{
    const uint8_t *rsdt = memory_at(read32(memory_at(scenario_machine->rsdp) + 16));
    for (uint32_t at = 36; at < read32(rsdt + 4); at += 4) {
        uint8_t *table = memory_at(read32(rsdt + at));
        if (memcmp(table, "FACP", 4) == 0) {
            return table;
        }
    }
    return NULL;
}

static uint16_t pm1_control(void)
{
    const uint8_t *fadt = find_fadt();
    CHECK(fadt != NULL);
    return fadt == NULL ? 0 : (uint16_t)read32(fadt + 64);
}

static void write_string(void *port)
{
    static const uint32_t zero[4];
    const void *from = zero;
    uint64_t count = 1;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"((uint16_t)(uintptr_t)port) : "memory");
}

static void read_string(void *port)
{
    static uint32_t room[4];
    void *to = room;
    uint64_t count = 1;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"((uint16_t)(uintptr_t)port) : "memory");
}

static void check_not_offered(void (*access)(void *), uint16_t port)
{
    struct root_fault fault = {0};
    CHECK(root_try(access, (void *)(uintptr_t)port, &fault));
    CHECK_EQ(VECTOR_GP, fault.vector);
    CHECK_EQ(0, fault.error);
}

/* All that is not S5, which is type 0 in the emulators, in every width that reaches the bit. */
static void sleep_states(void)
{
    uint16_t port = pm1_control();
    if (port == 0) {
        return;
    }
    for (uint32_t type = 1; type < 8; type++) {
        uint32_t value = SLEEP_ENABLE | SLEEP_TYPE(type);
        cpu_outw(port, (uint16_t)value);
        cpu_outb((uint16_t)(port + 1), (uint8_t)(value >> 8));
        out32(port, value);
        out32((uint16_t)(port - 2), value << 16);
    }
    check_not_offered(write_string, (uint16_t)(port + 1));
}

static uint32_t count_names(const uint8_t *table, unsigned state)
{
    const uint8_t name[] = {'_', 'S', (uint8_t)('0' + state), '_', 0x12};
    uint32_t found = 0;
    for (uint32_t at = 36; at + sizeof(name) < read32(table + 4); at++) {
        found += memcmp(table + at, name, sizeof(name)) == 0;
    }
    return found;
}

/* An operating system does not even find what is refused. */
static void sleep_names(void)
{
    const uint8_t *fadt = find_fadt();
    const uint8_t *dsdt = memory_at(fadt == NULL ? 0 : read32(fadt + 40));
    uint8_t sum = 0;
    if (fadt == NULL) {
        return;
    }
    for (uint32_t i = 0; i < read32(dsdt + 4); i++) {
        sum = (uint8_t)(sum + dsdt[i]);
    }
    CHECK_EQ(0, sum);
    CHECK_EQ(1, count_names(dsdt, 5));
    for (unsigned state = 1; state <= 4; state++) {
        CHECK_EQ(0, count_names(dsdt, state));
    }
}

static void keyboard_wait(uint8_t mask, uint8_t value)
{
    for (unsigned i = 0; i < 100000 && (cpu_inb(0x64) & mask) != value; i++) {
    }
}

static void keyboard_write(uint16_t port, uint8_t value)
{
    keyboard_wait(2, 0);
    cpu_outb(port, value);
}

/* The same ports for everything else. */
static void other_uses(void)
{
    const uint32_t address = 0x80000604u; /* its second byte would be a reset at CF9H */
    out32(0xcf8, address);
    CHECK_EQ(address, in32(0xcf8));
    out32(0xcf8, 0x80000000u);
    CHECK(in32(0xcfc) != UINT32_MAX);
    cpu_outb(0xcf9, 0x02);
    CHECK_EQ(0, cpu_inb(0xcf9) & 4);
    uint64_t rax = 0x1122334455667788;
    __asm__ volatile("inb $0x92, %%al" : "+a"(rax));
    CHECK_EQ(0x1122334455667700, rax & ~0xffull);
    cpu_outb(0x92, (uint8_t)((rax | 2) & 0xfe));
    CHECK_EQ(2, cpu_inb(0x92) & 3);
    cpu_outb(0x92, (uint8_t)(rax & 0xfc)); /* A20 stays on: emulators obey it in VMX operation */
    CHECK_EQ(2, cpu_inb(0x92) & 3);
    while ((cpu_inb(0x64) & 1) != 0) {
        (void)cpu_inb(0x60);
    }
    keyboard_write(0x64, 0xd0);
    keyboard_wait(1, 1);
    uint8_t lines = cpu_inb(0x60);
    CHECK_EQ(1, lines & 1);
    keyboard_write(0x64, 0xd1);
    keyboard_write(0x60, lines | 3);
    keyboard_write(0x64, 0xff);
    keyboard_wait(2, 0);
    check_not_offered(write_string, 0x64);
    check_not_offered(read_string, 0x92);
}

static void by_keyboard(void)
{
    cpu_outb(0x64, 0xfe);
}

static void by_output_port(void)
{
    keyboard_write(0x64, 0xd1);
    keyboard_write(0x60, 0xfe);
}

static void by_system_control(void)
{
    cpu_outb(0x92, cpu_inb(0x92) | 1);
}

static void by_reset_control(void)
{
    cpu_outb(0xcf9, 0x02);
    cpu_outb(0xcf9, 0x06);
}

static void by_triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none;
    __asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static const struct {
    const char *name;
    void (*go)(void);
} ways[] = {
    {"port 64H", by_keyboard},       {"ports 64H and 60H", by_output_port}, {"port 92H", by_system_control},
    {"port CF9H", by_reset_control}, {"triple fault", by_triple_fault},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void leave_marker(void)
{
    static struct guest guest;
    const WHV_REGISTER_NAME name = WHvX64RegisterXmm0;
    const WHV_REGISTER_VALUE value = {.Reg128 = {.Low64 = MARKER_LOW, .High64 = MARKER_HIGH}};
    guest_create(&guest, 1, 0);
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(guest.partition, 0, &name, 1, &value));
}

/* Firmware would go on at 7000:0. */
static void prepare_return(void)
{
    static const uint16_t target[2] = {0, CODE_SEGMENT};
    memcpy(memory_at(CODE_SEGMENT * 16), leaving_code, (size_t)(leaving_code_end - leaving_code));
    memcpy(memory_at(0x467), target, sizeof(target));
    cmos_write(CMOS_SHUTDOWN, SHUTDOWN_JUMP);
}

/* One way with each start of the machine, then off, by ACPI. */
static void resets(void)
{
    uint8_t way = cmos_read(CMOS_WAY);
    if (way >= WAYS) {
        root_printf("back by firmware after %u ways; off by S5\n", way);
        console_drain();
        cpu_outw(pm1_control(), SLEEP_ENABLE);
    } else {
        root_printf("leaving by %s\n", ways[way].name);
        console_drain();
        leave_marker();
        prepare_return();
        cmos_write(CMOS_WAY, way + 1);
        ways[way].go();
    }
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < TICKS;) {
        cpu_pause();
    }
    check_equal("the machine has ended", 1, 0);
}

const struct scenario scenarios_leaving[] = {
    {"root-leaving/sleep-states", 1, sleep_states},
    {"root-leaving/sleep-names", 1, sleep_names},
    {"root-leaving/other-uses", 1, other_uses},
    {"leaving/resets", 1, resets},
    {0},
};
