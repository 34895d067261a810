# SPDX-License-Identifier: MIT
# The root programs and the guests that the tests run.

test_sources := $(sort $(wildcard tests/scenarios/*.c tests/scenarios/*.S))
attack_sources := $(sort $(wildcard tests/attack/*.c tests/attack/*.S))
test_objects := $(call object,$(lib_sources) $(test_sources))
attack_objects := $(call object,$(lib_sources) $(attack_sources))

$(B)/test-root.elf: $(test_objects)
$(B)/attack-root.elf: $(attack_objects)

# The Linux guest: Debian's kernel and an initrd, with the programs of the tests. The cloud kernel is for the tests: it
# is packed with LZ4, so it starts in less time than the other, which is packed with XZ.
GUEST_CFLAGS := -std=gnu11 -O2 -s -static -I. -pthread -ffile-prefix-map=$(CURDIR)=. -Wall -Wextra -Wshadow -Werror
guest_programs := $(B)/guest/tests/workload $(B)/guest/tests/clock $(B)/guest/tests/exits

$(B)/guest/tests/workload: $(wildcard tests/guest/workload*.c) tests/guest/registers.S tests/guest/workload.h
$(B)/guest/tests/clock: tests/guest/clock.c
$(B)/guest/tests/exits: tests/guest/exits/linux.c tests/guest/exits/samples.h
$(guest_programs): $(B)/flags
	$(call say,GUESTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(GUEST_CFLAGS) -o $@ $(filter %.c %.S,$^)

$(B)/guest/initrd $(B)/guest/cloud/initrd: $(guest_programs) scripts/mkguest $(wildcard scripts/guest/*) \
		scripts/harness/debian_kernel.py scripts/harness/newc.py
	$(call say,GUEST,$@)
	$(Q)scripts/mkguest --out $(@D) --flavour $(if $(findstring cloud,$@),cloud-amd64,amd64) \
		$(addprefix --test ,$(guest_programs))
	@touch $@

# Other guests of the tests, without the host's C library; most are of 32 bits.
KERNEL_CFLAGS := -std=gnu11 -O2 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -I. -Wall \
	-Wextra -Wshadow -Wconversion -Werror
KERNEL32_CFLAGS := $(KERNEL_CFLAGS) -m32 -mno-sse -mno-mmx -mno-80387
KERNEL64_CFLAGS := $(KERNEL_CFLAGS) -m64 -mgeneral-regs-only -mno-red-zone

$(B)/guest/tests/multiboot.elf: tests/guest/multiboot_entry.S tests/guest/multiboot_kernel.c tests/guest/multiboot.ld \
		tests/guest/serial.h $(B)/flags
	$(call say,GUESTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL32_CFLAGS) -nostdlib -static -Wl,--build-id=none,--no-warn-rwx-segments \
		-Wl,-T,tests/guest/multiboot.ld -o $@ $(filter %.c %.S,$^)

# Small checks, which run as a guest and on the bare machine alike.
check_sources := $(sort $(wildcard tests/guest/checks/*.c tests/guest/checks/*.S))

$(B)/guest/tests/checks.elf: $(check_sources) $(wildcard tests/guest/checks/*.h) tests/guest/multiboot.ld $(B)/flags
	$(call say,GUESTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL32_CFLAGS) -nostdlib -static -Wl,--build-id=none,--no-warn-rwx-segments \
		-Wl,-T,tests/guest/multiboot.ld -o $@ $(filter %.c %.S,$^)

# What an exit takes inside a guest that has the CPU to itself.
$(B)/guest/tests/exits.elf: tests/guest/exits/entry.S tests/guest/exits/main.c tests/guest/multiboot.ld \
		tests/guest/exits/samples.h tests/guest/serial.h $(B)/flags
	$(call say,GUESTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL64_CFLAGS) -nostdlib -static -Wl,--build-id=none,--no-warn-rwx-segments \
		-Wl,-T,tests/guest/multiboot.ld -o $@ $(filter %.c %.S,$^)

$(B)/guest/tests/rom.bin: tests/guest/rom.S $(B)/flags
	$(call say,GUESTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -m32 -nostdlib -static -Wl,--build-id=none,-Ttext=0xffff0000,--oformat=binary -o $@ $<

$(B)/guest/tests/bootsector.bin: tests/guest/bootsector.S $(B)/flags
	$(call say,GUESTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -m32 -nostdlib -static -Wl,--build-id=none,-Ttext=0x7c00,--oformat=binary -o $@ $<

test-guests: $(B)/guest/initrd $(B)/guest/cloud/initrd $(B)/guest/tests/multiboot.elf $(B)/guest/tests/checks.elf \
	$(B)/guest/tests/bootsector.bin $(B)/guest/tests/rom.bin $(B)/guest/tests/exits.elf

guest: $(B)/guest/initrd $(B)/guest/cloud/initrd
