/* SPDX-License-Identifier: MIT */
/*
 * What the bench measures of Whimbrel, measured of KVM: a client of /dev/kvm without libraries, whose guest executes
 * the bench's own code (root/bench/guests.S). Prints the bench's lines (docs/bench.md).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RAM 0x200000u
#define CODE 0x1000u
#define SAMPLES 0x40000u
#define GDT 0x7000u
#define IDT 0x6000u
#define TABLES 0x100000u
#define DEVICE 0x20000000u
#define MSR_OF_NOBODY 0x40000f00u
#define RUNS 2000u
#define WARM_UP 200u

#define CODE_OF(name) extern const uint8_t bench_##name[], bench_##name##_end[]
CODE_OF(pio);
CODE_OF(msr);
CODE_OF(mmio);
CODE_OF(halt);
CODE_OF(spin);
CODE_OF(inside_cpuid);
CODE_OF(inside_nothing);

static int kvm, vm, vcpu;
static uint8_t *ram;
static struct kvm_run *run;
static uint32_t samples[RUNS];
static bool failed;

static int must(int result, const char *what)
{
    if (result < 0) {
        printf("@failed %s: %s\n", what, strerror(errno));
        exit(1);
    }
    return result;
}

static inline uint64_t now(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *name, uint32_t overhead)
{
    qsort(samples, RUNS, sizeof(samples[0]), compare);
    printf("@case %s runs=%u min=%u median=%u p99=%u max=%u overhead=%u discarded=0\n", name, RUNS, samples[0],
           samples[RUNS / 2], samples[RUNS - 1 - RUNS / 100], samples[RUNS - 1], overhead);
}

static void nothing(void)
{
}

static void take(void (*work)(void), uint32_t overhead)
{
    for (uint32_t i = 0; i < WARM_UP + RUNS; i++) {
        uint64_t begin = now();
        work();
        uint64_t ticks = now() - begin;
        if (i >= WARM_UP) {
            samples[i - WARM_UP] = (uint32_t)(ticks > overhead ? ticks - overhead : 0);
        }
    }
}

static void measure(const char *name, void (*work)(void))
{
    take(nothing, 0);
    qsort(samples, RUNS, sizeof(samples[0]), compare);
    uint32_t overhead = samples[RUNS / 2];
    take(work, overhead);
    if (failed) {
        printf("@failed %s: exit reason %u\n", name, run->exit_reason);
        exit(1);
    }
    report(name, overhead);
}

static void put_qword(uint64_t at, uint64_t value)
{
    memcpy(ram + at, &value, sizeof(value));
}

static void segment(struct kvm_segment *s, uint16_t selector, uint8_t type, uint8_t l)
{
    memset(s, 0, sizeof(*s));
    s->limit = 0xffffffff;
    s->selector = selector;
    s->type = type;
    s->present = s->s = s->g = 1;
    s->l = l;
    s->db = !l;
}

/* Long mode, the first 1 GiB mapped onto itself by 2 MiB pages: as root/bench/guest.c. */
static void enter_long_mode(void)
{
    struct kvm_sregs s;
    must(ioctl(vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
    put_qword(GDT + 0x10, 0x00cf93000000ffff);
    put_qword(GDT + 0x18, 0x00af9b000000ffff);
    put_qword(TABLES, (TABLES + 0x1000) | 3);
    put_qword(TABLES + 0x1000, (TABLES + 0x2000) | 3);
    for (uint64_t i = 0; i < 512; i++) {
        put_qword(TABLES + 0x2000 + 8 * i, (i << 21) | 0x83);
    }
    s.cr3 = TABLES;
    s.cr4 = 0x220;
    s.efer = 0x500;
    s.cr0 = 0x80000031;
    segment(&s.cs, 0x18, 0xb, 1);
    segment(&s.ds, 0x10, 3, 0);
    s.es = s.ss = s.fs = s.gs = s.ds;
    s.gdt.base = GDT;
    s.gdt.limit = 0x1f;
    s.idt.base = IDT;
    s.idt.limit = 0xfff;
    must(ioctl(vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
}

/* A VM of its own for each case, so that no exit's completion is left over. */
static void create(const uint8_t *begin, const uint8_t *end)
{
    struct kvm_regs r = {0};
    vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    memset(ram, 0, RAM);
    memcpy(ram + CODE, begin, (size_t)(end - begin));
    struct kvm_userspace_memory_region region = {.memory_size = RAM, .userspace_addr = (uintptr_t)ram};
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_USER_SPACE_MSR, .args = {KVM_MSR_EXIT_REASON_UNKNOWN}};
    must(ioctl(vm, KVM_ENABLE_CAP, &cap), "KVM_CAP_X86_USER_SPACE_MSR");
    vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[100];
    } cpuid = {.head.nent = 100};
    must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid), "KVM_GET_SUPPORTED_CPUID");
    must(ioctl(vcpu, KVM_SET_CPUID2, &cpuid), "KVM_SET_CPUID2");
    size_t size = (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    enter_long_mode();
    r.rip = CODE;
    r.rsp = 0x8000;
    r.rbx = DEVICE;
    r.rcx = MSR_OF_NOBODY;
    r.rdi = SAMPLES;
    r.r10 = RUNS + WARM_UP;
    r.rflags = 0x202;
    must(ioctl(vcpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

static void destroy(void)
{
    munmap(run, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
    close(vcpu);
    close(vm);
}

static void run_until(uint32_t reason)
{
    while (ioctl(vcpu, KVM_RUN, 0) < 0 && errno == EINTR) {
    }
    failed |= run->exit_reason != reason;
}

static void null_call(void)
{
    (void)syscall(SYS_getpid);
}

static void null_ioctl(void)
{
    (void)ioctl(kvm, KVM_GET_API_VERSION, 0);
}

static void pio(void)
{
    run_until(KVM_EXIT_IO);
}

static void pio_regs(void)
{
    struct kvm_regs r;
    failed |= ioctl(vcpu, KVM_GET_REGS, &r) != 0;
    r.rax += r.rflags;
    r.rdx += r.rsp;
    failed |= ioctl(vcpu, KVM_SET_REGS, &r) != 0;
    run_until(KVM_EXIT_IO);
}

static void msr(void)
{
    run->msr.data = 0x9abcdef012345678;
    run->msr.error = 0;
    run_until(KVM_EXIT_X86_RDMSR);
}

static void mmio(void)
{
    memset(run->mmio.data, 0x5a, sizeof(run->mmio.data));
    run_until(KVM_EXIT_MMIO);
}

static void halt(void)
{
    run_until(KVM_EXIT_HLT);
}

static void window(void)
{
    run->request_interrupt_window = 1;
    run_until(KVM_EXIT_IRQ_WINDOW_OPEN);
}

static void inside(const uint8_t *begin, const uint8_t *end)
{
    create(begin, end);
    run_until(KVM_EXIT_IO);
    if (failed) {
        printf("@failed exit_internal_cpuid: exit reason %u\n", run->exit_reason);
        exit(1);
    }
    memcpy(samples, ram + SAMPLES + WARM_UP * sizeof(samples[0]), sizeof(samples));
    destroy();
}

static void measure_inside(void)
{
    inside(bench_inside_nothing, bench_inside_nothing_end);
    qsort(samples, RUNS, sizeof(samples[0]), compare);
    uint32_t overhead = samples[0];
    inside(bench_inside_cpuid, bench_inside_cpuid_end);
    for (uint32_t i = 0; i < RUNS; i++) {
        samples[i] -= overhead;
    }
    report("exit_internal_cpuid", overhead);
}

#define CODE_ARGS(name) bench_##name, bench_##name##_end

int main(void)
{
    static const struct {
        const char *name;
        void (*work)(void);
        const uint8_t *begin, *end;
    } cases[] = {
        {"run_vp_pio", pio, CODE_ARGS(pio)},    {"run_vp_pio_regs", pio_regs, CODE_ARGS(pio)},
        {"run_vp_msr", msr, CODE_ARGS(msr)},    {"run_vp_mmio_emulated", mmio, CODE_ARGS(mmio)},
        {"run_vp_halt", halt, CODE_ARGS(halt)}, {"run_vp_interrupt_window", window, CODE_ARGS(spin)},
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
    ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    printf("@bench begin 1\n");
    measure("hypercall_null", null_call);
    measure("null_ioctl", null_ioctl);
    measure_inside();
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        create(cases[i].begin, cases[i].end);
        measure(cases[i].name, cases[i].work);
        destroy();
    }
    printf("@bench end 0\n");
    return 0;
}
