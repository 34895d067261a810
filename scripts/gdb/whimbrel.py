# SPDX-License-Identifier: MIT
"""Commands for gdb on the hypervisor (docs/debugging.md). scripts/run writes the script that loads this file and says
which root program runs: ROOT_PROGRAM."""
import gdb  # pylint: disable=import-error

ROOT_PROGRAM = "build/debug/root.elf"
MAX_FRAMES = 32


def in_hypervisor(invoke):
    """For a command that reads the hypervisor's memory."""
    def guarded(self, argument, from_tty):
        try:
            invoke(self, argument, from_tty)
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"{error}: this CPU runs the root or a guest, whose page tables do not map the "
                               "hypervisor. Stop it at one of the hypervisor's functions.") from error
    return guarded


def place(address):
    """Function, file and line of an address."""
    line = gdb.find_pc_line(address)
    block = gdb.block_for_pc(address)
    while block and not block.function:
        block = block.superblock
    where = f" at {line.symtab.filename}:{line.line}" if line.symtab else ""
    return f"{address:#018x} {block.function.name if block else '?'}{where}"


def trap_frame():
    """The registers where the hypervisor failed: what an exception saved, or else what panic() did."""
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.name() == "panic_trap":
            return frame.read_var("frame").dereference()
        frame = frame.older()
    return gdb.parse_and_eval("panic_frame")


class Program(gdb.Command):
    """whimbrel-program [FILE]: symbols of the root program.
Runs to where the hypervisor has loaded it, unless it has. Use it before the root program runs or when the machine has
stopped in the hypervisor: the root program's page tables do not map the hypervisor's variables."""

    def __init__(self):
        super().__init__("whimbrel-program", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, from_tty):
        try:
            offset = int(gdb.parse_and_eval("root_entry_delta"))
        except gdb.MemoryError:  # the hypervisor has no page tables yet
            offset = 0
        if offset == 0:
            gdb.execute("thbreak vmm_start")
            gdb.execute("continue")
            offset = int(gdb.parse_and_eval("root_entry_delta"))
        gdb.execute(f"add-symbol-file {argument or ROOT_PROGRAM} -o {offset:#x}")


class Cpus(gdb.Command):
    """whimbrel-cpus: what each CPU has to do with its VPs."""

    def __init__(self):
        super().__init__("whimbrel-cpus", gdb.COMMAND_STATUS)

    @in_hypervisor
    def invoke(self, argument, from_tty):
        cpus = gdb.parse_and_eval("cpus")
        for index in range(int(gdb.parse_and_eval("cpu_count"))):
            cpu = cpus[index].dereference()
            state = "its root VP" if cpu["current"] == cpu["root_vp"] else f"the VP at {cpu['current']}"
            print(f"CPU {int(cpu['index'])}, APIC ID {int(cpu['apic_id'])}: struct cpu at {cpus[index]}; "
                  f"{cpu['vmx_state'].cast(gdb.lookup_type('enum cpu_vmx_state'))}; current VMCS: "
                  f"{state if cpu['current'] else 'none'}; kick {int(cpu['kick'])}")


class Panic(gdb.Command):
    """whimbrel-panic: why the hypervisor has failed, and the calls that led there, with lines."""

    def __init__(self):
        super().__init__("whimbrel-panic", gdb.COMMAND_STACK)

    @in_hypervisor
    def invoke(self, argument, from_tty):
        if not int(gdb.parse_and_eval("panicking")):
            print("The hypervisor has not failed.")
            return
        print(f"reason: {gdb.parse_and_eval('reason').string()}")
        frame = trap_frame()
        print(f"vector {int(frame['vector'])}, error code {int(frame['error']):#x}")
        print(f"#0  {place(int(frame['rip']))}")
        link, word = int(frame["rbp"]), gdb.lookup_type("unsigned long").pointer()
        for depth in range(1, MAX_FRAMES):
            words = gdb.Value(link).cast(word)
            above, address = int(words[0]), int(words[1])
            if address == 0:
                break
            print(f"#{depth:<3}{place(address - 1)}")  # the call, not what follows it
            if above <= link:
                break
            link = above


for command in (Program, Cpus, Panic):
    command()
