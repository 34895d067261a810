# SPDX-License-Identifier: MIT
# Builds the hypervisor, the root programs and their bootable images. `make help` lists what can be asked for.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

CROSS_COMPILE ?=
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
LD := $(CROSS_COMPILE)ld
NM := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
DEBUG ?= 0
V ?= 0
CMDLINE ?=
ROOT_CMDLINE ?=
FUZZ_SECONDS ?= 60
KIND ?= calls
PROGRAM ?= root
GDB_PORT ?= 1234
SEED ?= 1
WORK ?= 1000000
B := build

# No image holds a date: any fixed value gives the same bytes everywhere.
SOURCE_DATE_EPOCH ?= 1767225600
export SOURCE_DATE_EPOCH
export LC_ALL := C

Q := $(if $(filter 1,$(V)),,@)
# A word for the shell, whatever quotes it has.
quoted = '$(subst ','\'',$(1))'
say = $(if $(filter 1,$(V)),,@echo "  $(1)	$(2)";)
# For the recursive calls below: every CPU, unless this make was told otherwise.
submake = $(MAKE) --no-print-directory $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(shell nproc))
is_clang := $(findstring clang,$(notdir $(firstword $(CC))))

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wundef -Wvla -Werror
ifeq ($(DEBUG),1)
OPTIMISE := -Og -DDEBUG=1
else
OPTIMISE := -O2
endif
COMMON := $(if $(is_clang),--target=x86_64-linux-gnu) -std=gnu11 -m64 -march=x86-64 -ffreestanding \
	-I. -I$(B)/generated -ffile-prefix-map=$(CURDIR)=. -g -gdwarf-4 $(OPTIMISE) $(WARNINGS) \
	-mno-red-zone -fno-stack-protector -fcf-protection=none -fno-common -fno-strict-aliasing \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer \
	-ffunction-sections -fdata-sections
# A call in tail position stays a call, so that a crash report names every function on the way.
HOST_CFLAGS := $(COMMON) -mgeneral-regs-only -mcmodel=kernel -fno-pic -fno-pie -fno-optimize-sibling-calls
# EVMCS=1, in a directory of its own: under a hypervisor with enlightened VMCSs, and nowhere else (docs/bench.md).
# For measurements, each in a directory of its own (scripts/bench): COUNT=1 counts instructions, NO_TRACE=1 is without
# the exit trace.
HOST_CFLAGS += $(if $(filter 1,$(EVMCS)),-DENLIGHTENED_VMCS)
HOST_CFLAGS += $(if $(filter 1,$(COUNT)),-DCOUNT_INSTRUCTIONS) $(if $(filter 1,$(NO_TRACE)),-DNO_EXIT_TRACE)
# FORCE_MITIGATIONS=1, for measurements too: every mitigation, as NOPs (docs/mitigations.md).
HOST_CFLAGS += $(if $(filter 1,$(FORCE_MITIGATIONS)),-DFORCE_MITIGATIONS)
# HARDWARE_MODEL=1, in a directory of its own: on Bochs, for tests (docs/testing.md, "Hardware model").
HOST_CFLAGS += $(if $(filter 1,$(HARDWARE_MODEL)),-DHARDWARE_MODEL)
# LOCK_CHECK=1, and DEBUG=1: checks the order of locks and waits while it runs (docs/locks.md).
HOST_CFLAGS += $(if $(filter 1,$(LOCK_CHECK) $(DEBUG)),-DLOCK_CHECK)
LDFLAGS := -nostdlib -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments --build-id=none --gc-sections
HOST_LDFLAGS := $(LDFLAGS) -static -T linker.ld

host_sources := $(wildcard $(foreach d,arch kernel vmm,$(foreach f,$(d) $(d)/* $(d)/*/*,$(f)/*.c $(f)/*.S)))
host_sources := $(sort $(filter-out arch/cpu/asm_offsets.c,$(host_sources)))

object = $(patsubst %,$(B)/obj/%.o,$(1))
host_objects := $(call object,$(host_sources))

include root/root.mk tests/tests.mk

objects := $(sort $(host_objects) $(root_objects) $(test_objects) $(attack_objects) $(compat_objects) \
	$(sample_objects) $(bench_objects))

.PHONY: all images samples sample-images guest test-guests run debug test \
	test-long test-debian13 test-nested unit fuzz \
	attack bench bench-record bench-counters trace exit-walk bench-peer bench-nested lint format clean help setup FORCE

all:
	$(Q)scripts/setup build
	+$(Q)$(submake) images

images: $(B)/whimbrel.iso

sample-images: $(samples:%=$(B)/sample-%.iso) $(samples:%=$(B)/windows/%.exe)

help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: Targets
#:   make               the images: build/whimbrel.elf, build/root.elf, build/whimbrel.iso (BIOS and UEFI)
#:   make samples       the sample clients: root programs, their images, and with mingw-w64 Windows programs
#:   make run           boot Debian's Linux as a guest, to a shell: in QEMU/KVM with nested VMX, or else in Bochs
#:   make debug         halted at the first instruction for gdb, with symbols (docs/debugging.md): PROGRAM=root
#:   make guest         Debian's Linux kernels and an initrd, for guests: build/guest/
#:   make test          everything that can be tested without a nested KVM, in under 30 minutes
#:   make test-long     the same, the scenarios on models that only newer versions of Bochs have, and long attacks
#:   make test-debian13  unit tests, scenarios and `make run` on Debian 13, in a root folder made for it (as root)
#:   make test-nested   the scenarios in QEMU/KVM in Linux in Bochs, in under 25 minutes
#:   make unit          the host unit tests alone
#:   make fuzz          each fuzzer for FUZZ_SECONDS (60)
#:   make attack        in Bochs: CPUS=4 SEED=1 WORK=1000000, random hypercalls (KIND=calls), the same while CPUs are
#:                      restarted (KIND=restart), guests (KIND=guests), or the root's own instructions (KIND=root)
#:   make bench         ticks of every exit and call: a table, build/bench.json, .png (MACHINE=kvm: not in Bochs)
#:   make bench-record  the same in Bochs, shorter, into tests/bench-baseline.json, which `make test` compares with
#:   make bench-counters  in a build that counts: VMREAD, VMWRITE, VMPTRLD, WRMSR, XSAVE and the like in each case
#:   make trace         a mixed load under the exit trace: a table, and the picture build/trace.png
#:   make exit-walk     one run of CASE=run_vp_pio instruction by instruction (docs/exit-path.md)
#:   make bench-peer    KVM beside it: Linux with KVM in Bochs, and a client that does the same work
#:   make bench-nested  the bench in QEMU/KVM in Linux in Bochs
#:   make lint          formatting, static analysis, house rules
#:   make format        put every source into the house format
#:   make setup         install every Debian package that any target needs
#:   make clean         remove build/
#: Variables
#:   CROSS_COMPILE=x86_64-linux-gnu-   prefix of the compiler and binutils
#:   CC=clang           another compiler
#:   EVMCS=1            with B=build/evmcs: for a KVM that offers enlightened VMCSs (docs/bench.md), fewer ticks there
#:   DEBUG=1            for a debugger, -Og, with the order of locks checked; default is a release build, -O2
#:   V=1                show the commands
#:   CMDLINE="..."      the hypervisor's command line in build/whimbrel.iso; ROOT_CMDLINE="..." the root program's,
#:                      also in build/sample-NAME.iso, where main has it as its arguments
#:   FILES="a b"        files in build/sample-NAME.iso, which the client opens by their names (docs/clients.md)
#:   MACHINE=bochs|kvm  (run) the machine; CPUS=1..8 (2), MEM=MiB (512), ISO=file to boot instead (scripts/mkimage)
#:   MACHINE=qemu       (debug) QEMU without KVM, so without VMX; GDB_PORT=1234, CPUS=1;
#:   PROGRAM=root       (debug) or test-root, bench-root, attack-root, sample-NAME: the root program and its image
#:   APPEND="..."       (run) more words for the Linux kernel's command line; GUEST_MEM=MiB (256)
#:   NO_INSTALL=1       say which Debian packages are missing, and stop, instead of installing them
#:   ONLY="a b"         (test) only the tests whose names contain one of these words

setup:
	$(Q)scripts/setup build run test nested lint debian

samples:
	$(Q)scripts/setup build test
	+$(Q)$(submake) sample-images

run:
	$(Q)scripts/setup build run
	+$(Q)$(if $(ISO),:,$(submake) $(B)/linux.iso)
	$(Q)MACHINE="$(MACHINE)" CPUS="$(CPUS)" MEM="$(MEM)" ISO="$(ISO)" scripts/run

# In a directory of its own: compiled for a debugger, unless DEBUG=0.
debug_dir := $(B)/debug
debug_image = $(debug_dir)/$(or $(patsubst %-root,%,$(filter bench-root,$(PROGRAM))),$(filter sample-%,$(PROGRAM)),$\
	whimbrel$(patsubst %-root,-%,$(filter %-root,$(PROGRAM)))).iso

debug:
	$(Q)scripts/setup build run debug
	+$(Q)$(submake) B=$(debug_dir) DEBUG=$(if $(filter command,$(firstword $(origin DEBUG))),$(DEBUG),1) \
		$(debug_dir)/whimbrel.elf $(debug_dir)/$(PROGRAM).elf $(if $(ISO),,$(debug_image))
	$(Q)MACHINE="$(MACHINE)" CPUS="$(or $(CPUS),1)" MEM="$(MEM)" ISO="$(or $(ISO),$(debug_image))" \
		GDB_PORT="$(GDB_PORT)" KERNEL=$(debug_dir)/whimbrel.elf PROGRAM=$(debug_dir)/$(PROGRAM).elf \
		WORKDIR=$(debug_dir)/run scripts/run

test:
	$(Q)scripts/setup build run test lint bench
	$(Q)ONLY="$(ONLY)" scripts/test

test-long:
	$(Q)scripts/setup build run test lint bench
	$(Q)LONG=1 ONLY="$(ONLY)" SEED="$(if $(filter file,$(origin SEED)),,$(SEED))" scripts/test

# What may depend on the release: compilers, libraries, headers, Bochs, QEMU, Linux, busybox. ONLY= takes others.
DEBIAN13_TESTS := unit/ layout kernels bochs-2cpu xapic guest/make-run samples/ debug/ missing/vmx lint/headers \
	lint/build/clang

test-debian13:
	$(Q)scripts/setup debian
	$(Q)scripts/debian-root trixie make test ONLY="$(or $(ONLY),$(DEBIAN13_TESTS))"

unit:
	$(Q)scripts/setup build test
	$(Q)ONLY="$(or $(ONLY),unit/)" scripts/test

test-nested:
	$(Q)scripts/setup build run nested
	+$(Q)$(submake) $(B)/whimbrel-test.iso
	$(Q)scripts/nested/run --iso $(B)/whimbrel-test.iso

attack:
	$(Q)scripts/setup build run
	+$(Q)$(submake) $(B)/whimbrel-attack.iso
	$(Q)scripts/attack $(KIND) $(or $(CPUS),4) $(SEED) $(WORK) $(call quoted,$(CMDLINE))

bench:
	$(Q)scripts/setup build bench run
	+$(Q)$(submake) $(B)/bench.iso
	$(Q)MACHINE="$(MACHINE)" scripts/bench

bench-record:
	$(Q)scripts/setup build run
	$(Q)scripts/bench --record

bench-counters:
	$(Q)scripts/setup build run
	+$(Q)$(submake) $(B)/boot/bench-root.elf
	$(Q)scripts/bench --counters

trace:
	$(Q)scripts/setup build bench
	+$(Q)$(submake) $(B)/boot/bench-root.elf $(B)/boot/whimbrel.elf
	$(Q)scripts/trace

exit-walk:
	$(Q)scripts/setup build run
	$(Q)scripts/exit-walk $(CASE)

bench-peer bench-nested:
	$(Q)scripts/setup build run nested
	$(Q)scripts/$@

fuzz:
	$(Q)scripts/setup build test
	$(Q)scripts/fuzz $(FUZZ_SECONDS)

lint:
	$(Q)scripts/setup build lint
	+$(Q)$(submake) images $(B)/test-root.elf
	$(Q)scripts/lint

format:
	$(Q)scripts/setup lint
	$(Q)python3 -B -c 'import sys; sys.path.insert(0, "scripts"); from harness import lint; \
		sys.exit(not lint.wanted_version("clang-format"))'
	$(Q)clang-format -i $(wildcard $(foreach d,abi arch/* kernel/* vmm vmm/* vmm/*/* root/* root/*/* tests/*,\
		$(d)/*.c $(d)/*.h))

print-%:
	@echo '$($*)'

clean:
	$(Q)rm -rf $(B)

# Whatever changes the output without changing a file goes into the stamps, which change only with their text.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@{ echo '$(CC) $(HOST_CFLAGS)'; echo '$(short): $(usual): $(usual_flags): $(small_flags)'; \
		echo '$(ROOT_CFLAGS)'; echo '$(LD) $(HOST_LDFLAGS)'; echo '$(ROOT_LDFLAGS)'; \
		$(CC) --version; $(LD) --version; } >$@.new 2>&1
	@cmp -s $@.new $@ && rm -f $@.new || mv $@.new $@

# A file that was removed leaves no newer file behind, so the list of objects is a stamp too.
$(B)/objects: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CMDLINE)' $(call quoted,$(ROOT_CMDLINE)) '$(APPEND) $(CPUS) $(GUEST_MEM)' '$(FILES)' \
		$(SOURCE_DATE_EPOCH) $(objects) >$@.new
	@cmp -s $@.new $@ && rm -f $@.new || mv $@.new $@

$(B)/generated/asm_offsets.h: arch/cpu/asm_offsets.c scripts/mkoffsets $(B)/flags
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -MMD -MP -MF $@.d -MT $@ -S $< -o $(B)/generated/asm_offsets.s
	$(Q)scripts/mkoffsets $(B)/generated/asm_offsets.s >$@

# Called by the exit stub alone, which needs no register kept, on a stack of 8-byte slots.
straight_flags := -DVMCS_UNCHECKED -foptimize-sibling-calls -fomit-frame-pointer -momit-leaf-frame-pointer \
	$(if $(is_clang),,-mpreferred-stack-boundary=3 $(addprefix -fcall-used-,rbx r12 r13 r14 r15))
CFLAGS_vmm/run/exit_fast := $(straight_flags)
CFLAGS_vmm/run/run_straight := $(straight_flags)
CFLAGS_vmm/run/exit_fast_traced := $(straight_flags)
CFLAGS_vmm/run/run_straight_traced := $(straight_flags)
# What an exit does not go through as a rule is compiled to be small: the goal is 128 KiB. The usual ways are compiled
# to be fast, but for the gaps between functions; the short ones have these too.
short := $(addprefix vmm/run/,exit_fast exit_fast_traced run_straight run_straight_traced)
usual := kernel/core/hypercall_gate kernel/core/kick arch/cpu/string vmm/root/root_exit \
	$(addprefix vmm/memory/,ept ept_protect extent_list) \
	$(addprefix vmm/partition/,msr_actions msr_policy) \
	$(addprefix vmm/vp/,counters event instruction switch vp_time) \
	$(addprefix vmm/io_event/,posted posted_range) \
	$(addprefix vmm/apic/,model/apic_model apic apic_send apicv) \
	$(addprefix vmm/run/,apic_exit exit_common exit_decode exit_record fetch_plain guest_exit guest_msr guest_write \
	run window) \
	$(addprefix vmm/hypercall/,hypercall hypercall_vp)
usual_flags := -falign-functions=1 -falign-loops=1 $(if $(is_clang),,-falign-jumps=1 -falign-labels=1)
small_flags := $(if $(filter 1,$(DEBUG)),,-Oz -fno-jump-tables)
flags_by_use = $(if $(filter $(short),$(1)),,$(if $(filter $(usual),$(1)),$(usual_flags),$(small_flags)))
$(B)/obj/arch/% $(B)/obj/kernel/% $(B)/obj/vmm/% $(B)/obj/symbols%: flags_of = $(HOST_CFLAGS) \
	$(call flags_by_use,$*) $(CFLAGS_$*)

$(B)/obj/%.c.o: %.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(flags_of) -MMD -MP -c $< -o $@

$(B)/obj/%.S.o: %.S $(B)/flags $(B)/generated/asm_offsets.h
	$(call say,AS,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(flags_of) -MMD -MP -c $< -o $@

# Two links: the symbol table's size is known only after the first, and the linker script puts it where its size moves
# no function.
$(B)/generated/symbols0.S: scripts/mksymbols
	$(Q)mkdir -p $(@D)
	$(Q)scripts/mksymbols </dev/null >$@

$(B)/generated/symbols.S: $(B)/whimbrel0.elf scripts/mksymbols
	$(call say,GEN,$@)
	$(Q)$(NM) -n $< | scripts/mksymbols >$@

$(B)/obj/symbols0.o $(B)/obj/symbols.o: $(B)/obj/%.o: $(B)/generated/%.S $(B)/flags
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -c $< -o $@

$(B)/whimbrel0.elf $(B)/whimbrel.elf: $(B)/whimbrel%elf: $(host_objects) linker.ld $(B)/objects $(B)/flags
	$(call say,LD,$@)
	$(Q)$(LD) $(HOST_LDFLAGS) -o $@ $(filter %.o,$^)
$(B)/whimbrel0.elf: $(B)/obj/symbols0.o
$(B)/whimbrel.elf: $(B)/obj/symbols.o

MKISO := scripts/mkiso scripts/harness/iso.py

# The files with debug information stay in build/; the images boot stripped copies.
$(B)/boot/%.elf: $(B)/%.elf
	$(Q)mkdir -p $(@D)
	$(Q)$(OBJCOPY) --strip-all $< $@

$(B)/whimbrel.iso: $(B)/boot/whimbrel.elf $(B)/boot/root.elf $(MKISO) $(B)/objects
	$(call say,ISO,$@)
	$(Q)scripts/mkiso -o $@ --kernel $(B)/boot/whimbrel.elf --cmdline '$(CMDLINE)' \
		--module $(B)/boot/root.elf --module-cmdline $(call quoted,$(ROOT_CMDLINE))

$(B)/whimbrel-test.iso: $(B)/boot/whimbrel.elf $(B)/boot/test-root.elf $(MKISO)
	$(call say,ISO,$@)
	$(Q)scripts/mkiso -o $@ --kernel $(B)/boot/whimbrel.elf --cmdline test-calls --module $(B)/boot/test-root.elf

$(B)/whimbrel-attack.iso: $(B)/boot/whimbrel.elf $(B)/boot/attack-root.elf $(MKISO)
	$(call say,ISO,$@)
	$(Q)scripts/mkiso -o $@ --kernel $(B)/boot/whimbrel.elf --cmdline test-calls --module $(B)/boot/attack-root.elf

$(B)/bench.iso: $(B)/boot/whimbrel.elf $(B)/boot/bench-root.elf $(MKISO) $(B)/objects
	$(call say,ISO,$@)
	$(Q)scripts/mkiso -o $@ --kernel $(B)/boot/whimbrel.elf --cmdline '$(CMDLINE)' \
		--module $(B)/boot/bench-root.elf --module-cmdline $(call quoted,$(ROOT_CMDLINE))

# ROOT_CMDLINE is main's arguments, FILES the files that it can open.
$(B)/sample-%.iso: $(B)/boot/whimbrel.elf $(B)/boot/sample-%.elf $(FILES) $(MKISO) $(B)/objects
	$(call say,ISO,$@)
	$(Q)scripts/mkiso -o $@ --kernel $(B)/boot/whimbrel.elf --cmdline '$(CMDLINE)' --module $(B)/boot/sample-$*.elf \
		--module-cmdline $(call quoted,$(ROOT_CMDLINE)) $(addprefix --module ,$(FILES))

# What `make run` boots. The kernel is started at its PVH entry, which spares Bochs a minute of unpacking. tsc=reliable:
# what Linux prints at its start delays it in Bochs so much that it would mistrust the TSC and read the ACPI timer.
LINUX_APPEND := console=ttyS0 tsc=reliable cryptomgr.notests $(APPEND)

$(B)/linux.iso: $(B)/boot/whimbrel.elf $(B)/boot/root.elf $(B)/guest/initrd scripts/mkimage $(MKISO) \
		$(wildcard scripts/harness/*.py) $(B)/objects
	$(call say,ISO,$@)
	$(Q)scripts/mkimage -o $@ --hypervisor-options '$(CMDLINE)' --root-options $(call quoted,$(ROOT_CMDLINE)) \
		--guest linux --kernel $(B)/guest/vmlinuz --pvh --initrd $(B)/guest/initrd --append '$(LINUX_APPEND)' \
		--cpus $(or $(CPUS),2) --memory $(or $(GUEST_MEM),256)M

.SECONDARY:

-include $(objects:.o=.d) $(B)/generated/asm_offsets.h.d
