/* SPDX-License-Identifier: MIT */
/* Hypercalls that are refused: each with its status, and without any effect. */
#include "tests/scenarios/scenario.h"

#define NOBODY 0x123450001ull /* a handle that was never given out */
#define BEYOND_GPA (1ull << 52)

/* A page of RAM for replies. */
static uint8_t *buffer;
static uint64_t partition; /* set up, one VP of two, GUEST_RAM of memory */
static struct whb_run_page *second_run_page;

static struct whb_statistics statistics(void)
{
    static struct whb_statistics s;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL));
    return s;
}

/* GPA_MAP has the members of its one extent as arguments 1 to 4: pa, gpa, size, flags. */
struct refusal {
    const char *what;
    enum whb_call call;
    uint64_t arg[5];
    enum whb_status status;
};

static void check_refusals(const struct refusal *r)
{
    for (; r->what != NULL; r++) {
        struct whb_statistics before = statistics(), after;
        uint64_t value = 0x55;
        const struct whb_extent extent = {.pa = r->arg[1], .gpa = r->arg[2], .size = r->arg[3], .flags = r->arg[4]};
        enum whb_status came = r->call == WHB_CALL_GPA_MAP
                                   ? whb_call(r->call, r->arg[0], (uintptr_t)&extent, 1, 0, 0, &value)
                                   : whb_call(r->call, r->arg[0], r->arg[1], r->arg[2], r->arg[3], r->arg[4], &value);
        check_equal(r->what, r->status, came);
        if (r->status != WHB_ERROR_BUFFER_TOO_SMALL) {
            check_equal("RDX of a refused call", 0, value);
        }
        after = statistics();
        check_equal(r->what, 0, (uint64_t)memcmp(&before, &after, sizeof(before)));
    }
}

static enum whb_status call_raw(uint64_t rax)
{
    uint64_t rdx = 0;
    __asm__ volatile("vmcall" : "+a"(rax), "+d"(rdx) : : "memory", "cc");
    CHECK_EQ(0, rdx);
    return (enum whb_status)rax;
}

static void gate(void)
{
    CHECK_EQ(WHB_ERROR_UNKNOWN_CALL, call_raw(WHB_CALL(WHB_CALL_COUNT)));
    CHECK_EQ(WHB_ERROR_UNKNOWN_CALL, call_raw(WHB_CALL(0xffff)));
    CHECK_EQ(WHB_ERROR_UNKNOWN_CALL, call_raw(WHB_CALL(34))); /* version 1's VP_DIAGNOSTICS */
    CHECK_EQ(WHB_ERROR_VERSION, call_raw(0));
    CHECK_EQ(WHB_ERROR_VERSION, call_raw(((WHB_ABI_MAJOR - 1) << 16) | WHB_CALL_PARTITION_CREATE));
    CHECK_EQ(WHB_ERROR_VERSION, call_raw(((WHB_ABI_MAJOR + 1) << 16) | WHB_CALL_PARTITION_CREATE));
    CHECK_EQ(WHB_ERROR_UNKNOWN_CALL, call_raw(WHB_CALL(0) | (1ull << 32)));
    CHECK_EQ(WHB_ERROR_UNKNOWN_CALL, call_raw(WHB_CALL(WHB_CALL_PARTITION_CREATE) | (1ull << 63)));
    uint64_t version = 0;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_VERSION, 0, 0, 0, 0, 0, &version));
    CHECK_EQ((WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR, version);
}

/* A hypercall keeps RFLAGS and every register but RAX and RDX. */
static void registers_kept(void)
{
    uint64_t rbx = 0x1111, rsi = 0x2222, rcx = 0x4444, before, after, rax = WHB_CALL(0), rdx = 0;
    __asm__ volatile("stc\n\tstd\n\tpushfq\n\tpopq %4\n\tvmcall\n\tpushfq\n\tpopq %5\n\tcld"
                     : "+b"(rbx), "+S"(rsi), "+c"(rcx), "+a"(rax), "=&r"(before), "=&r"(after), "+d"(rdx)
                     :
                     : "memory", "cc");
    CHECK_EQ(before, after);
    CHECK_EQ(0x1111, rbx);
    CHECK_EQ(0x2222, rsi);
    CHECK_EQ(0x4444, rcx);
}

static void create(struct guest *g)
{
    guest_create(g, 2, 0);
    partition = whb_handle(g->partition);
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(g->partition, 1));
    g->vps = 1;
    buffer = buffer == NULL ? root_alloc_pages(1, ROOT_PAGE) : buffer;
    second_run_page = second_run_page == NULL ? root_alloc_pages(1, ROOT_PAGE) : second_run_page;
}

/* The guest of the refused calls still works. */
static void finish(struct guest *g)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    const uint8_t halt = 0xf4;
    guest_load(g, 0, &halt, &halt + 1, 0x1000);
    guest_run(g, 0, &r, WHvRunVpExitReasonX64Halt);
    CHECK_EQ(0x1001, r.VpContext.Rip);
    guest_destroy(g);
}

static void handles(void)
{
    struct guest g;
    create(&g);
    uint64_t deleted = 0;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &deleted));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, deleted, 0, 0, 0, 0, NULL));
    const uint64_t bad[] = {0, NOBODY, deleted, UINT64_MAX, partition ^ (1ull << 47), partition + (1ull << 48)};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (uint32_t call = WHB_CALL_PARTITION_SETUP; call <= WHB_CALL_CPUID_OUTPUT; call++) {
            const struct refusal r[] = {
                {"bad handle", (enum whb_call)call, {bad[i], 0, 0, 0, 0}, WHB_ERROR_INVALID_HANDLE}, {0}};
            check_refusals(r);
        }
    }
    finish(&g);
}

static void partition_states(void)
{
    struct guest g;
    create(&g);
    uint64_t fresh = 0, room = (uintptr_t)buffer;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_CREATE, 0, 0, 0, 0, 0, &fresh));
    memset(buffer, 0, 16);
    const struct refusal r[] = {
        {"set up without count", WHB_CALL_PARTITION_SETUP, {fresh}, WHB_ERROR_INVALID_CONFIG},
        {"map before setup", WHB_CALL_GPA_MAP, {fresh, room, 0, 4096, 7}, WHB_ERROR_INVALID_STATE},
        {"unmap before setup", WHB_CALL_GPA_UNMAP, {fresh, 0, 4096}, WHB_ERROR_INVALID_STATE},
        {"VP before setup", WHB_CALL_VP_CREATE, {fresh, 0, room}, WHB_ERROR_INVALID_STATE},
        {"run before setup", WHB_CALL_VP_RUN, {fresh, 0}, WHB_ERROR_VP_ABSENT},
        {"set up twice", WHB_CALL_PARTITION_SETUP, {partition}, WHB_ERROR_INVALID_STATE},
        {"count after setup", WHB_CALL_PROPERTY_SET, {partition, 0x1fff, room, 4}, WHB_ERROR_INVALID_STATE},
        {"count 0", WHB_CALL_PROPERTY_SET, {fresh, 0x1fff, room, 4}, WHB_ERROR_INVALID_ARGUMENT},
        {0},
    };
    check_refusals(r);
    uint32_t many = WHB_MAX_VPS + 1;
    memcpy(buffer, &many, sizeof(many));
    const struct refusal too_many[] = {
        {"count 65", WHB_CALL_PROPERTY_SET, {fresh, 0x1fff, room, 4}, WHB_ERROR_INVALID_ARGUMENT}, {0}};
    check_refusals(too_many);
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_PARTITION_DELETE, fresh, 0, 0, 0, 0, NULL));
    finish(&g);
}

static void properties(void)
{
    struct guest g;
    create(&g);
    uint64_t room = (uintptr_t)buffer, p = partition, size = 0;
    memset(buffer, 0xff, 64);
    const struct refusal r[] = {
        {"get unknown", WHB_CALL_PROPERTY_GET, {p, 0x7777, room, 64}, WHB_ERROR_UNKNOWN_PROPERTY},
        {"set unknown", WHB_CALL_PROPERTY_SET, {p, 0x7777, room, 8}, WHB_ERROR_UNKNOWN_PROPERTY},
        {"code above 32 bits", WHB_CALL_PROPERTY_GET, {p, 0x100001fffull, room, 64}, WHB_ERROR_UNKNOWN_PROPERTY},
        {"get in small room", WHB_CALL_PROPERTY_GET, {p, 0x1fff, room, 3}, WHB_ERROR_BUFFER_TOO_SMALL},
        {"set of short value", WHB_CALL_PROPERTY_SET, {p, 1, room, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"set of huge value", WHB_CALL_PROPERTY_SET, {p, 1, room, 1ull << 40}, WHB_ERROR_INVALID_ARGUMENT},
        {"unknown exits", WHB_CALL_PROPERTY_SET, {p, 1, room, 8}, WHB_ERROR_NOT_SUPPORTED},
        {"unknown capability", WHB_CALL_GET_CAPABILITY, {0x7777, room, 64}, WHB_ERROR_UNKNOWN_CAPABILITY},
        {"capability in small room", WHB_CALL_GET_CAPABILITY, {0, room, 3}, WHB_ERROR_BUFFER_TOO_SMALL},
        {"log in small room", WHB_CALL_LOG_READ, {0, room, 7}, WHB_ERROR_BUFFER_TOO_SMALL},
        {"statistics in small room", WHB_CALL_STATISTICS, {room, 87}, WHB_ERROR_BUFFER_TOO_SMALL},
        {"audit in small room", WHB_CALL_AUDIT_MAPPINGS, {room, 87}, WHB_ERROR_BUFFER_TOO_SMALL},
        {0},
    };
    check_refusals(r);
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL, whb_call(WHB_CALL_GET_CAPABILITY, 1, room, 0, 0, 0, &size));
    CHECK_EQ(8, size);
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL, whb_call(WHB_CALL_STATISTICS, room, 0, 0, 0, 0, &size));
    CHECK_EQ(sizeof(struct whb_statistics), size);
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL, whb_call(WHB_CALL_PROPERTY_GET, p, 1, room, 0, 0, &size));
    CHECK_EQ(8, size);
    CHECK_EQ(0xff, buffer[0]);
    finish(&g);
}

static void mapping(void)
{
    struct guest g;
    create(&g);
    uint64_t ram = (uintptr_t)g.ram, p = partition, gpa = 0x400000;
    const struct refusal r[] = {
        {"GPA not aligned", WHB_CALL_GPA_MAP, {p, ram, gpa + 1, 4096, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"source not aligned", WHB_CALL_GPA_MAP, {p, ram + 8, gpa, 4096, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"size not aligned", WHB_CALL_GPA_MAP, {p, ram, gpa, 4095, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"size 0", WHB_CALL_GPA_MAP, {p, ram, gpa, 0, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"no rights", WHB_CALL_GPA_MAP, {p, ram, gpa, 4096, 0}, WHB_ERROR_INVALID_ARGUMENT},
        {"write only", WHB_CALL_GPA_MAP, {p, ram, gpa, 4096, 2}, WHB_ERROR_INVALID_ARGUMENT},
        {"execute only", WHB_CALL_GPA_MAP, {p, ram, gpa, 4096, 4}, WHB_ERROR_INVALID_ARGUMENT},
        {"unknown flag", WHB_CALL_GPA_MAP, {p, ram, gpa, 4096, 23}, WHB_ERROR_INVALID_ARGUMENT},
        {"high flag", WHB_CALL_GPA_MAP, {p, ram, gpa, 4096, 1ull << 32 | 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"GPA too high", WHB_CALL_GPA_MAP, {p, ram, BEYOND_GPA, 4096, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"GPA wraps", WHB_CALL_GPA_MAP, {p, ram, gpa, 0 - gpa, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"source too high", WHB_CALL_GPA_MAP, {p, BEYOND_GPA, gpa, 4096, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"source wraps", WHB_CALL_GPA_MAP, {p, 0 - 4096ull, gpa, 8192, 7}, WHB_ERROR_INVALID_ARGUMENT},
        {"unmap not aligned", WHB_CALL_GPA_UNMAP, {p, 1, 4096}, WHB_ERROR_INVALID_ARGUMENT},
        {"unmap size 0", WHB_CALL_GPA_UNMAP, {p, 0, 0}, WHB_ERROR_INVALID_ARGUMENT},
        {"unmap wraps", WHB_CALL_GPA_UNMAP, {p, 4096, 0 - 4096ull}, WHB_ERROR_INVALID_ARGUMENT},
        {"unmap past the last GPA", WHB_CALL_GPA_UNMAP, {p, BEYOND_GPA, 4096}, WHB_ERROR_INVALID_ARGUMENT},
        {0},
    };
    check_refusals(r);
    finish(&g);
}

static void processors(void)
{
    struct guest g;
    create(&g);
    uint64_t p = partition, run = (uintptr_t)second_run_page, room = (uintptr_t)buffer, values = room + 2048;
    memset(buffer, 0xff, 64); /* names that do not exist */
    const struct refusal r[] = {
        {"run page not aligned", WHB_CALL_VP_CREATE, {p, 1, run + 8}, WHB_ERROR_INVALID_ARGUMENT},
        {"VP above the count", WHB_CALL_VP_CREATE, {p, 2, run}, WHB_ERROR_INVALID_ARGUMENT},
        {"VP 2^32", WHB_CALL_VP_CREATE, {p, 1ull << 32, run}, WHB_ERROR_INVALID_ARGUMENT},
        {"VP exists", WHB_CALL_VP_CREATE, {p, 0, run}, WHB_ERROR_VP_EXISTS},
        {"delete absent", WHB_CALL_VP_DELETE, {p, 1}, WHB_ERROR_VP_ABSENT},
        {"delete 2^32", WHB_CALL_VP_DELETE, {p, 1ull << 32}, WHB_ERROR_VP_ABSENT},
        {"run absent", WHB_CALL_VP_RUN, {p, 1}, WHB_ERROR_VP_ABSENT},
        {"run 64", WHB_CALL_VP_RUN, {p, WHB_MAX_VPS}, WHB_ERROR_VP_ABSENT},
        {"cancel absent", WHB_CALL_VP_CANCEL, {p, 1}, WHB_ERROR_VP_ABSENT},
        {"cancel 2^63", WHB_CALL_VP_CANCEL, {p, 1ull << 63}, WHB_ERROR_VP_ABSENT},
        {"get of absent", WHB_CALL_VP_GET_REGISTERS, {p, 1, room, values, 1}, WHB_ERROR_VP_ABSENT},
        {"get of none", WHB_CALL_VP_GET_REGISTERS, {p, 0, room, values, 0}, WHB_ERROR_INVALID_ARGUMENT},
        {"get of 257", WHB_CALL_VP_GET_REGISTERS, {p, 0, room, values, 257}, WHB_ERROR_INVALID_ARGUMENT},
        {"get of 2^62", WHB_CALL_VP_GET_REGISTERS, {p, 0, room, values, 1ull << 62}, WHB_ERROR_INVALID_ARGUMENT},
        {"get unknown", WHB_CALL_VP_GET_REGISTERS, {p, 0, room, values, 1}, WHB_ERROR_UNKNOWN_REGISTER},
        {"set unknown", WHB_CALL_VP_SET_REGISTERS, {p, 0, room, values, 2}, WHB_ERROR_UNKNOWN_REGISTER},
        {"set of none", WHB_CALL_VP_SET_REGISTERS, {p, 0, room, values, 0}, WHB_ERROR_INVALID_ARGUMENT},
        {0},
    };
    check_refusals(r);
    finish(&g);
}

const struct scenario scenarios_calls_arguments[] = {
    {"calls-gate", 1, gate},
    {"calls-registers-kept", 1, registers_kept},
    {"calls-handles", 1, handles},
    {"calls-partition-states", 1, partition_states},
    {"calls-properties", 1, properties},
    {"calls-mapping", 1, mapping},
    {"calls-processors", 1, processors},
    {0},
};
