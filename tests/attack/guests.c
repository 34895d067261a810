/* SPDX-License-Identifier: MIT */
/* Guests that execute random code, and a root that answers their exits at random. */
#include "tests/attack/guests.h"

#define RUN_TICKS_MAX 1536u

#define GUESTS_MAX (ROOT_MAX_CPUS + 1)

static struct guest guests[GUESTS_MAX];
static uint32_t guest_count;

/* One more than there are CPUs, so that guests change their CPU. */
void guests_prepare(uint32_t cpus)
{
    guest_count = cpus + 1;
    for (uint32_t i = 0; i < guest_count; i++) {
        guests[i].ram = root_alloc_pages(GUEST_RAM / ROOT_PAGE, GUEST_RAM);
        for (uint32_t vp = 0; vp < GUEST_VPS; vp++) {
            guests[i].runs[vp] = root_alloc_pages(1, ROOT_PAGE);
        }
    }
}

static void must(struct guest *g, const char *what, enum whb_status status)
{
    if (status != WHB_OK) {
        attack_fail(g->a, what, WHB_OK, status);
    }
}

static enum whb_status set_property(struct guest *g, uint32_t code, uint64_t value)
{
    memcpy(g->a->buffers, &value, sizeof(value));
    return attack_do(g->a, WHB_CALL_PROPERTY_SET, g->partition, code, (uintptr_t)g->a->buffers, sizeof(value), 0);
}

static enum whb_status map(struct guest *g, uint64_t offset, uint64_t gpa, uint64_t size, uint64_t flags)
{
    return attack_map(g->a, g->partition, (uintptr_t)g->ram + offset, gpa, size, flags);
}

/* With fresh memory, which another VP of the guest may be in the middle of. */
static void create_vp(struct guest *g)
{
    must(g, "VP_CREATE", attack_do(g->a, WHB_CALL_VP_CREATE, g->partition, g->vp, (uintptr_t)g->runs[g->vp], 0, 0));
    g->sequences[g->vp] = 0;
    guest_write_memory(g);
    guest_start(g);
}

static void delete_vp(struct guest *g, uint32_t vp)
{
    must(g, "VP_DELETE", attack_do(g->a, WHB_CALL_VP_DELETE, g->partition, vp, 0, 0, 0));
}

#define EXITS_ALWAYS 0x2full /* exceptions, CPUID, MSRs, RDTSC, hypercalls */
#define EXITS_APIC 0x33d0ull /* SMI, INIT and SIPI, writes of some registers: only with local APICs */

/* Three in four have local APICs, one in two a second VP. Exits are on in some. */
static void create(struct guest *g)
{
    const uint64_t none[5] = {0};
    struct random *r = &g->a->random;
    must(g, "PARTITION_CREATE", attack_call(g->a, WHB_CALL(WHB_CALL_PARTITION_CREATE), none, &g->partition));
    uint32_t apic = random_once_in(r, 4) ? random_below(r, 3) : (uint32_t)WHvX64LocalApicEmulationModeX2Apic;
    g->apic = apic != WHvX64LocalApicEmulationModeNone;
    g->vps = 1 + random_below(r, GUEST_VPS);
    must(g, "count", set_property(g, WHvPartitionPropertyCodeProcessorCount, g->vps));
    must(g, "APIC", set_property(g, WHvPartitionPropertyCodeLocalApicEmulationMode, apic));
    must(g, "exits",
         set_property(g, WHvPartitionPropertyCodeExtendedVmExits,
                      random_u64(r) & (EXITS_ALWAYS | (g->apic ? EXITS_APIC : 0))));
    uint64_t some_bits = random_u64(r);
    some_bits &= random_u64(r);
    must(g, "exceptions", set_property(g, WHvPartitionPropertyCodeExceptionExitBitmap, some_bits & 0x2b7dfb));
    must(g, "PARTITION_SETUP", attack_do(g->a, WHB_CALL_PARTITION_SETUP, g->partition, 0, 0, 0, 0));
    must(g, "GPA_MAP", map(g, 0, 0, GUEST_RAM, WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_EXECUTE));
    g->mode = (enum guest_mode)random_below(r, GUEST_MODES);
    for (g->vp = 0; g->vp < g->vps; g->vp++) {
        create_vp(g);
    }
    g->vp = 0;
}

static void delete (struct guest *g)
{
    if (random_once_in(&g->a->random, 2)) {
        delete_vp(g, 0);
    }
    enum whb_status status;
    do { /* another CPU may be canceling its VP */
        status = attack_do(g->a, WHB_CALL_PARTITION_DELETE, g->partition, 0, 0, 0, 0);
    } while (status == WHB_ERROR_BUSY);
    must(g, "PARTITION_DELETE", status);
}

static void restart(struct guest *g)
{
    if (random_once_in(&g->a->random, 4)) {
        delete (g);
        create(g);
    } else {
        delete_vp(g, g->vp);
        create_vp(g);
    }
}

/* Any place of the code, as the mode counts. */
static void jump_anywhere(struct guest *g)
{
    uint32_t offset = random_below(&g->a->random, GUEST_CODE_SIZE);
    g->runs[g->vp]->rip = g->mode == GUEST_REAL ? offset : GUEST_CODE + offset;
    g->runs[g->vp]->dirty |= WHB_RUN_RIP;
}

static void inject(struct guest *g)
{
    static const uint64_t events[] = {
        0x000d0017, 0x00060007, 0x000e0017ull | 2ull << 32, 0x00030047ull | 0xcull, 0x00200001, 0x00020005, 0x00800049,
        0x000c0017, 0x00010007,
    };
    (void)guest_set(g, WHvRegisterPendingInterruption,
                    random_once_in(&g->a->random, 4) ? random_u64(&g->a->random) : PICK(&g->a->random, events), 0);
}

/*
 * Bochs 2.7 enters a guest with EFER.LMA = 1 and CR0.PG = 0 and then gives up, where a processor refuses the entry (SDM
 * vol. 3C, 27.3.1.1); so the attack never asks for that.
 */
static uint64_t spare_bochs(const struct guest *g, uint32_t name, uint64_t value)
{
    if (name == WHvX64RegisterCr0 && g->mode == GUEST_LONG) {
        return value | 0x80000001;
    }
    return name == WHvX64RegisterEfer ? value & ~0x400ull : value;
}

/*
 * Bochs 2.7 gives up, too, when a stack segment that is not usable is used outside 64-bit mode, where a processor
 * raises #SS; so the attack's are always writable data segments.
 */
static uint64_t spare_bochs_stack(uint32_t name, uint64_t high)
{
    return name == WHvX64RegisterSs ? (high & ~(0x9full << 48)) | 0x93ull << 48 : high;
}

static void change_register(struct guest *g)
{
    static const uint64_t values[] = {0,    1,     2,     0x10,  0x11,  0x31,   0x80000031,
                                      0x20, 0x620, 0x500, 0x202, 0x400, 0xffff, ~0ull};
    static const uint32_t names[] = {
        WHvX64RegisterCr0,
        WHvX64RegisterCr3,
        WHvX64RegisterCr4,
        WHvX64RegisterCr8,
        WHvX64RegisterEfer,
        WHvX64RegisterDr7,
        WHvX64RegisterRflags,
        WHvRegisterInterruptState,
        WHvX64RegisterPendingDebugException,
        WHvX64RegisterDeliverabilityNotifications,
        WHvRegisterPendingEvent,
        WHvX64RegisterXCr0,
        WHvX64RegisterCs,
        WHvX64RegisterSs,
        WHvX64RegisterTr,
        WHvX64RegisterLdtr,
        WHvX64RegisterGdtr,
        WHvX64RegisterIdtr,
    };
    struct random *r = &g->a->random;
    uint64_t low = random_once_in(r, 4) ? random_u64(r) >> random_below(r, 64) : PICK(r, values);
    uint32_t name = PICK(r, names);
    uint64_t high = random_once_in(r, 2) ? 0 : random_u64(r);
    (void)guest_set(g, name, spare_bochs(g, name, low), spare_bochs_stack(name, high));
}

/* A page where the guest wanted one, or one less. */
static void change_memory(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *record)
{
    struct random *r = &g->a->random;
    uint64_t page = random_below(r, GUEST_RAM / ROOT_PAGE) * ROOT_PAGE;
    uint64_t gpa = record->ExitReason == WHvRunVpExitReasonMemoryAccess ? record->MemoryAccess.Gpa & ~0xfffull : page;
    if (random_once_in(r, 4)) {
        (void)attack_do(g->a, WHB_CALL_GPA_UNMAP, g->partition, page, ROOT_PAGE, 0, 0);
    } else {
        (void)map(g, page, gpa, ROOT_PAGE, WHB_MAP_READ | (random_u64(r) & 7));
    }
}

/* Ranges of posted writes come and go, and the client spoils its ring. */
static void change_posted(struct guest *g)
{
    struct random *r = &g->a->random;
    bool ports = random_once_in(r, 2);
    uint64_t address = ports ? WHB_POSTED_PORT : random_below(r, 2 * GUEST_RAM / ROOT_PAGE) * ROOT_PAGE;
    enum whb_call call = random_once_in(r, 2) ? WHB_CALL_POSTED_ADD : WHB_CALL_POSTED_REMOVE;
    (void)attack_do(g->a, call, g->partition, address, ports ? 0x10000 : ROOT_PAGE, 0, 0);
    g->runs[g->vp]->posted.head = random_once_in(r, 2) ? g->runs[g->vp]->posted.tail : (uint32_t)random_u64(r);
}

/* An interrupt of the client's, of any kind; in the partition of a guest that another CPU may have. */
static void request_interrupt(struct attacker *a, const struct guest *g)
{
    static const uint32_t types[] = {0x1000, 0x1000, 0x1000, 0, 1, 0x1101, 4, 5, 6, 9}; /* 1000H: level */
    struct random *r = &a->random;
    uint64_t vector = random_once_in(r, 8) ? random_below(r, 0x110) : 0x20 + random_below(r, 0x20);
    uint64_t destination = random_once_in(r, 4) ? random_u64(r) & 0xffffffff : random_below(r, GUEST_VPS);
    (void)attack_do(a, WHB_CALL_INTERRUPT, g->partition, PICK(r, types), vector << 32 | destination, 0, 0);
}

/* What the hypervisor leaves to the client of an access to the local APIC's page. */
static void access_apic(struct guest *g)
{
    struct random *r = &g->a->random;
    uint64_t offset = random_once_in(r, 8) ? random_below(r, ROOT_PAGE) : random_below(r, 0x40) * 16, value = 0;
    const uint64_t arguments[5] = {g->partition, g->vp, offset, random_below(r, 2),
                                   random_u64(r) >> random_below(r, 64)};
    enum whb_status status = attack_call(g->a, WHB_CALL(WHB_CALL_APIC_ACCESS), arguments, &value);
    g->sequences[g->vp] += status == WHB_OK && arguments[3] != 0 && (value & WHB_APIC_RECORD) != 0;
}

static bool has_ended(const WHV_RUN_VP_EXIT_CONTEXT *record)
{
    return record->ExitReason == WHvRunVpExitReasonUnrecoverableException ||
           record->ExitReason == WHvRunVpExitReasonInvalidVpRegisterValue;
}

static void answer(struct guest *g, const WHV_RUN_VP_EXIT_CONTEXT *record)
{
    struct random *r = &g->a->random;
    if (random_once_in(r, 256) || (has_ended(record) && !random_once_in(r, 8))) {
        restart(g);
        return;
    }
    switch (random_below(r, 16)) {
    case 0:
        inject(g);
        break;
    case 1:
        change_register(g);
        break;
    case 2:
        change_memory(g, record);
        break;
    case 3:
        (void)attack_do(g->a, WHB_CALL_VP_CANCEL, guests[random_below(r, guest_count)].partition,
                        random_below(r, GUEST_VPS), 0, 0, 0);
        break;
    case 4: /* again */
        if (random_once_in(r, 2)) {
            change_posted(g);
        }
        break;
    case 5 ... 6:
        random_once_in(r, 8) ? access_apic(g) : request_interrupt(g->a, g);
        break;
    case 7 ... 9:
        g->runs[g->vp]->rip = record->VpContext.Rip + record->VpContext.InstructionLength;
        g->runs[g->vp]->dirty |= WHB_RUN_RIP;
        break;
    default:
        jump_anywhere(g);
    }
}

/* The timer ended a run without an exit: the guest may be in a loop, of code or of faults, or sleep. */
static void leave_loop(struct guest *g)
{
    if (random_once_in(&g->a->random, 16)) {
        restart(g);
    } else if (random_once_in(&g->a->random, 2)) {
        jump_anywhere(g);
        if (g->apic) {
            (void)guest_set(g, WHvRegisterInternalActivityState, 0, 0);
        }
    }
}

/* WHB_ERROR_APIC_ACCESS comes with a record, too. */
static void run_once(struct guest *g)
{
    g->vp = random_below(&g->a->random, g->vps);
    enum whb_status status = attack_run(g->a, g->partition, g->vp, 1 + random_below(&g->a->random, RUN_TICKS_MAX));
    if (status == WHB_OK || status == WHB_ERROR_APIC_ACCESS) {
        WHV_RUN_VP_EXIT_CONTEXT record;
        memcpy(&record, g->runs[g->vp]->record, sizeof(record));
        g->a->done++;
        guest_check_record(g, &record);
        answer(g, &record);
    } else if (status == WHB_ERROR_INTERRUPTED) {
        leave_loop(g);
    } else {
        attack_fail(g->a, "VP_RUN", WHB_OK, status);
    }
}

/* Some runs of whichever guest no other CPU has. */
static void attack_one(struct attacker *a)
{
    struct guest *g = &guests[random_below(&a->random, guest_count)];
    if (__atomic_exchange_n(&g->taken, 1, __ATOMIC_ACQUIRE) != 0) {
        request_interrupt(a, g);
        return;
    }
    g->a = a;
    if (g->partition == 0) {
        create(g);
    }
    for (uint32_t i = 1 + random_below(&a->random, 32); i > 0 && !attack_failed(); i--) {
        run_once(g);
    }
    __atomic_store_n(&g->taken, 0, __ATOMIC_RELEASE);
}

void guests_attack(void *attacker)
{
    struct attacker *a = attacker;
    cpu_cli();
    while (a->done < a->work && !attack_failed()) {
        attack_one(a);
    }
}

void guests_finish(struct attacker *a)
{
    for (uint32_t i = 0; i < guest_count; i++) {
        guests[i].a = a;
        if (guests[i].partition != 0) {
            delete (&guests[i]);
        }
    }
}

void guests_judge(const struct attacker *sum)
{
    root_printf("runs: %u gave a record, %u were interrupted; %u VPs were made\n", sum->counts[WHB_CALL_VP_RUN][WHB_OK],
                sum->counts[WHB_CALL_VP_RUN][WHB_ERROR_INTERRUPTED], sum->counts[WHB_CALL_VP_CREATE][WHB_OK]);
    uint32_t all = 0, rare = 0;
    for (uint32_t kind = 1; guest_exit_name(kind) != NULL; kind++) {
        uint32_t wanted = guest_exit_wanted(kind, sum->work);
        root_printf("  %-24s %u\n", guest_exit_name(kind), sum->exits[kind]);
        all += sum->exits[kind];
        if (sum->exits[kind] < wanted) {
            root_printf("  this came less than %u times\n", wanted);
            rare++;
        }
    }
    attack_check("exits-of-each-kind", "kinds that seldom came", 0, rare);
    attack_check("exits-made", "all", 1, all >= sum->work);
}
