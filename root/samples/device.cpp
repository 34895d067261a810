/* SPDX-License-Identifier: MIT */
/*
 * A client in C++: a guest in real mode writes a line, byte by byte, to a device in memory, and halts. The instruction
 * emulator finishes the writes for a device that is an object. The same source is a Windows program and a Whimbrel root
 * program (docs/clients.md).
 */
#include <windows.h>

#include <WinHvEmulation.h>
#include <WinHvPlatform.h>
#include <stdio.h>
#include <string.h>

namespace
{

constexpr UINT64 ram_size = 0x10000;
constexpr UINT64 start = 0x1000;
constexpr UINT64 device_at = 0xd0000;
const WHV_MAP_GPA_RANGE_FLAGS readable = WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagExecute;

const UINT8 guest_code[] = {
    0xb8, 0x00, 0xd0,       /* 1000: mov ax, d000h */
    0x8e, 0xc0,             /* 1003: mov es, ax */
    0xbe, 0x12, 0x10,       /* 1005: mov si, 1012h */
    0xac,                   /* 1008: lodsb */
    0x26, 0xa2, 0x08, 0x00, /* 1009: mov es:[8], al */
    0x84, 0xc0,             /* 100d: test al, al */
    0x75, 0xf7,             /* 100f: jnz 1008h */
    0xf4,                   /* 1011: hlt */
    'W',  'r',  'i',  't',  't', 'e', 'n', ' ', 'b', 'y', ' ', 't', 'h', 'e', ' ', 'g', 'u', 'e', 's', 't', 0,
};

/* What is at the addresses from `device_at` on. */
class Device
{
  public:
    virtual ~Device() = default;
    virtual void Write(UINT64 offset, UINT8 value) = 0;
};

class Printer final : public Device
{
  public:
    explicit Printer(const char *name) : name_(name)
    {
    }
    Printer(const Printer &) = delete;
    Printer &operator=(const Printer &) = delete;
    ~Printer() override
    {
        printf("%s: %u bytes\n", name_, length_);
    }
    void Write(UINT64 offset, UINT8 value) override
    {
        if (offset != 8) {
            printf("%s: nothing is at %u\n", name_, static_cast<unsigned>(offset));
        } else if (value == 0) {
            text_[length_] = 0;
            printf("%s: %s\n", name_, text_);
        } else if (length_ < sizeof(text_) - 1) {
            text_[length_++] = static_cast<char>(value);
        }
    }

  private:
    const char *name_;
    char text_[64] = {};
    unsigned length_ = 0;
};

/* A global object with a constructor: it is there before main, and gone after it. */
class Steps
{
  public:
    Steps() : good_(false), count_(0), failed_(0)
    {
    }
    ~Steps()
    {
        printf("%u calls, %u failed\n", count_, failed_);
        printf(good_ ? "device: good\n" : "device: BAD\n");
    }
    HRESULT operator()(HRESULT result, const char *what)
    {
        count_++;
        if (FAILED(result)) {
            failed_++;
            printf("%s failed: 0x%08x\n", what, static_cast<unsigned>(result));
        }
        return result;
    }
    int End(bool good)
    {
        good_ = good;
        return good ? 0 : 1;
    }

  private:
    bool good_;
    unsigned count_, failed_;
};

Steps step;

class Machine
{
  public:
    explicit Machine(Device &device) : device_(device)
    {
    }
    Machine(const Machine &) = delete;
    Machine &operator=(const Machine &) = delete;
    ~Machine()
    {
        if (emulator_ != nullptr) {
            step(WHvEmulatorDestroyEmulator(emulator_), "WHvEmulatorDestroyEmulator");
        }
        if (partition_ != nullptr) {
            step(WHvDeletePartition(partition_), "WHvDeletePartition");
        }
        if (ram_ != nullptr) {
            VirtualFree(ram_, 0, MEM_RELEASE);
        }
    }
    bool Create();
    bool SetStart();
    bool Run();

  private:
    bool Map();
    bool Emulate(const WHV_RUN_VP_EXIT_CONTEXT &exit);
    static HRESULT CALLBACK OnPort(void *, WHV_EMULATOR_IO_ACCESS_INFO *)
    {
        return E_NOTIMPL;
    }
    static HRESULT CALLBACK OnMemory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *access);
    static HRESULT CALLBACK OnGet(void *context, const WHV_REGISTER_NAME *names, UINT32 count,
                                  WHV_REGISTER_VALUE *values)
    {
        return WHvGetVirtualProcessorRegisters(static_cast<Machine *>(context)->partition_, 0, names, count, values);
    }
    static HRESULT CALLBACK OnSet(void *context, const WHV_REGISTER_NAME *names, UINT32 count,
                                  const WHV_REGISTER_VALUE *values)
    {
        return WHvSetVirtualProcessorRegisters(static_cast<Machine *>(context)->partition_, 0, names, count, values);
    }
    static HRESULT CALLBACK OnTranslate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                                        WHV_TRANSLATE_GVA_RESULT_CODE *code, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
    {
        WHV_TRANSLATE_GVA_RESULT result = {};
        flags |= WHvTranslateGvaFlagPrivilegeExempt;
        HRESULT hr = WHvTranslateGva(static_cast<Machine *>(context)->partition_, 0, gva, flags, &result, gpa);
        *code = result.ResultCode;
        return hr;
    }

    Device &device_;
    WHV_PARTITION_HANDLE partition_ = nullptr;
    WHV_EMULATOR_HANDLE emulator_ = nullptr;
    UINT8 *ram_ = nullptr;
};

bool Machine::Map()
{
    auto flags = readable;
    flags |= WHvMapGpaRangeFlagWrite;
    ram_ = static_cast<UINT8 *>(VirtualAlloc(nullptr, ram_size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE));
    if (ram_ == nullptr) {
        printf("VirtualAlloc failed: %u\n", static_cast<unsigned>(GetLastError()));
        return false;
    }
    memcpy(ram_ + start, guest_code, sizeof(guest_code));
    return SUCCEEDED(step(WHvMapGpaRange(partition_, ram_, 0, ram_size, flags), "WHvMapGpaRange"));
}

bool Machine::Create()
{
    WHV_EMULATOR_CALLBACKS callbacks = {};
    UINT32 processors = 1;
    callbacks.Size = sizeof(callbacks);
    callbacks.WHvEmulatorIoPortCallback = OnPort;
    callbacks.WHvEmulatorMemoryCallback = OnMemory;
    callbacks.WHvEmulatorGetVirtualProcessorRegisters = OnGet;
    callbacks.WHvEmulatorSetVirtualProcessorRegisters = OnSet;
    callbacks.WHvEmulatorTranslateGvaPage = OnTranslate;
    return SUCCEEDED(step(WHvCreatePartition(&partition_), "WHvCreatePartition")) &&
           SUCCEEDED(step(WHvSetPartitionProperty(partition_, WHvPartitionPropertyCodeProcessorCount, &processors,
                                                  sizeof(processors)),
                          "WHvSetPartitionProperty")) &&
           SUCCEEDED(step(WHvSetupPartition(partition_), "WHvSetupPartition")) && Map() &&
           SUCCEEDED(step(WHvCreateVirtualProcessor(partition_, 0, 0), "WHvCreateVirtualProcessor")) &&
           SUCCEEDED(step(WHvEmulatorCreateEmulator(&callbacks, &emulator_), "WHvEmulatorCreateEmulator"));
}

bool Machine::SetStart()
{
    const WHV_REGISTER_NAME names[] = {WHvX64RegisterCs, WHvX64RegisterRip, WHvX64RegisterRflags};
    WHV_REGISTER_VALUE values[3] = {};
    values[0].Segment.Limit = 0xffff;
    values[0].Segment.Attributes = 0x9b;
    values[1].Reg64 = start;
    values[2].Reg64 = 2;
    return SUCCEEDED(
        step(WHvSetVirtualProcessorRegisters(partition_, 0, names, 3, values), "WHvSetVirtualProcessorRegisters"));
}

HRESULT CALLBACK Machine::OnMemory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *access)
{
    auto *machine = static_cast<Machine *>(context);
    for (UINT8 i = 0; i < access->AccessSize; i++) {
        UINT64 at = access->GpaAddress + i;
        if (access->Direction == 0) {
            access->Data[i] = at < ram_size ? machine->ram_[at] : 0xff;
        } else if (at >= device_at) {
            machine->device_.Write(at - device_at, access->Data[i]);
        }
    }
    return S_OK;
}

bool Machine::Emulate(const WHV_RUN_VP_EXIT_CONTEXT &exit)
{
    WHV_EMULATOR_STATUS status = {};
    HRESULT hr = WHvEmulatorTryMmioEmulation(emulator_, this, &exit.VpContext, &exit.MemoryAccess, &status);
    if (SUCCEEDED(hr) && !status.EmulationSuccessful) {
        printf("The emulator's status is %x.\n", static_cast<unsigned>(status.AsUINT32));
    }
    return SUCCEEDED(hr) && status.EmulationSuccessful;
}

bool Machine::Run()
{
    WHV_RUN_VP_EXIT_CONTEXT exit = {};
    for (;;) {
        if (FAILED(WHvRunVirtualProcessor(partition_, 0, &exit, sizeof(exit)))) {
            return false;
        }
        switch (exit.ExitReason) {
        case WHvRunVpExitReasonX64Halt:
            return true;
        case WHvRunVpExitReasonMemoryAccess:
            if (!Emulate(exit)) {
                return false;
            }
            break;
        default:
            printf("The guest ended with exit reason %x.\n", static_cast<unsigned>(exit.ExitReason));
            return false;
        }
    }
}

} // namespace

int main()
{
    bool good;
    Device *printer = new Printer("printer");
    {
        Machine machine(*printer);
        good = machine.Create() && machine.SetStart() && machine.Run();
    }
    delete printer;
    return step.End(good);
}
