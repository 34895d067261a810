/* SPDX-License-Identifier: MIT */
/*
 * A client of the Windows Hypervisor Platform: a guest in long mode executes what exits (CPUID, RDMSR, WRMSR, memory
 * that is not there, HLT), each exit is finished and noted, a cancelled run ends it. Windows program and Whimbrel root
 * program from one source (docs/clients.md).
 */
#include <windows.h>

#include <WinHvPlatform.h>
#include <stdio.h>
#include <string.h>

#define RAM_SIZE 0x200000
#define CODE_AT 0x1000
#define PML4_AT 0x2000
#define PDPT_AT 0x3000
#define PD_AT 0x4000
#define DEVICE_GVA 0x200000
#define DEVICE_GPA 0xfe000000
#define MSR_NUMBER 0x40000f00
#define CPUID_LEAF 0x40000000

#define MAX_ROWS 16

static const UINT8 GuestCode[] = {
    0xb8, 0x00, 0x00, 0x00, 0x40, /* 1000: mov eax, 40000000h */
    0x0f, 0xa2,                   /* 1005: cpuid */
    0x89, 0xde,                   /* 1007: mov esi, ebx */
    0xb9, 0x00, 0x0f, 0x00, 0x40, /* 1009: mov ecx, 40000f00h */
    0x0f, 0x32,                   /* 100e: rdmsr */
    0xff, 0xc0,                   /* 1010: inc eax */
    0x0f, 0x30,                   /* 1012: wrmsr */
    0xbb, 0x00, 0x00, 0x20, 0x00, /* 1014: mov ebx, 200000h */
    0x8b, 0x03,                   /* 1019: mov eax, [rbx] */
    0x89, 0x43, 0x04,             /* 101b: mov [rbx + 4], eax */
    0xf4,                         /* 101e: hlt */
    0xeb, 0xfe,                   /* 101f: jmp 101fh */
};

struct Row {
    const char *Reason;
    UINT64 Rip;
    UINT64 Detail;
    UINT64 Value;
};

struct Machine {
    WHV_PARTITION_HANDLE Partition;
    UINT8 *Ram;
    UINT64 Msr;       /* behind MSR_NUMBER */
    UINT32 Device[2]; /* behind DEVICE_GPA */
    struct Row Rows[MAX_ROWS];
    unsigned RowCount;
};

static BOOL Check(HRESULT hr, const char *what)
{
    if (FAILED(hr)) {
        printf("%s failed: 0x%08x\n", what, (unsigned)hr);
    }
    return SUCCEEDED(hr);
}

static void Note(struct Machine *m, const char *reason, const WHV_RUN_VP_EXIT_CONTEXT *exit, UINT64 detail,
                 UINT64 value)
{
    if (m->RowCount < MAX_ROWS) {
        struct Row *row = &m->Rows[m->RowCount++];
        row->Reason = reason;
        row->Rip = exit->VpContext.Rip;
        row->Detail = detail;
        row->Value = value;
    }
}

static BOOL CheckCapabilities(void)
{
    WHV_CAPABILITY capability;
    memset(&capability, 0, sizeof(capability));
    if (!Check(WHvGetCapability(WHvCapabilityCodeHypervisorPresent, &capability, sizeof(capability), NULL),
               "present") ||
        !capability.HypervisorPresent) {
        return FALSE;
    }
    memset(&capability, 0, sizeof(capability));
    return Check(WHvGetCapability(WHvCapabilityCodeExtendedVmExits, &capability, sizeof(capability), NULL), "exits") &&
           capability.ExtendedVmExits.X64CpuidExit && capability.ExtendedVmExits.X64MsrExit;
}

static BOOL SetUpPartition(struct Machine *m)
{
    WHV_PARTITION_PROPERTY property;
    memset(&property, 0, sizeof(property));
    property.ProcessorCount = 1;
    if (!Check(WHvCreatePartition(&m->Partition), "WHvCreatePartition") ||
        !Check(WHvSetPartitionProperty(m->Partition, WHvPartitionPropertyCodeProcessorCount, &property,
                                       sizeof(property.ProcessorCount)),
               "ProcessorCount")) {
        return FALSE;
    }
    memset(&property, 0, sizeof(property));
    property.ExtendedVmExits.X64CpuidExit = 1;
    property.ExtendedVmExits.X64MsrExit = 1;
    return Check(WHvSetPartitionProperty(m->Partition, WHvPartitionPropertyCodeExtendedVmExits, &property,
                                         sizeof(property.ExtendedVmExits)),
                 "ExtendedVmExits") &&
           Check(WHvSetupPartition(m->Partition), "WHvSetupPartition") &&
           Check(WHvMapGpaRange(m->Partition, m->Ram, 0, RAM_SIZE,
                                WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute),
                 "WHvMapGpaRange") &&
           Check(WHvCreateVirtualProcessor(m->Partition, 0, 0), "WHvCreateVirtualProcessor");
}

static void PutEntry(struct Machine *m, UINT32 table, UINT32 index, UINT64 entry)
{
    memcpy(m->Ram + table + index * sizeof(entry), &entry, sizeof(entry));
}

/* GVA 0 to 2 MiB: RAM; the next 2 MiB: the device. */
static void FillRam(struct Machine *m)
{
    memcpy(m->Ram + CODE_AT, GuestCode, sizeof(GuestCode));
    PutEntry(m, PML4_AT, 0, PDPT_AT | 3);
    PutEntry(m, PDPT_AT, 0, PD_AT | 3);
    PutEntry(m, PD_AT, 0, 0x83);
    PutEntry(m, PD_AT, 1, (UINT64)DEVICE_GPA | 0x83);
}

static void SetSegment(WHV_REGISTER_VALUE *value, UINT16 selector, UINT16 attributes)
{
    value->Segment.Base = 0;
    value->Segment.Limit = 0xffffffff;
    value->Segment.Selector = selector;
    value->Segment.Attributes = attributes;
}

static BOOL EnterLongMode(struct Machine *m)
{
    static const WHV_REGISTER_NAME names[] = {
        WHvX64RegisterCs,  WHvX64RegisterDs,  WHvX64RegisterEs,   WHvX64RegisterSs,  WHvX64RegisterCr3,
        WHvX64RegisterCr4, WHvX64RegisterCr0, WHvX64RegisterEfer, WHvX64RegisterRip, WHvX64RegisterRflags,
    };
    WHV_REGISTER_VALUE values[sizeof(names) / sizeof(names[0])];
    memset(values, 0, sizeof(values));
    SetSegment(&values[0], 0x08, 0xa09b);
    SetSegment(&values[1], 0x10, 0xc093);
    SetSegment(&values[2], 0x10, 0xc093);
    SetSegment(&values[3], 0x10, 0xc093);
    values[4].Reg64 = PML4_AT;
    values[5].Reg64 = 0x20;       /* PAE */
    values[6].Reg64 = 0x80000011; /* PG, ET, PE */
    values[7].Reg64 = 0x500;      /* LMA, LME */
    values[8].Reg64 = CODE_AT;
    values[9].Reg64 = 2;
    return Check(WHvSetVirtualProcessorRegisters(m->Partition, 0, names, sizeof(names) / sizeof(names[0]), values),
                 "WHvSetVirtualProcessorRegisters");
}

/* RIP past the instruction, and up to four general registers. */
static BOOL Resume(struct Machine *m, UINT64 rip, const WHV_REGISTER_NAME *extra, const UINT64 *numbers, UINT32 count)
{
    WHV_REGISTER_NAME names[5] = {WHvX64RegisterRip};
    WHV_REGISTER_VALUE values[5];
    memset(values, 0, sizeof(values));
    values[0].Reg64 = rip;
    for (UINT32 i = 0; i < count; i++) {
        names[i + 1] = extra[i];
        values[i + 1].Reg64 = numbers[i];
    }
    return Check(WHvSetVirtualProcessorRegisters(m->Partition, 0, names, count + 1, values), "finishing the exit");
}

static BOOL FinishCpuid(struct Machine *m, const WHV_RUN_VP_EXIT_CONTEXT *exit)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRax, WHvX64RegisterRbx, WHvX64RegisterRcx,
                                              WHvX64RegisterRdx};
    const WHV_X64_CPUID_ACCESS_CONTEXT *cpuid = &exit->CpuidAccess;
    UINT64 results[4] = {cpuid->DefaultResultRax, cpuid->DefaultResultRbx, cpuid->DefaultResultRcx,
                         cpuid->DefaultResultRdx};
    if ((UINT32)cpuid->Rax == CPUID_LEAF) {
        results[0] = CPUID_LEAF;
        results[1] = 0x706d6153; /* "Samp" */
    }
    Note(m, "Cpuid", exit, cpuid->Rax, results[1]);
    return Resume(m, exit->VpContext.Rip + exit->VpContext.InstructionLength, names, results, 4);
}

static BOOL FinishMsr(struct Machine *m, const WHV_RUN_VP_EXIT_CONTEXT *exit)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRax, WHvX64RegisterRdx};
    const WHV_X64_MSR_ACCESS_CONTEXT *msr = &exit->MsrAccess;
    UINT64 halves[2] = {m->Msr & 0xffffffff, m->Msr >> 32};
    UINT64 next = exit->VpContext.Rip + exit->VpContext.InstructionLength;
    if (msr->MsrNumber != MSR_NUMBER) {
        return FALSE;
    }
    if (msr->AccessInfo.IsWrite) {
        m->Msr = (msr->Rdx << 32) | (msr->Rax & 0xffffffff);
    }
    Note(m, msr->AccessInfo.IsWrite ? "MsrWrite" : "MsrRead", exit, msr->MsrNumber, m->Msr);
    return Resume(m, next, names, halves, msr->AccessInfo.IsWrite ? 0 : 2);
}

/* The guest has two instructions for the device: MOV EAX, [RBX + disp] and the other way round. */
static BOOL FinishMemory(struct Machine *m, const WHV_RUN_VP_EXIT_CONTEXT *exit)
{
    static const WHV_REGISTER_NAME rax = WHvX64RegisterRax;
    const WHV_MEMORY_ACCESS_CONTEXT *memory = &exit->MemoryAccess;
    UINT64 offset = memory->Gpa - DEVICE_GPA, loaded;
    BOOL write = memory->AccessInfo.AccessType == WHvMemoryAccessWrite;
    WHV_REGISTER_VALUE value;
    if (memory->InstructionByteCount < 3 || memory->InstructionBytes[0] != (write ? 0x89 : 0x8b) || offset > 4) {
        printf("unexpected access of GPA 0x%llx\n", (unsigned long long)memory->Gpa);
        return FALSE;
    }
    UINT64 next = exit->VpContext.Rip + (memory->InstructionBytes[1] >> 6 == 1 ? 3 : 2);
    memset(&value, 0, sizeof(value));
    if (write) {
        if (!Check(WHvGetVirtualProcessorRegisters(m->Partition, 0, &rax, 1, &value), "reading RAX")) {
            return FALSE;
        }
        m->Device[offset / 4] = value.Reg32;
    }
    loaded = m->Device[offset / 4];
    Note(m, write ? "MemoryWrite" : "MemoryRead", exit, memory->Gpa, loaded);
    return Resume(m, next, &rax, &loaded, write ? 0 : 1);
}

/* A VP that would run forever: cancelled before it starts, the run returns at once. */
static BOOL FinishHalt(struct Machine *m, const WHV_RUN_VP_EXIT_CONTEXT *exit)
{
    Note(m, "Halt", exit, 0, 0);
    return Check(WHvCancelRunVirtualProcessor(m->Partition, 0, 0), "WHvCancelRunVirtualProcessor");
}

static BOOL RunUntilCanceled(struct Machine *m)
{
    WHV_RUN_VP_EXIT_CONTEXT exit;
    BOOL good = TRUE;
    while (good) {
        good = Check(WHvRunVirtualProcessor(m->Partition, 0, &exit, sizeof(exit)), "WHvRunVirtualProcessor");
        if (!good) {
            break;
        }
        switch (exit.ExitReason) {
        case WHvRunVpExitReasonX64Cpuid:
            good = FinishCpuid(m, &exit);
            break;
        case WHvRunVpExitReasonX64MsrAccess:
            good = FinishMsr(m, &exit);
            break;
        case WHvRunVpExitReasonMemoryAccess:
            good = FinishMemory(m, &exit);
            break;
        case WHvRunVpExitReasonX64Halt:
            good = FinishHalt(m, &exit);
            break;
        case WHvRunVpExitReasonCanceled:
            Note(m, "Canceled", &exit, exit.CancelReason.CancelReason, 0);
            return TRUE;
        default:
            printf("unexpected exit reason 0x%x at RIP 0x%llx\n", (unsigned)exit.ExitReason,
                   (unsigned long long)exit.VpContext.Rip);
            good = FALSE;
        }
    }
    return good;
}

/* What the guest kept: ESI from CPUID, EAX from the device. */
static BOOL CheckRegisters(struct Machine *m)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterRsi, WHvX64RegisterRax, WHvX64RegisterRbx,
                                              WHvX64RegisterCr3, WHvX64RegisterRip};
    WHV_REGISTER_VALUE values[5];
    memset(values, 0, sizeof(values));
    if (!Check(WHvGetVirtualProcessorRegisters(m->Partition, 0, names, 5, values), "reading registers")) {
        return FALSE;
    }
    printf("RSI 0x%llx, RAX 0x%llx, RBX 0x%llx, CR3 0x%llx, RIP 0x%llx\n", (unsigned long long)values[0].Reg64,
           (unsigned long long)values[1].Reg64, (unsigned long long)values[2].Reg64,
           (unsigned long long)values[3].Reg64, (unsigned long long)values[4].Reg64);
    return values[0].Reg64 == 0x706d6153 && values[1].Reg64 == 0xd0d0caca && m->Device[1] == 0xd0d0caca &&
           m->Msr == 0x1122334455667789;
}

static void PrintTable(const struct Machine *m)
{
    printf("%-12s %-8s %-10s %s\n", "exit", "RIP", "detail", "value");
    for (unsigned i = 0; i < m->RowCount; i++) {
        const struct Row *row = &m->Rows[i];
        printf("%-12s %-8llx %-10llx %llx\n", row->Reason, (unsigned long long)row->Rip,
               (unsigned long long)row->Detail, (unsigned long long)row->Value);
    }
}

int main(void)
{
    static struct Machine machine;
    struct Machine *m = &machine;
    if (!CheckCapabilities()) {
        printf("There is no hypervisor, or none with CPUID and MSR exits.\n");
        return 1;
    }
    m->Ram = VirtualAlloc(NULL, RAM_SIZE, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (m->Ram == NULL) {
        printf("VirtualAlloc failed: %u\n", (unsigned)GetLastError());
        return 1;
    }
    m->Msr = 0x1122334455667788;
    m->Device[0] = 0xd0d0caca;
    FillRam(m);
    BOOL good = SetUpPartition(m) && EnterLongMode(m) && RunUntilCanceled(m) && CheckRegisters(m);
    PrintTable(m);
    if (m->Partition != NULL) {
        good = Check(WHvDeletePartition(m->Partition), "WHvDeletePartition") && good;
    }
    good = VirtualFree(m->Ram, 0, MEM_RELEASE) && good;
    printf("exits: %s\n", good ? "good" : "bad");
    return good ? 0 : 1;
}
