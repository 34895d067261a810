/* SPDX-License-Identifier: MIT */
/*
 * A client of the Windows Hypervisor Platform: a guest in real mode prints a line through port E9h and halts. The same
 * source is a Windows program and a Whimbrel root program (docs/clients.md).
 */
#include <windows.h>

#include <WinHvPlatform.h>
#include <stdio.h>
#include <string.h>

#define GUEST_RAM_SIZE 0x10000
#define GUEST_START 0x1000
#define DEBUG_PORT 0xe9

static const UINT8 GuestCode[] = {
    0xbe, 0x0f,       0x10, /* 1000: mov si, 100fh */
    0xba, DEBUG_PORT, 0x00, /* 1003: mov dx, e9h */
    0xac,                   /* 1006: lodsb */
    0x84, 0xc0,             /* 1007: test al, al */
    0x74, 0x03,             /* 1009: jz 100eh */
    0xee,                   /* 100b: out dx, al */
    0xeb, 0xf8,             /* 100c: jmp 1006h */
    0xf4,                   /* 100e: hlt */
    'H',  'e',        'l',  'l', 'o', ' ', 'f', 'r', 'o', 'm',  ' ',
    't',  'h',        'e',  ' ', 'g', 'u', 'e', 's', 't', '\n', 0,
};

struct Machine {
    WHV_PARTITION_HANDLE Partition;
    UINT8 *Ram;
};

/* Says what failed; returns whether it succeeded. */
static BOOL Check(HRESULT hr, const char *what)
{
    if (FAILED(hr)) {
        printf("%s failed: 0x%08x\n", what, (unsigned)hr);
    }
    return SUCCEEDED(hr);
}

static BOOL HypervisorIsPresent(void)
{
    WHV_CAPABILITY capability;
    UINT32 written = 0;
    memset(&capability, 0, sizeof(capability));
    HRESULT hr = WHvGetCapability(WHvCapabilityCodeHypervisorPresent, &capability, sizeof(capability), &written);
    return Check(hr, "WHvGetCapability") && capability.HypervisorPresent;
}

static BOOL CreateMachine(struct Machine *machine)
{
    WHV_PARTITION_PROPERTY property;
    memset(&property, 0, sizeof(property));
    property.ProcessorCount = 1;
    machine->Ram = VirtualAlloc(NULL, GUEST_RAM_SIZE, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
    if (machine->Ram == NULL) {
        printf("VirtualAlloc failed: %u\n", (unsigned)GetLastError());
        return FALSE;
    }
    memcpy(machine->Ram + GUEST_START, GuestCode, sizeof(GuestCode));
    return Check(WHvCreatePartition(&machine->Partition), "WHvCreatePartition") &&
           Check(WHvSetPartitionProperty(machine->Partition, WHvPartitionPropertyCodeProcessorCount, &property,
                                         sizeof(property.ProcessorCount)),
                 "WHvSetPartitionProperty") &&
           Check(WHvSetupPartition(machine->Partition), "WHvSetupPartition") &&
           Check(WHvMapGpaRange(machine->Partition, machine->Ram, 0, GUEST_RAM_SIZE,
                                WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute),
                 "WHvMapGpaRange") &&
           Check(WHvCreateVirtualProcessor(machine->Partition, 0, 0), "WHvCreateVirtualProcessor");
}

/* CS:IP = 0000:1000h; everything else stays as after reset. */
static BOOL SetStart(const struct Machine *machine)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterCs, WHvX64RegisterRip, WHvX64RegisterRflags};
    WHV_REGISTER_VALUE values[3];
    memset(values, 0, sizeof(values));
    values[0].Segment.Limit = 0xffff;
    values[0].Segment.Attributes = 0x9b;
    values[1].Reg64 = GUEST_START;
    values[2].Reg64 = 2;
    return Check(WHvSetVirtualProcessorRegisters(machine->Partition, 0, names, 3, values),
                 "WHvSetVirtualProcessorRegisters");
}

/* Does what the OUT asks for and steps over it. */
static BOOL FinishPortAccess(const struct Machine *machine, const WHV_RUN_VP_EXIT_CONTEXT *exit)
{
    const WHV_REGISTER_NAME name = WHvX64RegisterRip;
    WHV_REGISTER_VALUE value;
    if (exit->IoPortAccess.PortNumber != DEBUG_PORT || !exit->IoPortAccess.AccessInfo.IsWrite) {
        printf("unexpected access of port 0x%x\n", exit->IoPortAccess.PortNumber);
        return FALSE;
    }
    putchar((int)(exit->IoPortAccess.Rax & 0xff));
    memset(&value, 0, sizeof(value));
    value.Reg64 = exit->VpContext.Rip + exit->VpContext.InstructionLength;
    return Check(WHvSetVirtualProcessorRegisters(machine->Partition, 0, &name, 1, &value),
                 "WHvSetVirtualProcessorRegisters");
}

static BOOL RunUntilHalt(const struct Machine *machine)
{
    WHV_RUN_VP_EXIT_CONTEXT exit;
    unsigned exits = 0;
    for (;;) {
        if (!Check(WHvRunVirtualProcessor(machine->Partition, 0, &exit, sizeof(exit)), "WHvRunVirtualProcessor")) {
            return FALSE;
        }
        exits++;
        switch (exit.ExitReason) {
        case WHvRunVpExitReasonX64IoPortAccess:
            if (!FinishPortAccess(machine, &exit)) {
                return FALSE;
            }
            break;
        case WHvRunVpExitReasonX64Halt:
            printf("The guest halted after %u exits.\n", exits);
            return TRUE;
        default:
            printf("unexpected exit reason 0x%x at RIP 0x%llx\n", (unsigned)exit.ExitReason,
                   (unsigned long long)exit.VpContext.Rip);
            return FALSE;
        }
    }
}

static BOOL DeleteMachine(struct Machine *machine)
{
    BOOL good = TRUE;
    if (machine->Partition != NULL) {
        good = Check(WHvDeleteVirtualProcessor(machine->Partition, 0), "WHvDeleteVirtualProcessor") && good;
        good = Check(WHvDeletePartition(machine->Partition), "WHvDeletePartition") && good;
    }
    if (machine->Ram != NULL) {
        good = VirtualFree(machine->Ram, 0, MEM_RELEASE) && good;
    }
    return good;
}

int main(void)
{
    struct Machine machine = {NULL, NULL};
    if (!HypervisorIsPresent()) {
        printf("There is no hypervisor.\n");
        return 1;
    }
    BOOL good = CreateMachine(&machine) && SetStart(&machine) && RunUntilHalt(&machine);
    good = DeleteMachine(&machine) && good;
    printf("hello: %s\n", good ? "good" : "bad");
    return good ? 0 : 1;
}
