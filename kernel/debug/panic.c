/* SPDX-License-Identifier: MIT */
#include "kernel/debug/panic.h"

#include <stdarg.h>
#include <stddef.h>

#include "arch/boot/boot.h"
#include "arch/cpu/apic.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/gdt.h"
#include "arch/cpu/idt.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/percpu.h"
#include "kernel/core/clock.h"
#include "kernel/core/format.h"
#include "kernel/core/kick.h"
#include "kernel/debug/log.h"
#include "kernel/debug/power.h"
#include "kernel/debug/symbols.h"

#define MAX_FRAMES 32u
#define REASON_SIZE 256u
#define STOP_STEP_US 100u
#define STOP_STEPS 1000u /* SMM and WBINVD may take their time */

void (*panic_dump_hook)(void);

static uint32_t owner_apic_id; /* of the CPU that set panicking */
static uint32_t stopped;       /* CPUs that stand still in their NMI handler, where not even an NMI moves them */
static uint32_t nested_faults;
static bool reboot_wanted;
static char reason[REASON_SIZE];

/* The caller of panic(): filled by kernel/debug/panic_entry.S. */
struct trap_frame panic_frame;

/* Where kernel/debug/panic_entry.S goes on after panic(). */
_Noreturn void panic_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

void panic_set_reboot(bool reboot)
{
    reboot_wanted = reboot;
}

void panic_halt_this_cpu(void)
{
    if (__atomic_load_n(&owner_apic_id, __ATOMIC_ACQUIRE) == apic_id()) {
        power_nmi();
    }
    __atomic_fetch_add(&stopped, 1, __ATOMIC_RELEASE);
    cpu_halt_forever();
}

void panic_nmi(struct trap_frame *frame)
{
    if (__atomic_load_n(&panicking, __ATOMIC_ACQUIRE) != 0) {
        panic_halt_this_cpu();
    }
    kick_nmi(frame);
}

static const char *vector_name(uint64_t vector)
{
    static const char *const names[] = {
        "#DE divide error",
        "#DB debug",
        "NMI",
        "#BP breakpoint",
        "#OF overflow",
        "#BR bound range",
        "#UD invalid opcode",
        "#NM device not available",
        "#DF double fault",
        "coprocessor segment overrun",
        "#TS invalid TSS",
        "#NP segment not present",
        "#SS stack fault",
        "#GP general protection",
        "#PF page fault",
        "reserved",
        "#MF x87 error",
        "#AC alignment check",
        "#MC machine check",
        "#XM SIMD error",
        "#VE virtualization exception",
        "#CP control protection",
    };
    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "reserved";
}

/* The struct cpu, unless the fault came before there was one. */
static const struct cpu *known_cpu(void)
{
    return (const struct cpu *)(uintptr_t)rdmsr(MSR_IA32_GS_BASE);
}

static void print_code_address(const char *label, uint64_t address, uint64_t lookup)
{
    uintptr_t offset = 0;
    char name[SYMBOL_NAME_MAX];
    if (symbol_lookup(lookup, name, &offset)) {
        log_error("%s 0x%016lx %s+0x%lx", label, address, name, offset + (address - lookup));
    } else {
        log_error("%s 0x%016lx (not in the hypervisor's code)", label, address);
    }
}

static void print_registers(const struct trap_frame *f)
{
    log_error("RAX %016lx  RBX %016lx  RCX %016lx  RDX %016lx", f->rax, f->rbx, f->rcx, f->rdx);
    log_error("RSI %016lx  RDI %016lx  RBP %016lx  RSP %016lx", f->rsi, f->rdi, f->rbp, f->rsp);
    log_error("R8  %016lx  R9  %016lx  R10 %016lx  R11 %016lx", f->r8, f->r9, f->r10, f->r11);
    log_error("R12 %016lx  R13 %016lx  R14 %016lx  R15 %016lx", f->r12, f->r13, f->r14, f->r15);
    log_error("CS %04lx  SS %04lx  RFLAGS %08lx  CR0 %08lx  CR2 %016lx  CR3 %016lx  CR4 %08lx", f->cs, f->ss, f->rflags,
              read_cr0(), read_cr2(), read_cr3(), read_cr4());
}

/* The stack of this CPU that holds `address`, the boot stack among them. */
static bool find_stack(uintptr_t address, uintptr_t *bottom, uintptr_t *top)
{
    const struct cpu *cpu = known_cpu();
    *bottom = (uintptr_t)boot_stack;
    *top = (uintptr_t)boot_stack_top;
    return (address >= *bottom && address <= *top) || (cpu != NULL && gdt_find_stack(cpu, address, bottom, top));
}

/* Follows frame pointers upward within one stack; each must lie above the one before. */
static void print_backtrace(const struct trap_frame *frame)
{
    uintptr_t bottom, top;
    uintptr_t at = frame->rbp;
    log_error("backtrace:");
    print_code_address("   at", frame->rip, frame->rip);
    if (!find_stack(at, &bottom, &top)) {
        return;
    }
    for (unsigned depth = 0; depth < MAX_FRAMES; depth++) {
        if (at < bottom || at > top - 2 * sizeof(uint64_t) || (at & 7) != 0) {
            return;
        }
        const uint64_t *link = (const uint64_t *)at;
        if (link[1] == 0) {
            return;
        }
        /* A call that never returns may end its function: the return address is then the next one's. */
        print_code_address(" from", link[1], link[1] - 1);
        if (link[0] <= at) {
            return;
        }
        at = link[0];
    }
    log_error(" ... (more frames left out)");
}

static void print_report(const struct trap_frame *frame)
{
    const struct cpu *cpu = known_cpu();
    log_error("*** the hypervisor has failed ***");
    log_error("reason: %s", reason);
    log_error("CPU %u, APIC ID %u", cpu != NULL ? cpu->index : 0, apic_id());
    if (frame->vector != IDT_VECTOR_PANIC) {
        log_error("vector %lu, %s, error code 0x%lx", frame->vector, vector_name(frame->vector), frame->error);
    }
    print_code_address("RIP", frame->rip, frame->rip);
    print_registers(frame);
    print_backtrace(frame);
    if (panic_dump_hook != NULL) {
        panic_dump_hook();
    }
}

static void stop_others(void)
{
    uint32_t self = apic_id(), wanted = 0;
    if (!apic_ready()) {
        return;
    }
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (cpus[i]->apic_id != self) {
            /* A processor that waits for SIPI takes no NMI, and executes nothing. */
            wanted += __atomic_load_n(&cpus[i]->parked, __ATOMIC_ACQUIRE) != CPU_PARKED_HARDWARE;
            apic_send_nmi(cpus[i]->apic_id);
        }
    }
    for (unsigned i = 0; i < STOP_STEPS && __atomic_load_n(&stopped, __ATOMIC_ACQUIRE) < wanted; i++) {
        clock_delay_us(STOP_STEP_US);
    }
}

static _Noreturn void end_machine(bool reboot)
{
    if (reboot) {
        power_reset();
    }
    cpu_halt_forever();
}

static _Noreturn void end_panic(void)
{
    log_write(LOG_LEVEL_INFO, "%s", reboot_wanted ? "rebooting" : "machine stopped");
    end_machine(reboot_wanted);
}

/* A fault while the report is printed: one line, then the end; a fault in that one: silence. */
static _Noreturn void end_nested(const struct trap_frame *frame)
{
    if (__atomic_fetch_add(&nested_faults, 1, __ATOMIC_RELAXED) == 0) {
        log_error("another failure while reporting: vector %lu, RIP 0x%016lx, CR2 0x%016lx", frame->vector, frame->rip,
                  read_cr2());
        end_panic();
    }
    end_machine(reboot_wanted);
}

/* Only one CPU goes on; returns whether this call came while it was already reporting. */
static bool enter_last_words(void)
{
    if (__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQ_REL) != 0) {
        if (__atomic_load_n(&owner_apic_id, __ATOMIC_ACQUIRE) != apic_id()) {
            cpu_halt_forever(); /* until the NMI comes */
        }
        return true;
    }
    __atomic_store_n(&owner_apic_id, apic_id(), __ATOMIC_RELEASE);
    stop_others();
    log_panic_begin();
    return false;
}

void panic_stop_others(void)
{
    (void)enter_last_words();
}

void panic_format(const char *format, ...)
{
    if (!enter_last_words()) {
        va_list args;
        va_start(args, format);
        format_vstring(reason, sizeof(reason), format, args);
        va_end(args);
        print_report(&panic_frame);
        end_panic();
    }
    end_nested(&panic_frame);
}

void panic_trap(struct trap_frame *frame)
{
    if (!enter_last_words()) {
        format_string(reason, sizeof(reason), "unexpected exception %lu (%s) in the hypervisor", frame->vector,
                      vector_name(frame->vector));
        print_report(frame);
        end_panic();
    }
    end_nested(frame);
}

void kernel_stop(const char *format, ...)
{
    if (!enter_last_words()) {
        va_list args;
        va_start(args, format);
        format_vstring(reason, sizeof(reason), format, args);
        va_end(args);
        log_error("%s", reason);
        log_write(LOG_LEVEL_INFO, "machine halted");
    }
    cpu_halt_forever();
}
